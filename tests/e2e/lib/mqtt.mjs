// mqtt.js as a peer, with promises.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import mqtt from 'mqtt';
import { until } from './program.mjs';

const TRANSPORTS = {
  tcp: (server) => `mqtt://127.0.0.1:${server.ports.mqtt}`,
  tls: (server) => `mqtts://localhost:${server.ports.mqtts}`,
  ws: (server) => `ws://127.0.0.1:${server.ports.http}/mqtt`,
  wss: (server) => `wss://localhost:${server.ports.https}/mqtt`,
};

const open = new Set();

/** Connects as `who` ({name, token | password} or a certificate's files); rejects when the server refuses. */
export async function connect(server, who, { transport = 'tcp', clientId, version = 5, ...more } = {}) {
  const identity = who.cert
    ? { cert: readFileSync(who.cert), key: readFileSync(who.key) }
    : { username: who.name, password: who.token ?? who.password };
  const client = mqtt.connect(TRANSPORTS[transport](server), {
    ...identity,
    clientId,
    protocolVersion: version === 3 ? 4 : 5,
    ca: server.root,
    reconnectPeriod: 0,
    connectTimeout: 20_000,
    ...more,
  });
  open.add(client);
  client.received = [];
  client.on('message', (topic, payload, packet) => client.received.push({ topic, payload, packet }));
  await new Promise((resolve, reject) => {
    client.once('connect', (connack) => {
      client.connack = connack;
      resolve();
    });
    client.once('error', reject);
    client.once('close', () => reject(new Error('the connection was closed')));
  });
  client.on('error', (error) => (client.failed = error));
  return client;
}

/** Waits for `count` messages in all and gives them. */
export async function messages(client, count, options) {
  await until(() => client.received.length >= count, `${count} messages; there are ${client.received.length}`, options);
  return client.received;
}

/** Publishes, and wants it refused (Not authorized); gives the error. */
export async function publishRefused(client, topic) {
  const error = await client.publishAsync(topic, '{"value":1}', { qos: 1 }).then(() => undefined, (why) => why);
  assert.equal(error?.code, 135, error?.message ?? `${topic} was taken`);
  return error;
}

/** Ends every client that is still there, so that node can end. */
export function disconnectAll() {
  for (const client of open) client.end(true);
}
