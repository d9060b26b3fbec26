// mqtt.js against the server: TCP, TLS with a client certificate, WebSocket and secure WebSocket; MQTT 3.1.1 and 5.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { connect, disconnectAll, messages } from './lib/mqtt.mjs';
import { start } from './lib/server.mjs';

const NAME = 'mixer-01';
const BASE = `demo/plant1/machine/${NAME}`;
let server;
let certificate;
let device;
let watcher;

before(async () => {
  server = await start();
  device = await server.thing(NAME);
  certificate = await server.certificate(NAME);
  watcher = await server.user('watcher');
});
after(disconnectAll);

/** The device over `transport`: by certificate where TLS asks for one, else by token. */
const asDevice = (transport, options) =>
  connect(server, transport === 'tls' ? certificate : device, { transport, clientId: NAME, ...options });
const asWatcher = (transport, options) => connect(server, watcher, { transport, clientId: `user-watcher-${transport}`, ...options });

for (const transport of ['tcp', 'tls', 'ws', 'wss']) {
  for (const version of [3, 5]) {
    describe(`${transport}, MQTT ${version === 3 ? '3.1.1' : '5'}`, () => {
      test('QoS 0, 1 and 2 with a binary payload', async () => {
        const publisher = await asDevice(transport, { version });
        const subscriber = await asWatcher(transport, { version });
        const granted = await subscriber.subscribeAsync(`${BASE}/binary`, { qos: 2 });
        assert.deepEqual(granted.map(({ qos }) => qos), [2]);
        const payload = Buffer.from([...Array(256).keys()]);
        for (const qos of [0, 1, 2]) await publisher.publishAsync(`${BASE}/binary`, payload, { qos });
        for (const [i, { payload: got, packet }] of (await messages(subscriber, 3)).entries()) {
          assert.equal(packet.qos, i);
          assert(got.equals(payload));
        }
        await publisher.endAsync();
        await subscriber.endAsync();
      });

      test('a payload of 300 KiB in both directions', async () => {
        const client = await asDevice(transport, { version });
        await client.subscribeAsync(`${BASE}/large`, { qos: 1 });
        const payload = Buffer.alloc(300 * 1024, 'dunlin ');
        await client.publishAsync(`${BASE}/large`, payload, { qos: 1 });
        const [{ payload: got }] = await messages(client, 1);
        assert(got.equals(payload));
        await client.endAsync();
      });

      test('retained messages and their deletion', async () => {
        const topic = `${BASE}/retained-${transport}-${version}`;
        const publisher = await asDevice(transport, { version });
        await publisher.publishAsync(topic, 'kept', { qos: 1, retain: true });
        const subscriber = await asWatcher(transport, { version });
        await subscriber.subscribeAsync(topic, { qos: 1 });
        const [{ payload, packet }] = await messages(subscriber, 1);
        assert.deepEqual([payload.toString(), packet.retain], ['kept', true]);
        await publisher.publishAsync(topic, '', { qos: 1, retain: true });
        await messages(subscriber, 2);
        await subscriber.unsubscribeAsync(topic);
        await subscriber.subscribeAsync(topic, { qos: 1 });
        await publisher.publishAsync(topic, 'live', { qos: 1 });
        const all = await messages(subscriber, 3);
        assert.deepEqual(all.map((m) => `${m.payload} ${m.packet.retain}`), ['kept true', ' false', 'live false']);
        await publisher.endAsync();
        await subscriber.endAsync();
      });

      test('the will of a client that vanishes', async () => {
        const topic = `${BASE}/will`;
        const subscriber = await asWatcher(transport, { version });
        await subscriber.subscribeAsync(topic, { qos: 1 });
        const doomed = await asDevice(transport, { version, will: { topic, payload: Buffer.from('gone'), qos: 1, retain: false } });
        doomed.stream.destroy();
        const [{ payload }] = await messages(subscriber, 1);
        assert.equal(payload.toString(), 'gone');
        await subscriber.endAsync();
      });

      test('a wrong secret is refused', async () => {
        const wrong = { name: NAME, token: `${device.token.slice(0, -1)}_` };
        await assert.rejects(connect(server, wrong, { transport, clientId: NAME, version }), (error) => [4, 5, 134, 135].includes(error.code));
      });
    });
  }
}

