// What no honest peer sends: the server refuses it, says so, counts it, and goes on serving the others.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { connect, disconnectAll, messages } from './lib/mqtt.mjs';
import { until } from './lib/program.mjs';
import { connectPacket, packet, publishPacket, RawConnection, textField } from './lib/raw_mqtt.mjs';
import { start } from './lib/server.mjs';

const NAME = 'probe-01';
const TOPIC = `demo/plant1/machine/${NAME}/value`;
let server;
let device;
let honest;

before(async () => {
  server = await start({ set: ['mqtt.max_packet_bytes=64KiB'] });
  device = await server.thing(NAME);
  honest = await connect(server, await server.user('honest'), { clientId: 'user-honest' });
  await honest.subscribeAsync(`demo/plant1/machine/${NAME}/#`, { qos: 1 });
});
after(disconnectAll);

let refusals;
beforeEach(async () => {
  refusals = await server.metric('dunlin_mqtt_refusals_total');
});

async function connected() {
  const raw = await RawConnection.open(server.ports.mqtt);
  raw.send(connectPacket({ clientId: `${NAME}/raw`, ...device }));
  await until(() => raw.bytes.length >= 4, 'the CONNACK');
  assert.deepEqual([raw.bytes[0], raw.bytes[3]], [0x20, 0]);
  raw.bytes = Buffer.alloc(0);
  return raw;
}

/** The server still serves, has counted the refusal, and logged one. */
async function stillServes() {
  assert((await server.metric('dunlin_mqtt_refusals_total')) > refusals, 'the refusal is counted');
  assert.match(server.log, /refused/);
  const client = await connect(server, device, { clientId: NAME });
  const before = honest.received.length;
  await client.publishAsync(TOPIC, '1', { qos: 1 });
  await messages(honest, before + 1);
  await client.endAsync();
}

describe('before a CONNECT', () => {
  for (const [what, bytes] of [
    ['another packet first', publishPacket('a', 'b')],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
    ['a TLS greeting', Buffer.from('16030100c8010000c40303', 'hex')],
    ['a reserved packet type', packet(0x00, [1, 2])],
    ['a length of five bytes', Buffer.from([0x10, 0xff, 0xff, 0xff, 0xff, 0x7f])],
    ['a first packet of 200 MB', Buffer.from([0x10, 0x80, 0x80, 0x80, 0x60, 0, 4])],
    ['a protocol name that is not MQTT', packet(0x10, textField('MQTX'), [5, 2, 0, 60, 0], textField('x'))],
    ['a protocol version that is not known', packet(0x10, textField('MQTT'), [9, 2, 0, 60, 0], textField('x'))],
    ['a CONNECT that ends too early', packet(0x10, textField('MQTT'), [5, 0xc2, 0, 60])],
    ['a CONNECT with the reserved flag', packet(0x10, textField('MQTT'), [5, 3, 0, 60, 0], textField('x'))],
    ['a client id that is not UTF-8', packet(0x10, textField('MQTT'), [5, 2, 0, 60, 0], [0, 2, 0xc3, 0x28])],
  ]) {
    test(`${what} is closed`, async () => {
      const raw = await RawConnection.open(server.ports.mqtt);
      raw.send(bytes);
      const answer = await raw.untilClosed();
      // Either nothing, or a CONNACK that says why (MQTT 5.0 section 4.13).
      assert(answer.length === 0 || (answer[0] === 0x20 && answer[3] !== 0), answer.toString('hex'));
      await stillServes();
    });
  }
});

