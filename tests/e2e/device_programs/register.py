#!/usr/bin/env python3
"""Registers a device over mutual TLS with requests."""
import os

import requests

with open(os.environ["CERT_FILE"], encoding="ascii") as file:
    certificate = file.read()
response = requests.post(
    os.environ["URL"],
    json={
        "device_id": "temp-001",
        "firmware_version": "1.2.0",
        "model": "TS-100",
        "capabilities": ["temperature", "ota"],
        "certificate": certificate,
    },
    cert=(os.environ["CERT_FILE"], os.environ["KEY_FILE"]),
    verify=os.environ["CA_FILE"],
    timeout=20,
)
response.raise_for_status()
print(response.status_code, response.json()["thing"])
