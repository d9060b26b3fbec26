"""Very many sockets that write what an attack wants, as fast as the peer takes it. Nobody waits for an answer, so the same attack
runs against a sink."""
import errno
import select
import signal
import socket
import struct

PORTION_BYTES = 1 << 18
IP_BIND_ADDRESS_NO_PORT = 24  # ip(7)


class Peer:
    """One connection. `first` is sent once; then `more(peer)` gives the next bytes, None: nothing for now. Where `again` is set, a
    connection that ends is made anew."""

    def __init__(self, port, first=b"", more=None, reads=True, again=True, source=None, window=None, on_data=None):
        self.port, self.first, self.more, self.reads, self.again = port, first, more, reads, again
        self.source, self.window, self.on_data = source, window, on_data
        self.socket, self.rest, self.events = None, memoryview(b""), 0
        self.made = 0       # connections so far
        self.credit = 0     # for attacks that count answers
        self.number = 0     # for attacks that count what they send

    def open(self):
        self.socket = socket.socket()
        self.socket.setblocking(False)
        if self.window:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.window)
        if self.source:
            # The port is chosen with the connect; a close is a reset and leaves no TIME_WAIT.
            self.socket.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.socket.bind((self.source, 0))
        self.made += 1
        self.rest = memoryview(self.first(self) if callable(self.first) else self.first)
        return self.socket.connect_ex(("127.0.0.1", self.port)) in (0, errno.EINPROGRESS)


class Engine:
    PORTION = 64  # sockets opened between two looks at the others

    def __init__(self):
        self.poll = select.epoll()
        self.peers = {}     # by descriptor
        self.waiting = []   # to be opened
        self.counts = {"opened": 0, "ended": 0, "bytes": 0}
        self.running = True
        signal.signal(signal.SIGTERM, self.stop)
        signal.signal(signal.SIGINT, self.stop)

    def stop(self, *_):
        self.running = False

    def add(self, *peers):
        self.waiting += peers

    def run(self):
        said, wanted = False, len(self.waiting)
        while self.running:
            for _ in range(min(self.PORTION, len(self.waiting))):
                self.open(self.waiting.pop(0))
            if not said and self.counts["opened"] >= wanted:
                print("set up", flush=True)
                said = True
            for descriptor, events in self.poll.poll(0 if self.waiting else 0.05):
                if descriptor in self.peers:
                    self.serve(self.peers[descriptor], events)

    def open(self, peer):
        if not peer.open():
            peer.socket.close()
            if peer.again:
                self.waiting.append(peer)
            return
        self.counts["opened"] += 1
        peer.events = select.EPOLLOUT
        self.peers[peer.socket.fileno()] = peer
        self.poll.register(peer.socket.fileno(), peer.events)

    def want(self, peer):
        events = select.EPOLLIN if peer.reads else 0
        if not peer.rest and peer.more:
            peer.rest = memoryview(peer.more(peer) or b"")
        if peer.rest:
            events |= select.EPOLLOUT
        if events != peer.events:
            peer.events = events
            self.poll.modify(peer.socket.fileno(), events)

    def serve(self, peer, events):
        try:
            if events & select.EPOLLOUT and not peer.rest and peer.more:
                peer.rest = memoryview(peer.more(peer) or b"")
            if events & select.EPOLLOUT and peer.rest:
                sent = peer.socket.send(peer.rest[:PORTION_BYTES])
                self.counts["bytes"] += sent
                peer.rest = peer.rest[sent:]
            if events & (select.EPOLLHUP | select.EPOLLERR) and not peer.reads:
                raise ConnectionResetError
            if events & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR):
                self.read(peer)
            self.want(peer)
        except BlockingIOError:
            pass
        except OSError:
            self.end(peer)

    def read(self, peer):
        data = peer.socket.recv(PORTION_BYTES)
        if not data:
            raise ConnectionResetError
        if peer.on_data:
            peer.on_data(peer, data)

    def end(self, peer):
        del self.peers[peer.socket.fileno()]
        peer.socket.close()
        self.counts["ended"] += 1
        if peer.again:
            self.waiting.append(peer)
