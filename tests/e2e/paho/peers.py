#!/usr/bin/env python3
"""Paho (Debian python3-paho-mqtt 1.6) against a running server. DUNLIN_PAHO holds JSON: host ports, root, name and token of a thing, the
files of its certificate, transport (tcp, tls, ws, wss) and version (4 or 5)."""
import json
import os
import queue
import ssl
import sys
import threading
import time
import unittest

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

SETUP = json.loads(os.environ["DUNLIN_PAHO"])
VERSION = SETUP["version"]
V5 = VERSION == 5
NAME = SETUP["name"]
BASE = f"demo/plant1/machine/{NAME}/{SETUP['transport']}{VERSION}"
WAIT = 20
only_v5 = unittest.skipUnless(V5, "MQTT 5 alone has it")
_number = 0


def properties(kind, **values):
    made = Properties(kind)
    for key, value in values.items():
        setattr(made, key, value)
    return made


class Peer:
    """A client on a thread of its own that keeps what it gets."""

    def __init__(self, client_id=None, clean=True, start=True, wish=None, will=None, password=None):
        global _number
        _number += 1
        self.id = client_id or f"{NAME}/{SETUP['transport']}{VERSION}-{_number}"
        transport = "websockets" if SETUP["transport"] in ("ws", "wss") else "tcp"
        more = {} if V5 else {"clean_session": clean}
        self.client = mqtt.Client(self.id, protocol=mqtt.MQTTv5 if V5 else mqtt.MQTTv311, transport=transport, **more)
        self.clean, self.wish = clean, wish
        self.messages, self.connacks, self.ends = queue.Queue(), queue.Queue(), queue.Queue()
        self.published, self.answers = {}, {}
        self.changed = threading.Condition()
        self.client.on_message = lambda _c, _u, message: self.messages.put(message)
        self.client.on_connect = self._connected
        self.client.on_disconnect = lambda _c, _u, code, props=None: self.ends.put((code, props))
        self.client.on_publish = lambda _c, _u, mid: self._note(self.published, mid, True)
        self.client.on_subscribe = lambda _c, _u, mid, codes, props=None: self._note(self.answers, mid, codes)
        self.client.on_unsubscribe = lambda _c, _u, mid, *rest: self._note(self.answers, mid, rest)
        if SETUP["transport"] in ("tls", "wss"):
            if SETUP["transport"] == "tls" and not password:
                self.client.tls_set(SETUP["root"], SETUP["cert"], SETUP["key"], tls_version=ssl.PROTOCOL_TLS_CLIENT)
            else:
                self.client.tls_set(SETUP["root"], tls_version=ssl.PROTOCOL_TLS_CLIENT)
        if SETUP["transport"] != "tls" or password:
            self.client.username_pw_set(NAME, password or SETUP["token"])
        if transport == "websockets":
            self.client.ws_set_options(path="/mqtt")
        if will:
            self.client.will_set(**will)
        if start:
            self.connect()

    def _connected(self, _client, _user, flags, code, props=None):
        self.connacks.put((flags, int(getattr(code, "value", code)), props))

    def _note(self, where, mid, what):
        with self.changed:
            where[mid] = what
            self.changed.notify_all()

    def wait_for(self, where, mid):
        with self.changed:
            assert self.changed.wait_for(lambda: mid in where, WAIT), f"{self.id}: no answer to {mid}"
            return where[mid]

    def connect(self):
        more = {"clean_start": self.clean, "properties": self.wish} if V5 else {}
        self.client.connect("localhost", SETUP["ports"][SETUP["transport"]], keepalive=30, **more)
        self.client.loop_start()
        self.flags, self.code, self.told = self.connacks.get(timeout=WAIT)
        return self

    def subscribe(self, topic, qos=0, props=None, options=None):
        if V5:
            result, mid = self.client.subscribe(topic, options=options or SubscribeOptions(qos=qos), properties=props)
        else:
            result, mid = self.client.subscribe(topic, qos)
        assert result == 0, result
        return [int(getattr(code, "value", code)) for code in self.wait_for(self.answers, mid)]

    def publish(self, topic, payload, qos=0, retain=False, props=None):
        more = {"properties": props} if props else {}
        mid = self.client.publish(topic, payload, qos, retain, **more).mid
        if qos > 0:
            self.wait_for(self.published, mid)

    def next(self, wait=WAIT):
        return self.messages.get(timeout=wait)

    def texts(self, count):
        return [self.next().payload.decode() for _ in range(count)]

    def nothing(self, wait=0.4):
        try:
            message = self.messages.get(timeout=wait)
        except queue.Empty:
            return
        raise AssertionError(f"{self.id}: {message.topic} {message.payload!r} was not expected")

    def cut(self):
        """Without DISCONNECT."""
        self.client.loop_stop()
        self.client._sock_close()

    def leave(self, **more):
        self.client.disconnect(**more)
        self.client.loop_stop()


