"""Bytes that an attacker sends: MQTT packets and WebSocket frames, well made and not."""
import struct


def text(value):
    value = value.encode() if isinstance(value, str) else value
    return struct.pack(">H", len(value)) + value


def length(size):
    out = bytearray()
    while True:
        size, digit = divmod(size, 128)
        out.append(digit | (0x80 if size else 0))
        if not size:
            return bytes(out)


def packet(first, *parts):
    body = b"".join(parts)
    return bytes([first]) + length(len(body)) + body


def connect(client_id, keep_alive=0, clean=True, expiry=0, will=None, user=None, password=None):
    """MQTT 5; will: (topic, payload)."""
    flags = (2 if clean else 0) | (4 | 8 if will else 0) | (0x80 if user else 0) | (0x40 if password else 0)
    properties = b"\x11" + struct.pack(">I", expiry) if expiry else b""
    parts = [text("MQTT"), bytes([5, flags]), struct.pack(">H", keep_alive), length(len(properties)), properties, text(client_id)]
    if will:
        parts += [b"\0", text(will[0]), text(will[1])]
    parts += [text(one) for one in (user, password) if one]
    return packet(0x10, *parts)


def publish(topic, payload=b"x", qos=0, packet_id=1, retain=False):
    number = struct.pack(">H", packet_id) if qos else b""
    return packet(0x30 | qos << 1 | retain, text(topic), number, b"\0", payload)


def subscribe(filters, qos=0, packet_id=1):
    return packet(0x82, struct.pack(">H", packet_id), b"\0", *(text(one) + bytes([qos]) for one in filters))


def unsubscribe(filters, packet_id=2):
    return packet(0xA2, struct.pack(">H", packet_id), b"\0", *(text(one) for one in filters))


PINGREQ = b"\xc0\0"

UPGRADE = (b"GET /mqtt HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n"
           b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n")


def frame(payload, opcode=2, final=True, reserved=0):
    """Masked with zeros, so that the payload is what it is. reserved 4 is RSV1: "this message is compressed"."""
    first = bytes([(0x80 if final else 0) | reserved << 4 | opcode])
    size = len(payload)
    if size < 126:
        head = bytes([0x80 | size])
    elif size < 65536:
        head = bytes([0x80 | 126]) + struct.pack(">H", size)
    else:
        head = bytes([0x80 | 127]) + struct.pack(">Q", size)
    return first + head + b"\0\0\0\0" + payload
