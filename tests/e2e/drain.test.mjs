// Sending clients to another server: the commands, and what mqtt.js, mosquitto's clients and raw packets see.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connect, disconnectAll } from './lib/mqtt.mjs';
import { as, publish, published } from './lib/mosquitto.mjs';
import { until } from './lib/program.mjs';
import { cutAll, RawClient } from './lib/raw_mqtt.mjs';
import { start } from './lib/server.mjs';

let server;
let watcher;
const TO = 'other.example:8883';

before(async () => {
  server = await start({ set: ['threads.reactors=2'] });
  watcher = await server.user('watcher');
});
after(async () => {
  disconnectAll();
  cutAll();
  await server.stop();
});

const ready = async () => (await server.request('GET', '/readyz')).status;

test('drain tells everyone where to go, resume takes them again', async () => {
  const clients = [];
  for (let i = 0; i < 10; ++i) {
    const client = await connect(server, watcher, { clientId: `user-${i}`, version: i % 2 ? 5 : 3 });
    client.gone = new Promise((resolve) => client.once('close', resolve));
    client.on('disconnect', (packet) => (client.told = packet));
    clients.push(client);
  }
  assert.equal(await ready(), 200);
  const state = await server.cliJson('system', 'drain', '--to', TO, '--seconds', '1');
  assert.deepEqual(state, { state: 'draining', to: TO, permanent: false });
  const began = performance.now();
  await Promise.all(clients.map(({ gone }) => gone));
  assert(performance.now() - began > 300, 'not all at once');
  for (const [i, { told }] of clients.entries()) {
    if (i % 2 === 0) continue;
    assert.equal(told.reasonCode, 0x9c);
    assert.equal(told.properties.serverReference, TO);
  }
  assert.equal(await ready(), 503);
  assert.deepEqual((await server.cliJson('system', 'status')).mqtt, { state: 'draining', to: TO, permanent: false });
  const refused = new RawClient(server.ports.mqtt);
  const connack = await refused.connect({ clientId: 'user-x', username: watcher.name, password: Buffer.from(watcher.password) });
  assert.deepEqual([connack.reasonCode, connack.properties.serverReference], [0x9c, TO]);
  const old = await publish(as(server, watcher, 3), '-i', 'user-y', '-t', 'a', '-m', 'x');
  assert.match(old.stderr, /unavailable/i);
  assert(await server.metric('dunlin_mqtt_redirected_total') >= 12);
  assert.deepEqual(await server.cliJson('system', 'resume'), { state: 'serving' });
  assert.equal(await ready(), 200);
  await published(as(server, watcher, 5), '-i', 'user-z', '-t', 'a', '-m', 'x');
});

test('for good is 0x9D; a restart serves again', async () => {
  await server.cliJson('system', 'drain', '--permanent', 'true', '--seconds', '0');
  const client = new RawClient(server.ports.mqtt);
  assert.equal((await client.connect({ clientId: 'user-x' })).reasonCode, 0x9d);
  await server.stop();
  await server.start();
  assert.deepEqual((await server.cliJson('system', 'status')).mqtt, { state: 'serving' });
  await published(as(server, watcher, 5), '-i', 'user-z', '-t', 'a', '-m', 'x');
});

test('only who may write the system drains it', async () => {
  const { token } = await server.api('POST', '/api/tokens', { owner: 'watcher', permissions: [] }).catch(() => ({ token: undefined }));
  const answer = await server.request('POST', '/api/system/drain', { body: {}, token });
  assert([401, 403].includes(answer.status), `${answer.status}`);
  const bad = await server.request('POST', '/api/system/drain', { body: { seconds: -1 }, token: server.adminToken });
  assert.equal(bad.status, 400);
  await until(async () => (await ready()) === 200, 'readiness');
});
