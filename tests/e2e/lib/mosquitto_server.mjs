// mosquitto itself as a peer: with or without TLS and passwords, stopped and started again with what it had stored.
import { execFileSync } from 'node:child_process';
import { appendFileSync, chmodSync, writeFileSync } from 'node:fs';
import { connect as dial, createServer } from 'node:net';
import { join } from 'node:path';
import mqtt from 'mqtt';
import { Program, until } from './program.mjs';
import { temporaryFolder } from './server.mjs';

export function freePort() {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

const listens = (port) =>
  new Promise((resolve) => {
    const socket = dial(port, '127.0.0.1');
    socket.on('connect', () => (socket.destroy(), resolve(true))).on('error', () => resolve(false));
  });

/** A certificate authority and a certificate for localhost: files {ca, cert, key}. */
export function makeCertificates() {
  const folder = temporaryFolder('tls');
  const file = (name) => join(folder, name);
  const openssl = (...args) => execFileSync('openssl', args, { stdio: 'pipe' });
  writeFileSync(file('extensions'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
  openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=test root', '-keyout', file('ca.key'), '-out', file('ca.pem'));
  openssl('req', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=localhost', '-keyout', file('key.pem'), '-out', file('request.pem'));
  openssl('x509', '-req', '-days', '2', '-in', file('request.pem'), '-CA', file('ca.pem'), '-CAkey', file('ca.key'), '-CAcreateserial', '-extfile', file('extensions'), '-out', file('cert.pem'));
  return { ca: file('ca.pem'), cert: file('cert.pem'), key: file('key.pem') };
}

export class Mosquitto {
  #program;

  /** `tls`: files of makeCertificates(); `user`: {name, password}; `more`: further lines of mosquitto.conf. */
  static async start({ tls, user, more = '' } = {}) {
    const server = new Mosquitto();
    server.folder = temporaryFolder('mosquitto');
    chmodSync(server.folder, 0o777);
    server.port = await freePort();
    server.plainPort = tls ? await freePort() : server.port;
    let config = `user root\npersistence true\npersistence_location ${server.folder}/\nautosave_interval 1\nmax_queued_messages 0\nmax_inflight_messages 20\n`;
    config += 'per_listener_settings true\n';
    if (tls) {
      config += `listener ${server.port} 127.0.0.1\ncafile ${tls.ca}\ncertfile ${tls.cert}\nkeyfile ${tls.key}\n`;
      config += user ? `password_file ${server.folder}/passwords\nallow_anonymous false\n` : 'allow_anonymous true\n';
    }
    if (user) execFileSync('mosquitto_passwd', ['-b', '-c', join(server.folder, 'passwords'), user.name, user.password]);
    // Here the test looks on.
    config += `listener ${server.plainPort} 127.0.0.1\nallow_anonymous true\n${more}`;
    server.config = join(server.folder, 'mosquitto.conf');
    writeFileSync(server.config, config);
    await server.run();
    return server;
  }

  add(lines) {
    appendFileSync(this.config, lines);
  }
  async run() {
    this.#program = new Program('/usr/sbin/mosquitto', ['-c', this.config]);
    await until(async () => this.#program.hasEnded || (await listens(this.plainPort)), 'mosquitto');
    if (this.#program.hasEnded) throw new Error(`mosquitto ended: ${this.#program.stderr}`);
  }
  /** It stores what it has and ends. */
  async stop() {
    if (this.#program.hasEnded) return;
    try {
      this.#program.signal('SIGTERM');
    } catch {
      // It has ended just now.
    }
    await this.#program.ended;
  }
  get log() {
    return this.#program.stderr;
  }
  get url() {
    return `mqtt://127.0.0.1:${this.plainPort}`;
  }
}

const open = new Set();

/** mqtt.js at any address; it comes back after an outage. `client.received` are its messages. */
export async function client(url, clientId, more = {}) {
  const made = mqtt.connect(url, { clientId, protocolVersion: 5, clean: false, properties: { sessionExpiryInterval: 3600 }, reconnectPeriod: 100, ...more });
  open.add(made);
  made.received = [];
  made.on('message', (topic, payload, packet) => made.received.push({ topic, payload: payload.toString(), retain: packet.retain, qos: packet.qos, user: packet.properties?.userProperties }));
  made.on('error', () => {});
  await until(() => made.connected, `a connection to ${url}`);
  return made;
}

export function endClients() {
  for (const one of open) one.end(true);
  open.clear();
}
