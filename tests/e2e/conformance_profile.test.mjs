// The example configuration for conformance suites: what they look for, byte by byte, and with mosquitto's clients.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { run } from './lib/program.mjs';
import { cutAll, RawClient } from './lib/raw_mqtt.mjs';
import { start } from './lib/server.mjs';

const config = new URL('../../docs/guide/examples/conformance.toml', import.meta.url).pathname;
let server;

before(async () => {
  server = await start({ config });
});
after(cutAll);

async function connected(fields) {
  const client = new RawClient(server.ports.mqtt, fields?.version ?? 5);
  client.connack = await client.connect(fields);
  return client;
}

async function subscribed(client, ...subscriptions) {
  for (const [i, [topic, identifier, qos = 2]] of subscriptions.entries()) {
    client.send({
      cmd: 'subscribe',
      messageId: 100 + i,
      subscriptions: [{ topic, qos, nl: false, rap: false, rh: 0 }],
      properties: identifier ? { subscriptionIdentifier: identifier } : {},
    });
    await client.next('suback');
  }
}

test('the limits are told', async () => {
  const { connack } = await connected({ keepalive: 120, properties: { requestResponseInformation: true }, clientId: 'c1' });
  assert.equal(connack.reasonCode, 0);
  const { receiveMaximum, topicAliasMaximum, serverKeepAlive, responseInformation } = connack.properties;
  assert.deepEqual({ receiveMaximum, topicAliasMaximum, serverKeepAlive, responseInformation },
    { receiveMaximum: 20, topicAliasMaximum: 10, serverKeepAlive: 60, responseInformation: 'responses/c1' });
  assert.equal((await connected({ keepalive: 0 })).connack.properties.serverKeepAlive, 60);
  assert.equal((await connected({ keepalive: 30 })).connack.properties.serverKeepAlive, undefined);
});

test('one QoS 2 message too many without PUBREL ends with 0x93', async () => {
  const client = await connected();
  const publish = (messageId) => client.send({ cmd: 'publish', topic: 'flow', payload: 'x', qos: 2, messageId });
  for (let id = 1; id <= 20; ++id) publish(id);
  for (let id = 1; id <= 20; ++id) assert.equal((await client.next('pubrec')).reasonCode ?? 0, 0);
  publish(21);
  assert.equal((await client.next('disconnect')).reasonCode, 0x93);
  await client.ended();
});

test('the server gives topic aliases, as many as the client takes', async () => {
  const client = await connected({ properties: { topicAliasMaximum: 2 } });
  await subscribed(client, ['alias/#', 0, 0]);
  const publisher = await connected();
  for (const topic of ['alias/one', 'alias/two', 'alias/one', 'alias/two', 'alias/three'])
    publisher.send({ cmd: 'publish', topic, payload: topic, qos: 0 });
  const got = [];
  for (let i = 0; i < 5; ++i) {
    const { topic, payload, properties } = await client.next('publish');
    got.push([topic, payload.toString(), properties?.topicAlias]);
  }
  assert.deepEqual(got, [
    ['alias/one', 'alias/one', 1],
    ['alias/two', 'alias/two', 2],
    ['', 'alias/one', 1],
    ['', 'alias/two', 2],
    ['alias/three', 'alias/three', undefined],
  ]);
});

test('a will delay of 1 s is 1 s', async () => {
  const watcher = await connected();
  await subscribed(watcher, ['will/delay']);
  const will = { topic: 'will/delay', payload: 'gone', qos: 1, properties: { willDelayInterval: 1 } };
  const doomed = await connected({ clientId: 'doomed', will, properties: { sessionExpiryInterval: 60 } });
  const cut = performance.now();
  doomed.cut();
  const { at } = await watcher.next('publish');
  assert(Math.abs(at - cut - 1000) <= 100, `it took ${at - cut} ms`);
});

test('a will with a delay stays unsent when its client is back in time', async () => {
  const watcher = await connected();
  await subscribed(watcher, ['will/back']);
  const will = { topic: 'will/back', payload: 'gone', qos: 1, properties: { willDelayInterval: 1 } };
  const wish = { clientId: 'back', clean: false, will, properties: { sessionExpiryInterval: 60 } };
  (await connected(wish)).cut();
  assert.equal((await connected(wish)).connack.sessionPresent, true);
  watcher.send({ cmd: 'publish', topic: 'will/back', payload: 'marker', qos: 1, messageId: 1 });
  await watcher.next('puback');
  await new Promise((resolve) => setTimeout(resolve, 1300));
  const seen = watcher.packets.filter(({ cmd }) => cmd === 'publish').map(({ payload }) => payload.toString());
  assert.deepEqual(seen, ['marker']);
});

test('overlapping subscriptions get one delivery with every identifier', async () => {
  const client = await connected();
  await subscribed(client, ['over/#', 1, 1], ['over/+', 2, 2], ['over/lap', 3, 0]);
  const publisher = await connected();
  publisher.send({ cmd: 'publish', topic: 'over/lap', payload: '1', qos: 2, messageId: 1 });
  await publisher.next('pubrec');
  publisher.send({ cmd: 'pubrel', messageId: 1 });
  const delivery = await client.next('publish');
  assert.equal(delivery.qos, 2);
  assert.deepEqual([...delivery.properties.subscriptionIdentifier].sort(), [1, 2, 3]);
  client.send({ cmd: 'pingreq' });
  await client.next('pingresp');
  assert.deepEqual(client.packets.filter(({ cmd }) => cmd === 'publish'), []);
});

for (const [version, refused] of [[5, 0x87], [4, 0x80]]) {
  test(`SUBSCRIBE to what is denied is refused, MQTT ${version}`, async () => {
    const client = await connected({ version, clientId: `denied-${version}`, protocolVersion: version });
    client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'test/nosubscribe', qos: 2 }, { topic: 'test/other', qos: 2 }] });
    const { granted } = await client.next('suback');
    assert.deepEqual(granted, [refused, 2]);
  });
}

test("mosquitto's clients", async () => {
  const common = ['-h', '127.0.0.1', '-p', `${server.ports.mqtt}`, '-V', 'mqttv5'];
  const refused = await run('mosquitto_sub', [...common, '-t', 'test/nosubscribe', '-q', '1', '-W', '5']);
  assert.match(refused.stderr + refused.stdout, /denied|Not authorized/i);
  const published = await run('mosquitto_pub', [...common, '-t', 'kept', '-m', 'x', '-r', '-q', '2']);
  assert.equal(published.code, 0, published.stderr);
  const got = await run('mosquitto_sub', [...common, '-D', 'connect', 'topic-alias-maximum', '10', '-t', 'kept', '-C', '1', '-W', '10']);
  assert.equal(got.stdout.trim(), 'x', got.stderr);
});

test('every key of the file is documented', () => {
  const guide = readFileSync(new URL('../../docs/guide/configuration.md', import.meta.url), 'utf8');
  let section = '';
  for (const line of readFileSync(config, 'utf8').split('\n')) {
    section = line.match(/^\[(\w+)\]/)?.[1] ?? section;
    const key = line.match(/^(\w+) =/)?.[1];
    if (key) assert(guide.includes(`\`${section}.${key}\``), `${section}.${key}`);
  }
});
