#!/usr/bin/env python3
"""Takes what an attack sends and throws it away, so that the generator is as busy as in the attack and the server is not. A CONNECT
is answered, since attackers count on being let in. Prints its port."""
import selectors
import socket

CONNACK = b"\x20\x03\0\0\0"
HANDSHAKE = b"\x16\x03\x03\x07\xd0" + b"h" * 2000  # about what a server says to a ClientHello
SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"


def main():
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    listener.setblocking(False)
    chooser = selectors.EpollSelector()
    chooser.register(listener, selectors.EVENT_READ, None)
    print(listener.getsockname()[1], flush=True)
    while True:
        for key, _ in chooser.select():
            if key.data is None:
                peer, _ = listener.accept()
                peer.setblocking(False)
                chooser.register(peer, selectors.EVENT_READ, peer)
                continue
            try:
                data = key.data.recv(1 << 18)
                if data[:1] == b"\x10":
                    key.data.send(CONNACK)
                elif data[:4] == b"GET ":
                    key.data.send(SWITCHING)
                elif data[:1] == b"\x16":
                    key.data.send(HANDSHAKE)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            if not data:
                chooser.unregister(key.data)
                key.data.close()


main()
