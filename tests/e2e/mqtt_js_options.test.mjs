// mqtt.js 5: the options that meet a server, beyond what mqtt_js.test.mjs shows.
import assert from 'node:assert/strict';
import { createConnection } from 'node:net';
import { after, before, describe, test } from 'node:test';
import mqtt from 'mqtt';
import { connect, disconnectAll, messages } from './lib/mqtt.mjs';
import { sleep, until } from './lib/program.mjs';
import { start, temporaryFolder } from './lib/server.mjs';

const NAME = 'mixer-02';
const BASE = `demo/plant1/machine/${NAME}`;
let server;
let device;
let number = 0;

before(async () => {
  server = await start();
  device = await server.thing(NAME);
});
after(disconnectAll);

const nextId = () => `${NAME}/${++number}`;
const open = (options) => connect(server, device, { clientId: nextId(), ...options });
const texts = (client) => client.received.map(({ payload }) => payload.toString());

describe('the life of a connection', () => {
  test('manualConnect waits for connect()', async () => {
    const client = mqtt.connect(`mqtt://127.0.0.1:${server.ports.mqtt}`, {
      ...{ manualConnect: true, clientId: nextId(), username: device.name, password: device.token, protocolVersion: 5, reconnectPeriod: 0 },
    });
    await sleep(100);
    assert.equal(client.connected, false);
    client.connect();
    await until(() => client.connected, 'the connection');
    await client.endAsync();
  });

  test('keepalive with and without reschedulePings', async () => {
    for (const reschedulePings of [true, false]) {
      const client = await open({ keepalive: 1, reschedulePings });
      let pongs = 0;
      client.on('packetreceive', (packet) => (pongs += packet.cmd === 'pingresp' ? 1 : 0));
      const talking = setInterval(() => client.publish(`${BASE}/alive`, 'x'), 200);
      await sleep(2600);
      clearInterval(talking);
      assert.equal(client.connected, true);
      await until(() => pongs > 0, 'a PINGRESP');
      await client.endAsync();
    }
  });

  for (const version of [3, 5]) {
    test(`a lost connection is made again, with its subscriptions and its QoS 1 and 2 messages, MQTT ${version}`, async () => {
      const lasting = { clean: false, ...(version === 5 ? { properties: { sessionExpiryInterval: 600 } } : {}) };
      const client = await open({ version, ...lasting, reconnectPeriod: 50 });
      const watcher = await open({ version });
      await watcher.subscribeAsync(`${BASE}/again/#`, { qos: 2 });
      await client.subscribeAsync(`${BASE}/back`, { qos: 1 });
      const done = [];
      for (let i = 0; i < 60; i++) {
        // A PUBREL that is sent again after its PUBCOMP was lost is answered with 0x92, "not an error during recovery" (section
        // 3.7.2.1); mqtt.js reports it all the same.
        const tolerate = (error) => assert.equal(error.code, 0x92);
        done.push(client.publishAsync(`${BASE}/again/${i % 2}`, String(i), { qos: 1 + (i % 2) }).catch(tolerate));
        if (i % 20 === 10) {
          await sleep(5);
          client.stream.destroy();
        }
      }
      await Promise.all(done);
      await until(() => new Set(texts(watcher)).size === 60, 'all 60 messages');
      const exactlyOnce = watcher.received.filter(({ topic }) => topic.endsWith('/1')).map(({ payload }) => payload.toString());
      assert.equal(exactlyOnce.length, 30, 'QoS 2 comes once');
      await watcher.publishAsync(`${BASE}/back`, 'hello', { qos: 1 });
      await messages(client, 1);
      await client.endAsync();
      await watcher.endAsync();
    });
  }

  test('resubscribe after a session that was lost; none when it is off', async () => {
    for (const resubscribe of [true, false]) {
      const client = await open({ clean: true, resubscribe, reconnectPeriod: 50 });
      const topic = `${BASE}/resubscribe-${resubscribe}`;
      await client.subscribeAsync(topic, { qos: 1 });
      const again = new Promise((resolve) => client.once('connect', resolve));
      client.stream.destroy();
      await again;
      await sleep(100);
      const publisher = await open();
      await publisher.publishAsync(topic, 'x', { qos: 1 });
      await sleep(100);
      assert.equal(client.received.length, resubscribe ? 1 : 0);
      await client.endAsync();
      await publisher.endAsync();
    }
  });

  test('queueQoSZero keeps QoS 0 while offline, or not', async () => {
    for (const queueQoSZero of [true, false]) {
      const watcher = await open();
      const topic = `${BASE}/zero-${queueQoSZero}`;
      await watcher.subscribeAsync(topic);
      const client = await open({ queueQoSZero, reconnectPeriod: 50 });
      client.stream.destroy();
      await until(() => !client.connected, 'the loss');
      client.publish(topic, 'offline', { qos: 0 });
      await until(() => client.connected, 'the connection');
      await client.publishAsync(topic, 'online', { qos: 1 });
      await until(() => texts(watcher).includes('online'), 'the message');
      assert.deepEqual(texts(watcher), queueQoSZero ? ['offline', 'online'] : ['online']);
      await client.endAsync();
      await watcher.endAsync();
    }
  });

  test('connectTimeout ends what is never answered', async () => {
    const client = mqtt.connect('mqtt://127.0.0.1:9', { connectTimeout: 200, reconnectPeriod: 0 });
    await new Promise((resolve) => {
      client.once('error', resolve);
      client.once('close', resolve);
    });
    client.end(true);
  });
});

