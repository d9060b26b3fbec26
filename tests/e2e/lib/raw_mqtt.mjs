// MQTT by hand over a socket, for what no client library would send.
import net from 'node:net';

export class RawConnection {
  bytes = Buffer.alloc(0);
  closed = false;

  static open(port) {
    return new Promise((resolve, reject) => {
      const raw = new RawConnection();
      raw.socket = net.connect(port, '127.0.0.1', () => resolve(raw));
      raw.socket.on('data', (part) => (raw.bytes = Buffer.concat([raw.bytes, part])));
      raw.socket.on('error', reject);
      raw.end = new Promise((done) => raw.socket.on('close', () => done((raw.closed = true))));
    });
  }

  send(bytes) {
    if (!this.closed) this.socket.write(Buffer.from(bytes));
  }

  /** Resolves when the server has closed the connection; gives the packets' first bytes and reasons. */
  async untilClosed(timeout = 15_000) {
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`the server did not close; it sent ${this.bytes.toString('hex')}`)), timeout);
    });
    await Promise.race([this.end, late]);
    clearTimeout(timer);
    return this.bytes;
  }

  destroy() {
    this.socket.destroy();
  }
}

const text = (value) => {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes]);
};

const length = (value) => {
  const bytes = [];
  do bytes.push((value & 127) | (value > 127 ? 128 : 0));
  while ((value >>= 7) > 0);
  return Buffer.from(bytes);
};

export const packet = (first, ...parts) => {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
  return Buffer.concat([Buffer.from([first]), length(body.length), body]);
};

export const connectPacket = ({ clientId, name, token, version = 5 }) =>
  packet(0x10, text('MQTT'), [version, 0xc2, 0, 60], version === 5 ? [0] : [], text(clientId), text(name), text(token));
export const publishPacket = (topic, payload, { qos = 0, id = 1 } = {}) =>
  packet(0x30 | (qos << 1), text(topic), qos ? [id >> 8, id & 255] : [], [0], payload);
export { length as remainingLength, text as textField };
