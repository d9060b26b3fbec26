#!/usr/bin/env python3
"""Prints the temperatures of all sensors: Paho with user name and password over TLS, as its examples have it."""
import os

import paho.mqtt.client as mqtt

BROKER = os.environ.get("BROKER", "localhost")
PORT = int(os.environ.get("PORT", "8883"))
TOPIC = "sensors/+/temperature"


def on_connect(client, userdata, flags, rc):
    if rc != 0:
        print(f"refused: {mqtt.connack_string(rc)}", flush=True)
        client.disconnect()
        return
    client.subscribe(TOPIC, qos=1)


def on_subscribe(client, userdata, mid, granted_qos):
    print(f"subscribed {granted_qos}", flush=True)


def on_message(client, userdata, msg):
    sensor = msg.topic.split("/")[1]
    print(f"{sensor}: {msg.payload.decode()}", flush=True)


client = mqtt.Client(client_id=os.environ.get("CLIENT_ID", ""))
client.username_pw_set(os.environ["MQTT_USER"], os.environ["MQTT_PASSWORD"])
client.tls_set(ca_certs=os.environ["CA_FILE"])
client.on_connect = on_connect
client.on_subscribe = on_subscribe
client.on_message = on_message
client.connect(BROKER, PORT, keepalive=60)
client.loop_forever()