describe('after a CONNECT', () => {
  const malformed = 0x81;
  const protocolError = 0x82;
  for (const [what, bytes, reason] of [
    ['QoS 3', packet(0x36, textField(TOPIC), [0, 1, 0], 'x'), malformed],
    ['packet id 0', publishPacket(TOPIC, 'x', { qos: 1, id: 0 }), undefined],
    ['a topic with a wildcard', publishPacket('demo/+/x', 'x', { qos: 1 }), undefined],
    ['a topic with NUL', publishPacket('demo/\0', 'x', { qos: 1 }), undefined],
    ['an empty topic without an alias', publishPacket('', 'x', { qos: 1 }), undefined],
    ['an alias past the maximum', packet(0x32, textField(TOPIC), [0, 1, 3, 0x23, 0xff, 0xff], 'x'), 0x94],
    ['a property that is not known', packet(0x32, textField(TOPIC), [0, 1, 2, 0x7f, 1], 'x'), malformed],
    ['a property twice', packet(0x32, textField(TOPIC), [0, 1, 4, 0x01, 0, 0x01, 0], 'x'), protocolError],
    ['a packet past the announced maximum', publishPacket(TOPIC, Buffer.alloc(70_000), { qos: 1 }), 0x95],
    ['a SUBSCRIBE without filters', packet(0x82, [0, 1, 0]), undefined],
    ['a SUBSCRIBE with wrong flags', packet(0x80, [0, 1, 0], textField('a'), [0]), malformed],
    ['a second CONNECT', connectPacket({ clientId: `${NAME}/raw`, name: NAME, token: 'x' }), protocolError],
    ['a packet that only servers send', packet(0x20, [0, 0, 0]), undefined],
  ]) {
    test(`${what} ends in a DISCONNECT with the reason`, async () => {
      const raw = await connected();
      raw.send(bytes);
      const answer = await raw.untilClosed();
      assert.equal(answer[0], 0xe0, answer.toString('hex'));
      if (reason === undefined) assert(answer[2] >= 0x80, answer.toString('hex'));
      else assert.equal(answer[2].toString(16), reason.toString(16));
      await stillServes();
    });
  }

  test('more publishes in flight than announced are refused with 0x93', async () => {
    const raw = await connected();
    raw.send(Buffer.concat([...Array(150).keys()].map((i) => publishPacket(TOPIC, '1', { qos: 2, id: i + 1 }))));
    const answer = await raw.untilClosed();
    assert.match(answer.toString('hex'), /e0..93/);
    await stillServes();
  });

  test('random bytes do no harm', async () => {
    let seed = 7;
    const random = () => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) >> 16 & 255;
    for (let round = 0; round < 50; round++) {
      const raw = round % 2 ? await connected() : await RawConnection.open(server.ports.mqtt);
      raw.send(Buffer.from(Array.from({ length: 200 }, random)));
      raw.socket.end();
      await Promise.race([raw.end, new Promise((resolve) => setTimeout(resolve, 300))]);
      raw.destroy();
    }
    await stillServes();
  });
});

describe('payloads', () => {
  test('JSON that is none is no sample, and its neighbours are', async () => {
    const client = await connect(server, device, { clientId: NAME });
    const bad = ['{', '{"value":}', '[[[[', 'NaN', '{"value":1e999}', '\xff\xfe', `${'['.repeat(5000)}`, '{"value":1,"value":{"a":1}}'];
    for (const payload of bad) await client.publishAsync(`demo/plant1/machine/${NAME}/odd`, payload, { qos: 1 });
    await client.publishAsync(`demo/plant1/machine/${NAME}/odd`, '42', { qos: 1 });
    const last = await until(async () => {
      const { series } = await server.api('GET', `/api/series/last?device=${NAME}`);
      const odd = series.find(({ channel }) => channel === 'odd');
      return odd?.value === 42 && odd;
    }, 'the good value');
    assert.equal(last.value, 42);
    await client.endAsync();
  });

  test('a shadow update that is none is rejected with code 400', async () => {
    const client = await connect(server, device, { clientId: NAME });
    const base = `$dunlin/things/${NAME}/shadow/update`;
    await client.subscribeAsync(`${base}/rejected`, { qos: 1 });
    const deep = `{"state":{"reported":${'{"a":'.repeat(20)}1${'}'.repeat(20)}}}`;
    const large = JSON.stringify({ state: { reported: { text: 'x'.repeat(9000) } } });
    const bad = ['{', '[]', '{"state":7}', '{"state":{"wanted":{}}}', '{"state":{"reported":[1]}}', deep, large];
    for (const [i, payload] of bad.entries()) {
      await client.publishAsync(base, payload, { qos: 1 });
      const got = await messages(client, i + 1);
      const code = JSON.parse(got[i].payload).code;
      assert(code === 400 || code === 413, `${payload.slice(0, 30)}: ${got[i].payload}`);
    }
    const answer = await server.request('PATCH', `/api/things/${NAME}/shadow`, { token: server.adminToken, body: { state: { wanted: {} } } });
    assert.equal(answer.status, 400, answer.text);
    await client.endAsync();
  });
});