describe('MQTT 5', () => {
  test('a will with every property', async () => {
    const watcher = await open();
    const topic = `${BASE}/will`;
    await watcher.subscribeAsync(topic, { qos: 2 });
    const properties = {
      ...{ willDelayInterval: 1, payloadFormatIndicator: true, messageExpiryInterval: 60, contentType: 'text/plain' },
      ...{ responseTopic: `${BASE}/answer`, correlationData: Buffer.from('7'), userProperties: { a: ['1', '2'] } },
    };
    const doomed = await open({
      will: { topic, payload: Buffer.from('gone'), qos: 2, retain: true, properties },
      properties: { sessionExpiryInterval: 100 },
    });
    doomed.stream.destroy();
    const begun = Date.now();
    const [{ payload, packet }] = await messages(watcher, 1);
    assert(Date.now() - begun > 800);
    assert.deepEqual([payload.toString(), packet.qos, packet.retain], ['gone', 2, false]);
    const { contentType, responseTopic, correlationData, payloadFormatIndicator } = packet.properties;
    assert.deepEqual([contentType, responseTopic, String(correlationData), payloadFormatIndicator], ['text/plain', `${BASE}/answer`, '7', true]);
    assert.deepEqual({ ...packet.properties.userProperties }, { a: ['1', '2'] });
    const late = await open();
    await late.subscribeAsync(topic);
    const [{ packet: kept }] = await messages(late, 1);
    assert.equal(kept.retain, true);
    await late.publishAsync(topic, '', { qos: 1, retain: true });
    await watcher.endAsync();
    await late.endAsync();
  });

  test('receiveMaximum, maximumPacketSize, information wishes and user properties of CONNECT', async () => {
    const client = await open({
      properties: {
        ...{ receiveMaximum: 3, maximumPacketSize: 300, topicAliasMaximum: 5, sessionExpiryInterval: 60 },
        ...{ requestResponseInformation: true, requestProblemInformation: false, userProperties: { who: 'test' } },
      },
    });
    await client.subscribeAsync(`${BASE}/narrow`, { qos: 2 });
    const publisher = await open();
    const all = [];
    for (let i = 0; i < 20; i++) all.push(publisher.publishAsync(`${BASE}/narrow`, i === 10 ? 'x'.repeat(400) : String(i), { qos: 1 + (i % 2) }));
    await Promise.all(all);
    await messages(client, 19);
    assert.deepEqual(texts(client).sort(), [...Array(20).keys()].filter((i) => i !== 10).map(String).sort());
    await client.endAsync();
    await publisher.endAsync();
  });

  test('topic aliases both ways: autoUseTopicAlias, autoAssignTopicAlias, and those of the server', async () => {
    const watcher = await open({ properties: { topicAliasMaximum: 4 } });
    const raw = [];
    watcher.on('packetreceive', (packet) => packet.cmd === 'publish' && raw.push(packet.properties?.topicAlias));
    await watcher.subscribeAsync(`${BASE}/aliases/#`, { qos: 1 });
    for (const options of [{ autoAssignTopicAlias: true }, { autoUseTopicAlias: true }]) {
      const publisher = await open({ ...options, properties: { topicAliasMaximum: 4 } });
      for (let i = 0; i < 12; i++) {
        const properties = options.autoUseTopicAlias && i < 3 ? { topicAlias: 1 + i } : undefined;
        await publisher.publishAsync(`${BASE}/aliases/${i % 3}`, String(i), { qos: 1, properties });
      }
      await publisher.endAsync();
    }
    const got = (await messages(watcher, 24)).map(({ topic, payload }) => `${topic} ${payload}`);
    assert.deepEqual(got, [...Array(24).keys()].map((i) => `${BASE}/aliases/${i % 3} ${i % 12}`));
    assert(raw.some((alias) => alias > 0), 'the server uses aliases, too');
    assert(raw.every((alias) => alias === undefined || alias <= 4));
    await watcher.endAsync();
  });

  test('customHandleAcks answers with a code of its own', async () => {
    const refuse = (topic, message, packet, done) => done(null, message.toString() === 'bad' ? 0x83 : 0);
    const client = await open({ customHandleAcks: refuse, clean: false, properties: { sessionExpiryInterval: 60 } });
    await client.subscribeAsync(`${BASE}/acks`, { qos: 1 });
    const publisher = await open();
    for (const text of ['good', 'bad', 'last']) await publisher.publishAsync(`${BASE}/acks`, text, { qos: 1 });
    await until(() => texts(client).includes('last'), 'the last message');
    const { clientId } = client.options;
    await client.endAsync();
    const again = await open({ clientId, clean: false, properties: { sessionExpiryInterval: 60 } });
    await sleep(200);
    assert.deepEqual(texts(again), [], 'a refused message does not come again');
    await again.endAsync();
    await publisher.endAsync();
  });

  test('subscription options nl, rap, rh and subscriptionIdentifier', async () => {
    const client = await open();
    const other = await open();
    const topic = `${BASE}/options`;
    await other.publishAsync(topic, 'kept', { qos: 1, retain: true });
    await client.subscribeAsync(topic, { qos: 1, nl: true, rap: true, rh: 2, properties: { subscriptionIdentifier: 9 } });
    await client.publishAsync(topic, 'own', { qos: 1 });
    await other.publishAsync(topic, 'flagged', { qos: 1, retain: true });
    const [{ payload, packet }] = await messages(client, 1);
    assert.deepEqual([payload.toString(), packet.retain, packet.properties.subscriptionIdentifier], ['flagged', true, 9]);
    await client.subscribeAsync(topic, { qos: 1, rh: 1 });
    await sleep(100);
    assert.equal(client.received.length, 1, 'rh 1: the subscription was there');
    await client.subscribeAsync(topic, { qos: 1, rh: 0 });
    assert.equal((await messages(client, 2))[1].payload.toString(), 'flagged');
    const [{ qos: refused }] = await client.subscribeAsync('another/#', { qos: 1 }).catch((error) => [{ qos: error.code ?? 135 }]);
    assert(refused >= 128);
    await other.publishAsync(topic, '', { qos: 1, retain: true });
    await client.endAsync();
    await other.endAsync();
  });

  test('session expiry changed by end(), and reason codes of publish and unsubscribe', async () => {
    const clientId = nextId();
    const lasting = { clientId, clean: false, properties: { sessionExpiryInterval: 600 } };
    const client = await open(lasting);
    await client.subscribeAsync(`${BASE}/x`, { qos: 1 });
    const gone = await client.unsubscribeAsync([`${BASE}/x`, `${BASE}/none`]);
    assert.deepEqual([...gone.granted], [0, 0x11]);
    await assert.rejects(client.publishAsync('another/topic', 'x', { qos: 1 }), (error) => error.code === 0x87);
    await client.endAsync(false, { properties: { sessionExpiryInterval: 0 } });
    const again = await open(lasting);
    assert.equal(again.connack.sessionPresent, false);
    await again.endAsync();
  });

  test('an authentication method that is not known is refused with 0x8C', async () => {
    await assert.rejects(open({ properties: { authenticationMethod: 'X-NONE', authenticationData: Buffer.from('x') } }), (error) => error.code === 0x8c);
  });
});

test('over a Unix socket', async () => {
  const path = `${temporaryFolder('socket')}/mqtt.sock`;
  const local = await start({ set: [`listen.mqtt_unix=${path}`] });
  const thing = await local.thing(NAME);
  const who = { clientId: NAME, username: thing.name, password: thing.token };
  const client = new mqtt.MqttClient(() => createConnection(path), { ...who, protocolVersion: 5, reconnectPeriod: 0 });
  const failure = new Promise((resolve) => client.once('error', resolve));
  const connected = new Promise((resolve) => client.once('connect', () => resolve('connected')));
  assert.equal(await Promise.race([connected, failure]), 'connected');
  await client.endAsync();
  await local.stop();
});
