"""A botnet of very many addresses: connects, half handshakes, wrong passwords, publishes to refused topics, subscriptions, all at once."""
import itertools
import random
import ssl

import packets
from engine import Peer

REFUSED = "$SYS/botnet"  # nobody but the server publishes there
MESSAGES = 50            # in what a bot hands out at a time


def addresses(seed=4):
    """127.0.0.0/8 without the honest ones' own: a different one for every connection."""
    numbers = random.Random(seed)
    while True:
        yield f"127.{numbers.randint(1, 250)}.{numbers.randint(0, 255)}.{numbers.randint(1, 254)}"


def client_hello():
    """A whole and valid one: the server chooses, derives and signs before it learns that nobody is there."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    out = ssl.MemoryBIO()
    stream = context.wrap_bio(ssl.MemoryBIO(), out)
    try:
        stream.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return out.read()


class Bot(Peer):
    """Another address with every connection, which it breaks off without a goodbye."""

    def __init__(self, counts, source, port, **options):
        super().__init__(port, **options)
        self.counts, self.sources = counts, source

    def open(self):
        self.source = next(self.sources)
        return super().open()

    def said(self, messages):
        self.counts["messages"] += messages


def leave(*_):
    raise ConnectionResetError


def flood(block, messages):
    """What one bot sends without an end."""

    def more(bot):
        bot.said(messages)
        return block

    return more


def counted(first, messages=1):
    def hello(bot):
        bot.said(messages)
        return first

    return hello


def guess(numbers):
    def hello(bot):
        bot.said(1)
        return packets.connect(f"guess-{next(numbers)}", user="admin", password=f"guess {next(numbers)}")

    return hello


def botnet(ports, scale, counts):
    counts["messages"] = 0
    source, numbers = addresses(), itertools.count()

    def bots(count, port, **options):
        return (Bot(counts, source, port, **options) for _ in range(max(1, int(count * scale))))

    refused = b"".join(packets.publish(REFUSED, b"x" * 32, 1, number + 1) for number in range(MESSAGES))
    filters = [f"botnet/{'+/' * (number % 5)}{number}" for number in range(MESSAGES)]
    churn = packets.subscribe(filters) + packets.unsubscribe(filters)
    yield from bots(200, ports.mqtt, more=leave)                                      # connects, and nothing more
    yield from bots(400, ports.mqtts, first=counted(client_hello()), on_data=leave)   # half handshakes
    yield from bots(50, ports.mqtt, first=guess(numbers), on_data=leave)              # wrong passwords
    yield from bots(100, ports.mqtt, first=packets.connect(""), more=flood(refused, MESSAGES))
    yield from bots(50, ports.mqtt, first=packets.connect(""), more=flood(churn, 2))
