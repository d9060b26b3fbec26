"""Single questions that show how a refusal looks from outside."""
import socket

import packets


def upgrade(port):
    peer = socket.create_connection(("127.0.0.1", port), timeout=30)
    peer.sendall(packets.UPGRADE)
    head = b""
    while b"\r\n\r\n" not in head:
        more = peer.recv(4096)
        if not more:
            break
        head += more
    return peer, head


def close_code(peer):
    """Of the close frame that comes before the end."""
    data = b""
    while len(data) < 4:
        more = peer.recv(4096)
        if not more:
            break
        data += more
    return int.from_bytes(data[2:4], "big") if data[:1] == b"\x88" else None


def compression_is_refused(server):
    """RFC 7692: an offer that is not taken up is left out of the answer; RFC 6455 section 5.2: RSV1 without it fails the connection."""
    wrong = []
    peer, head = upgrade(server.ports["http"])
    if not head.startswith(b"HTTP/1.1 101"):
        wrong.append(f"the upgrade was answered with {head[:40]!r}")
    if b"permessage-deflate" in head.lower() or b"sec-websocket-extensions" in head.lower():
        wrong.append("compression was accepted")
    peer.sendall(packets.frame(b"\x63\x60\x18\x05" * 1000, reserved=4))
    code = close_code(peer)
    if code != 1002:
        wrong.append(f"a compressed frame was answered with {code}, not 1002")
    peer.close()
    return wrong


PROBES = {"websocket_bombs": compression_is_refused}
