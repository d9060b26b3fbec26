"""Peers that vanish: their machine is gone, no FIN and no RST ever comes. In a network namespace of its own the route to their address
becomes a black hole in the middle of a session. Without the right to make one (root), they fall silent instead, which is the same to
the server as long as it has nothing to send.

The clients have a keep alive of 2 s, or none where the server sets one (mqtt.server_keep_alive_max), and a will each."""
import ctypes
import os
import select
import socket
import subprocess
import sys
import time

import packets
from processes import Honest, Server, until

NAME = "half_open"
GONE = "127.0.0.77"
KEEP_ALIVE = 2
PEERS = 200
CLONE_NEWNET = 0x40000000
# One and a half times the keep alive is 3 s; the rest is how long a busy machine is waited for.
DEADLINE = 60


def own_network():
    """Whether this process has a network of its own now, with a loopback device."""
    if ctypes.CDLL(None).unshare(CLONE_NEWNET) != 0:
        return False
    return subprocess.run(["ip", "link", "set", "lo", "up"], check=False).returncode == 0


def vanish():
    """From now on nothing reaches the vanished, and nothing comes from them."""
    for rule in ("add pref 10 lookup local", f"add pref 1 to {GONE} blackhole", f"add pref 2 from {GONE} blackhole", "del pref 0"):
        subprocess.run(["ip", "rule", *rule.split()], check=True)


def open_peer(port, number):
    keep_alive = KEEP_ALIVE if number % 2 else 0
    peer = socket.socket()
    peer.bind((GONE, 0))
    peer.connect(("127.0.0.1", port))
    peer.sendall(packets.connect(f"mortal-{number}", keep_alive, will=(f"wills/{number}", "gone")) +
                 packets.subscribe([f"hostile/half/{number}"]))
    return peer


def read_available(peer):
    peer.settimeout(5)
    return peer.recv(1 << 16)


class Witness:
    """Hears the wills."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.sendall(packets.connect("witness") + packets.subscribe(["wills/+"], 1))
        self.heard = set()
        self.bytes = b""
        self.number = 0

    def listen(self):
        self.socket.sendall(packets.PINGREQ)  # the server's keep alive counts for this client too
        while select.select([self.socket], [], [], 0)[0]:
            data = self.socket.recv(1 << 16)
            if not data:
                raise ConnectionResetError("the server ended the witness")
            self.bytes += data
        while len(self.bytes) >= 2 and len(self.bytes) >= 2 + self.bytes[1]:
            packet, self.bytes = self.bytes[:2 + self.bytes[1]], self.bytes[2 + self.bytes[1]:]
            if packet[0] >> 4 != 3:
                continue
            size = int.from_bytes(packet[2:4], "big")
            self.heard.add(packet[4:4 + size])
            if packet[0] & 6:
                self.socket.sendall(b"\x40\x02" + packet[4 + size:6 + size])
        return len(self.heard)


def attack(server, black_hole):
    wrong = []
    witness = Witness(server.ports["mqtt"])
    peers = [open_peer(server.ports["mqtt"], number) for number in range(PEERS)]
    for peer in peers:
        read_available(peer)
    online = server.metrics()["dunlin_hub_sessions_online"]
    if online < PEERS:
        return [f"only {online:.0f} sessions were online before"]
    if black_hole:
        vanish()
        for peer in peers:
            peer.close()
    honest = Honest(server, 2)
    while honest.process.poll() is None:
        witness.listen()
        time.sleep(0.2)
    honest = honest.result()
    if honest["faults"]:
        wrong.append(f"honest clients: {honest['faults']}")
    if not until(lambda: witness.listen() == PEERS, DEADLINE):
        wrong.append(f"{witness.listen()} of {PEERS} wills came")
    if not until(lambda: server.metrics()["dunlin_hub_sessions_online"] <= online - PEERS, DEADLINE):
        wrong.append("sessions stay")
    # close() gives the vanished some seconds to take what is queued.
    if not until(lambda: server.metrics()["dunlin_mqtt_connections"] <= 1, DEADLINE):
        wrong.append("connections stay")
    refused = server.metrics().get('dunlin_mqtt_refusals_total{reason="keep_alive_timeout"}', 0)
    if refused < PEERS:
        wrong.append(f"{refused:.0f} of {PEERS} were counted as silent")
    return wrong


def in_own_network(arguments):
    black_hole = os.geteuid() == 0 and own_network()
    server = Server(arguments.binary, [f"mqtt.server_keep_alive_max={KEEP_ALIVE}"])
    try:
        wrong = attack(server, black_hole)
        if not server.alive():
            wrong.append("the server ended")
    finally:
        code = server.stop()
    if code != 0:
        wrong.append(f"the server ended with {code}")
    return wrong, "black hole" if black_hole else "silence only, since this user may not make a network"


def run(arguments):
    """What was wrong. A child of this process does it, since a network once left cannot be had back."""
    sys.stdout.flush()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        began = time.monotonic()
        try:
            wrong, how = in_own_network(arguments)
        except Exception as error:  # noqa: BLE001: whatever it is, the parent must hear of it
            wrong, how = [repr(error)], "failed"
        os.write(writing, "\n".join([f"{how}, {time.monotonic() - began:.1f} s", *wrong]).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        how, *wrong = pipe.read().split("\n")
    os.waitpid(child, 0)
    print(f"\n{NAME}: {how}")
    return wrong