def lasting(seconds=600):
    return properties(PacketTypes.CONNECT, SessionExpiryInterval=seconds) if V5 else None


class Paho(unittest.TestCase):
    def peer(self, *args, **more):
        made = Peer(*args, **more)
        self.addCleanup(made.client.loop_stop)
        self.addCleanup(made.client.disconnect)
        return made

    def topic(self):
        return f"{BASE}/{self.id().rsplit('.', 1)[1]}"

    def test_every_pair_of_qos(self):
        sender = self.peer()
        for granted in range(3):
            receiver = self.peer()
            self.assertEqual(receiver.subscribe(self.topic(), granted), [granted])
            for qos in range(3):
                sender.publish(self.topic(), f"{qos}", qos)
                message = receiver.next()
                self.assertEqual((message.payload, message.qos, message.retain), (f"{qos}".encode(), min(qos, granted), 0))
            receiver.nothing(0.1)

    def test_a_large_payload_and_every_byte(self):
        peer = self.peer()
        peer.subscribe(self.topic(), 2)
        payload = bytes(range(256)) * 2000
        peer.publish(self.topic(), payload, 2)
        self.assertEqual(peer.next().payload, payload)

    def test_a_thousand_messages_in_order(self):
        sender, receiver = self.peer(), self.peer()
        receiver.subscribe(self.topic(), 2)
        sender.client.max_inflight_messages_set(50)
        mids = [sender.client.publish(self.topic(), str(i), 1 + i % 2).mid for i in range(1000)]
        for mid in mids:
            sender.wait_for(sender.published, mid)
        texts = receiver.texts(1000)
        for qos in range(2):
            mine = [int(text) for text in texts if int(text) % 2 == qos]
            self.assertEqual(mine, sorted(mine))
        self.assertEqual(len(set(texts)), 1000)

    def test_retained(self):
        sender = self.peer()
        sender.publish(self.topic(), "kept", 1, True)
        late = self.peer()
        late.subscribe(self.topic(), 1)
        message = late.next()
        self.assertEqual((message.payload, message.retain), (b"kept", 1))
        sender.publish(self.topic(), "", 1, True)
        self.assertEqual(late.next().retain, 0)
        later = self.peer()
        later.subscribe(self.topic(), 1)
        later.nothing()

    def test_a_will(self):
        watch = self.peer()
        watch.subscribe(self.topic(), 1)
        will = {"topic": self.topic(), "payload": "gone", "qos": 1, "retain": False}
        self.peer(will=will).leave()
        watch.nothing()
        self.peer(will=will).cut()
        self.assertEqual(watch.next().payload, b"gone")

    def test_a_session_and_its_queue(self):
        receiver = self.peer(clean=False, wish=lasting())
        self.assertFalse(receiver.flags["session present"])
        receiver.subscribe(self.topic(), 2)
        receiver.cut()
        sender = self.peer()
        for i in range(39):  # the last has QoS 2: none of QoS 0 is under way when the receiver comes back
            sender.publish(self.topic(), str(i), i % 3)
        again = self.peer(client_id=receiver.id, clean=False, wish=lasting())
        self.assertTrue(again.flags["session present"])
        texts = again.texts(26)
        self.assertEqual(sorted(map(int, texts)), [i for i in range(39) if i % 3])
        again.leave()
        fresh = self.peer(client_id=receiver.id, clean=True)
        self.assertFalse(fresh.flags["session present"])

    def test_unsubscribe(self):
        peer = self.peer()
        peer.subscribe(self.topic(), 1)
        _, mid = peer.client.unsubscribe(self.topic())
        peer.wait_for(peer.answers, mid)
        peer.publish(self.topic(), "unheard", 1)
        peer.nothing()

    def test_refusals(self):
        wrong = self.peer(password=SETUP["token"][:-1] + "_")
        wrong.client.loop_stop()  # it would try again, and again
        self.assertIn(wrong.code, (134, 135) if V5 else (4, 5))
        peer = self.peer()
        self.assertEqual(peer.subscribe("another/plant/#", 1), [0x87 if V5 else 0x80])

    def test_takeover(self):
        first = self.peer()
        second = self.peer(client_id=first.id)
        code, _ = first.ends.get(timeout=WAIT)
        if V5:
            self.assertEqual(int(getattr(code, "value", code)), 0x8E)
        first.client.loop_stop()
        self.assertEqual(second.code, 0)

    # ---- MQTT 5 alone ----

    @only_v5
    def test_properties_travel(self):
        sender, receiver = self.peer(), self.peer()
        receiver.subscribe(self.topic(), 2, props=properties(PacketTypes.SUBSCRIBE, SubscriptionIdentifier=4711))
        sent = properties(PacketTypes.PUBLISH, PayloadFormatIndicator=1, MessageExpiryInterval=300, ContentType="text/plain",
                          ResponseTopic=f"{BASE}/answers", CorrelationData=b"\x00\xff")
        sent.UserProperty = [("b", "1"), ("a", "2"), ("b", "1")]
        for qos in range(3):
            sender.publish(self.topic(), "x", qos, props=sent)
            got = receiver.next().properties
            self.assertEqual((got.PayloadFormatIndicator, got.ContentType, got.ResponseTopic, got.CorrelationData),
                             (1, "text/plain", f"{BASE}/answers", b"\x00\xff"))
            self.assertEqual(got.UserProperty, [("b", "1"), ("a", "2"), ("b", "1")])
            self.assertEqual(got.SubscriptionIdentifier, [4711])
            self.assertLessEqual(got.MessageExpiryInterval, 300)
            self.assertGreater(got.MessageExpiryInterval, 290)

    @only_v5
    def test_overlapping_identifiers(self):
        peer = self.peer()
        for number, filter in enumerate((self.topic(), f"{self.topic()}/#"), 1):
            peer.subscribe(filter, number - 1, props=properties(PacketTypes.SUBSCRIBE, SubscriptionIdentifier=number))
        peer.publish(self.topic(), "x", 2)
        message = peer.next()
        self.assertEqual((message.qos, sorted(message.properties.SubscriptionIdentifier)), (1, [1, 2]))
        peer.nothing()

    @only_v5
    def test_subscription_options(self):
        peer, other = self.peer(), self.peer()
        other.publish(self.topic(), "kept", 1, True)
        peer.subscribe(self.topic(), options=SubscribeOptions(qos=1, noLocal=True, retainAsPublished=True, retainHandling=2))
        peer.nothing()
        peer.publish(self.topic(), "own", 1)
        peer.nothing()
        other.publish(self.topic(), "flagged", 1, True)
        message = peer.next()
        self.assertEqual((message.payload, message.retain), (b"flagged", 1))
        peer.subscribe(self.topic(), options=SubscribeOptions(qos=1, retainHandling=1))
        peer.nothing()
        peer.subscribe(self.topic(), options=SubscribeOptions(qos=1, retainHandling=0))
        self.assertEqual(peer.next().payload, b"flagged")

    @only_v5
    def test_a_delayed_will(self):
        watch = self.peer()
        watch.subscribe(self.topic(), 1)
        will = {"topic": self.topic(), "payload": "gone", "qos": 1, "retain": False,
                "properties": properties(PacketTypes.WILLMESSAGE, WillDelayInterval=2, ContentType="text/plain")}
        doomed = self.peer(will=will, clean=False, wish=lasting())
        doomed.cut()
        begun = time.monotonic()
        message = watch.next()
        self.assertGreater(time.monotonic() - begun, 1.5)
        self.assertEqual(message.properties.ContentType, "text/plain")
        doomed = self.peer(will=will, clean=False, wish=lasting())
        doomed.cut()
        back = self.peer(client_id=doomed.id, clean=False, wish=lasting())
        self.assertTrue(back.flags["session present"])
        watch.nothing(2.5)

    @only_v5
    def test_topic_aliases(self):
        peer = self.peer()
        self.assertEqual(peer.told.TopicAliasMaximum, 10)
        receiver = self.peer()
        receiver.subscribe(f"{self.topic()}/#", 1)
        for alias in range(1, 11):
            peer.publish(f"{self.topic()}/{alias}", "first", 1, props=properties(PacketTypes.PUBLISH, TopicAlias=alias))
        self.assertEqual([receiver.next().topic for _ in range(10)], [f"{self.topic()}/{i}" for i in range(1, 11)])
        # Paho does not send an empty topic, so the eleventh is what is left to try.
        peer.client.publish(self.topic(), "x", 0, properties=properties(PacketTypes.PUBLISH, TopicAlias=11))
        code, _ = peer.ends.get(timeout=WAIT)
        self.assertEqual(int(getattr(code, "value", code)), 0x94)
        peer.client.loop_stop()

    @only_v5
    def test_flow_control(self):
        receiver = self.peer(wish=properties(PacketTypes.CONNECT, ReceiveMaximum=2))
        receiver.subscribe(self.topic(), 1)
        sender = self.peer()
        self.assertEqual(sender.told.ReceiveMaximum, 100)
        for i in range(30):
            sender.publish(self.topic(), str(i), 1)
        self.assertEqual(receiver.texts(30), [str(i) for i in range(30)])

    @only_v5
    def test_a_small_maximum_packet_size(self):
        receiver = self.peer(wish=properties(PacketTypes.CONNECT, MaximumPacketSize=200))
        receiver.subscribe(self.topic(), 1)
        sender = self.peer()
        sender.publish(self.topic(), "x" * 300, 1)
        sender.publish(self.topic(), "fits", 1)
        self.assertEqual(receiver.texts(1), ["fits"])

    @only_v5
    def test_request_and_response(self):
        server, asker = self.peer(), self.peer()
        server.subscribe(f"{self.topic()}/ask", 1)
        asker.subscribe(f"{self.topic()}/answer/{os.getpid()}", 1)
        asker.publish(f"{self.topic()}/ask", "2+2", 1,
                      props=properties(PacketTypes.PUBLISH, ResponseTopic=f"{self.topic()}/answer/{os.getpid()}", CorrelationData=b"q1"))
        question = server.next()
        server.publish(question.properties.ResponseTopic, "4", 1,
                       props=properties(PacketTypes.PUBLISH, CorrelationData=question.properties.CorrelationData))
        answer = asker.next()
        self.assertEqual((answer.payload, answer.properties.CorrelationData), (b"4", b"q1"))

    @only_v5
    def test_expiry(self):
        receiver = self.peer(clean=False, wish=lasting())
        receiver.subscribe(self.topic(), 1)
        receiver.cut()
        sender = self.peer()
        sender.publish(self.topic(), "old", 1, props=properties(PacketTypes.PUBLISH, MessageExpiryInterval=1))
        sender.publish(self.topic(), "young", 1, props=properties(PacketTypes.PUBLISH, MessageExpiryInterval=600))
        time.sleep(1.3)
        again = self.peer(client_id=receiver.id, clean=False, wish=lasting())
        self.assertEqual(again.texts(1), ["young"])
        # The session's own expiry, changed at the end.
        again.leave(properties=properties(PacketTypes.DISCONNECT, SessionExpiryInterval=1))
        time.sleep(1.5)
        self.assertFalse(self.peer(client_id=receiver.id, clean=False, wish=lasting()).flags["session present"])

    @only_v5
    def test_shared_subscriptions(self):
        members = [self.peer() for _ in range(3)]
        for member in members:
            member.subscribe(f"$share/workers/{self.topic()}", 1)
        sender = self.peer()
        for i in range(60):
            sender.publish(self.topic(), str(i), 1)
        deadline = time.monotonic() + WAIT
        while sum(member.messages.qsize() for member in members) < 60 and time.monotonic() < deadline:
            time.sleep(0.02)
        shares = [member.messages.qsize() for member in members]
        self.assertEqual((sum(shares), min(shares) > 0), (60, True))


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=2))