describe('MQTT 5', () => {
  test('properties travel from publisher to subscriber', async () => {
    const publisher = await asDevice('tcp');
    const subscriber = await asWatcher('ws');
    await subscriber.subscribeAsync(`${BASE}/properties`, { qos: 1, properties: { subscriptionIdentifier: 77 } });
    const properties = {
      payloadFormatIndicator: true,
      messageExpiryInterval: 3600,
      contentType: 'application/json',
      responseTopic: `${BASE}/answers`,
      correlationData: Buffer.from([0, 1, 254, 255]),
      userProperties: { unit: 'Cel', note: ['first', 'second'] },
    };
    await publisher.publishAsync(`${BASE}/properties`, '{"value":1}', { qos: 1, properties });
    const [{ packet }] = await messages(subscriber, 1);
    const { messageExpiryInterval, subscriptionIdentifier, userProperties, ...rest } = packet.properties;
    const { messageExpiryInterval: _, userProperties: __, ...sent } = properties;
    assert.deepEqual(rest, sent);
    assert.deepEqual({ ...userProperties }, properties.userProperties);
    assert.equal(subscriptionIdentifier, 77);
    assert(messageExpiryInterval <= 3600 && messageExpiryInterval > 3500, `expiry ${messageExpiryInterval}`);
    await publisher.endAsync();
    await subscriber.endAsync();
  });

  test('a message that has expired is not delivered', async () => {
    const topic = `${BASE}/short-lived`;
    const lasting = { clean: false, properties: { sessionExpiryInterval: 600 } };
    const first = await asWatcher('tcp', lasting);
    await first.subscribeAsync(topic, { qos: 1 });
    await first.endAsync();
    const publisher = await asDevice('tcp');
    await publisher.publishAsync(topic, 'old', { qos: 1, properties: { messageExpiryInterval: 1 } });
    await publisher.publishAsync(topic, 'young', { qos: 1, properties: { messageExpiryInterval: 600 } });
    await new Promise((resolve) => setTimeout(resolve, 2100));
    const second = await asWatcher('tcp', lasting);
    assert.equal(second.connack.sessionPresent, true);
    const [{ payload }] = await messages(second, 1);
    assert.equal(payload.toString(), 'young');
    await second.endAsync();
    await publisher.endAsync();
  });

  test('the server announces its limits', async () => {
    const client = await asDevice('tcp');
    const { properties } = client.connack;
    assert.equal(properties.maximumPacketSize, 1024 * 1024);
    assert.equal(properties.receiveMaximum, 100);
    assert.equal(properties.topicAliasMaximum, 10);
    await client.endAsync();
  });

  test('topic aliases of a publisher are resolved', async () => {
    const publisher = await asDevice('tcp', { properties: { topicAliasMaximum: 10 }, autoAssignTopicAlias: true });
    const subscriber = await asWatcher('tcp');
    await subscriber.subscribeAsync(`${BASE}/alias`, { qos: 1 });
    for (let i = 0; i < 3; i++) await publisher.publishAsync(`${BASE}/alias`, String(i), { qos: 1 });
    const got = (await messages(subscriber, 3)).map((m) => `${m.topic} ${m.payload}`);
    assert.deepEqual(got, [0, 1, 2].map((i) => `${BASE}/alias ${i}`));
    await publisher.endAsync();
    await subscriber.endAsync();
  });

  test('a client that asks for no id is told its id', async () => {
    const client = await connect(server, device, { clientId: '', clean: true });
    assert.match(client.connack.properties.assignedClientIdentifier, new RegExp(`^${NAME}/`));
    await client.endAsync();
  });

  test('a second client of the same id takes over, and the first is told', async () => {
    const first = await asDevice('tcp');
    const told = new Promise((resolve) => first.once('disconnect', (packet) => resolve(packet.reasonCode)));
    const second = await asDevice('ws');
    assert.equal(await told, 0x8e);
    await second.endAsync();
  });
});

test('WebSocket without the subprotocol mqtt is refused', async () => {
  const headers = { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==' };
  const answer = await server.request('GET', '/mqtt', { headers });
  assert.equal(answer.status, 400);
});
