// MQTT 5 by the byte, for what no client library lets a test do: packets of npm mqtt-packet over a socket of ours.
import net from 'node:net';
import { createRequire } from 'node:module';
import { until } from './program.mjs';

const require = createRequire(import.meta.url);
const { generate, parser } = createRequire(require.resolve('mqtt'))('mqtt-packet');

const open = new Set();

export class RawClient {
  packets = [];
  closed = false;

  constructor(port, version = 5) {
    this.version = version;
    const reader = parser({ protocolVersion: version });
    reader.on('packet', (packet) => this.packets.push({ ...packet, at: performance.now() }));
    reader.on('error', (error) => (this.broken = error));
    this.socket = net.connect({ host: '127.0.0.1', port, noDelay: true });
    this.socket.on('data', (bytes) => reader.parse(bytes));
    this.socket.on('close', () => (this.closed = true));
    this.socket.on('error', () => (this.closed = true));
    open.add(this);
  }

  send(packet) {
    this.socket.write(generate(packet, { protocolVersion: this.version }));
  }

  /** Sends CONNECT and gives the CONNACK (or what comes first). */
  connect(fields = {}) {
    const packet = { cmd: 'connect', protocolId: 'MQTT', protocolVersion: this.version, clean: true, keepalive: 0, clientId: '', ...fields };
    this.send(packet);
    return this.next();
  }

  /** The first packet that is `cmd` (any, if it is left out) behind those taken before. */
  async next(cmd, options) {
    const find = () => this.packets.findIndex((packet) => !cmd || packet.cmd === cmd);
    await until(() => find() >= 0 || this.closed, `a packet ${cmd ?? ''}`, options);
    if (find() < 0) throw new Error(`the connection was closed; there were ${JSON.stringify(this.packets.map(({ cmd: c }) => c))}`);
    return this.packets.splice(find(), 1)[0];
  }

  async ended() {
    await until(() => this.closed, 'the end of the connection');
  }

  cut() {
    this.socket.destroy();
  }
}

export function cutAll() {
  for (const client of open) client.cut();
}
