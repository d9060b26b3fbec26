#!/usr/bin/env python3
"""A temperature sensor with a certificate of its own: Paho with an SSL context, three measurements, each confirmed."""
import json
import os
import ssl
import time

import paho.mqtt.client as mqtt

BROKER = os.environ.get("BROKER", "localhost")
PORT = int(os.environ.get("PORT", "8883"))
DEVICE = "temp-001"
TOPIC = f"factory/shanghai/sensor/{DEVICE}/temperature"

context = ssl.create_default_context(cafile=os.environ["CA_FILE"])
context.load_cert_chain(certfile=os.environ["CERT_FILE"], keyfile=os.environ["KEY_FILE"])

client = mqtt.Client(client_id=DEVICE, protocol=mqtt.MQTTv311)
client.tls_set_context(context)
client.connect(BROKER, PORT, keepalive=60)
client.loop_start()
for value in (23.1, 23.4, 23.5):
    payload = json.dumps({"value": value, "unit": "Cel", "timestamp": int(time.time() * 1000)})
    info = client.publish(TOPIC, payload, qos=1)
    info.wait_for_publish(timeout=20)
    print(f"{'published' if info.is_published() else 'not published'} {value}", flush=True)
    time.sleep(0.05)
client.disconnect()
client.loop_stop()
