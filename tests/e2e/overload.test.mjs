// Too much: publishers past their rate, readers that do not read, and too little memory. Peers: mosquitto's clients, mqtt.js, raw sockets.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { as, publish, published } from './lib/mosquitto.mjs';
import { connect, disconnectAll, messages } from './lib/mqtt.mjs';
import { run, until } from './lib/program.mjs';
import { cutAll, RawClient } from './lib/raw_client.mjs';
import { start } from './lib/server.mjs';

const NAME = 'valve-01';
const TOPIC = `demo/plant1/machine/${NAME}/value`;
const MIB = 1 << 20;
after(() => {
  disconnectAll();
  cutAll();
});

const memoryOf = async (server) => (await server.api('GET', '/api/status')).memory;
const readiness = async (server) => (await server.request('GET', '/readyz')).status;

describe('a client that publishes faster than it may', () => {
  const COUNT = 60;
  const lines = [...Array(COUNT).keys()].join('\n') + '\n';

  for (const version of [3, 5]) {
    test(`is slowed, and loses nothing (MQTT ${version})`, async () => {
      const server = await start({ set: ['limits.publish_rate=20', 'limits.publish_burst=500ms', 'threads.reactors=2'] });
      const device = await server.thing(NAME);
      const watcher = await connect(server, await server.user('watcher'), { clientId: 'user-watcher' });
      await watcher.subscribeAsync(TOPIC, { qos: 1 });
      const began = performance.now();
      const sent = run('mosquitto_pub', [...as(server, device, version), '-i', NAME, '-q', '1', '-t', TOPIC, '-l'], { input: lines });
      await until(async () => (await server.metric('dunlin_hub_publisher_rests_total', { reason: 'client_rate' })) > 0, 'the publisher to rest');
      const session = await server.cliJson('session', 'show', NAME);
      assert(session.rests > 0);
      assert.equal((await sent).code, 0);
      await messages(watcher, COUNT);
      assert(performance.now() - began > 2000, `${COUNT} messages at 20 a second, 10 of them at once`);
      assert.deepEqual(watcher.received.map(({ payload }) => Number(payload)), [...Array(COUNT).keys()]);
      assert.match(server.log, /a client publishes faster than it may: slowed/);
      await server.stop();
    });
  }

  test('is refused with Quota exceeded where that is the policy', async () => {
    const server = await start({ set: ['limits.publish_rate=1', 'limits.publish_burst=10s', 'limits.publish_policy=refuse'] });
    const device = await server.thing(NAME);
    const watcher = await connect(server, await server.user('watcher'), { clientId: 'user-watcher' });
    await watcher.subscribeAsync(TOPIC, { qos: 1 });
    const client = await connect(server, device, { clientId: NAME });
    const results = await Promise.allSettled([...Array(COUNT).keys()].map((i) => client.publishAsync(TOPIC, String(i), { qos: 1 })));
    const refused = results.filter(({ status }) => status === 'rejected');
    for (const { reason } of refused) assert.equal(reason.code, 0x97);
    assert(refused.length > 0 && refused.length <= COUNT - 10, `${refused.length} refused`);
    await messages(watcher, COUNT - refused.length);
    assert.equal(await server.metric('dunlin_hub_dropped_total', { reason: 'publish_rate' }), refused.length);
    await server.stop();
  });

  test('shares the rate of its tenant with the others', async () => {
    const server = await start({ set: ['limits.tenant_publish_rate=20', 'limits.publish_burst=500ms', 'threads.reactors=2'] });
    const devices = [];
    for (const name of [NAME, 'valve-02', 'valve-03']) devices.push(await server.thing(name));
    const began = performance.now();
    const sent = devices.map((device) => run('mosquitto_pub',
      [...as(server, device), '-i', device.name, '-q', '1', '-t', `demo/plant1/machine/${device.name}/value`, '-l'], { input: [...Array(20).keys()].join('\n') + '\n' }));
    for (const { code } of await Promise.all(sent)) assert.equal(code, 0);
    assert(performance.now() - began > 2000, '60 messages at 20 a second, 10 of them at once');
    assert((await server.metric('dunlin_hub_publisher_rests_total', { reason: 'tenant_rate' })) > 0);
    await server.stop();
  });
});

test('a reader that never reads is cut off, one that reads is not', async () => {
  const server = await start({ set: ['listen.stalled_after=1s', 'security.anonymous_on_loopback=true'] });
  const stuck = new RawClient(server.ports.mqtt);
  await stuck.connect({ clientId: 'stuck' });
  stuck.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'flood', qos: 0 }] });
  await stuck.next('suback');
  stuck.socket.pause();
  const reader = await connect(server, {}, { clientId: 'reader' });
  await reader.subscribeAsync('flood', { qos: 0 });
  const publisher = await connect(server, {}, { clientId: 'publisher' });
  const payload = Buffer.alloc(256 * 1024);
  const cutOff = () => server.metric('dunlin_net_stalled_total');
  let sent = 0;
  await until(async () => {
    await publisher.publishAsync('flood', payload, { qos: 1 });
    sent++;
    return (await cutOff()) > 0;
  }, 'the reader to be cut off', { timeout: 60_000 });
  assert.equal(await cutOff(), 1);
  await messages(reader, sent);
  assert.match(server.log, /cut off: the peer takes nothing of what waits for it/);
  await server.stop();
});

describe('a server that runs out of memory', () => {
  let server;
  let present;
  let resting;
  const anonymous = ['security.anonymous_on_loopback=true', 'threads.reactors=2'];
  const topic = (i) => `fill/${i}`;
  const body = Buffer.alloc(256 * 1024, 'x');
  let filled = 0;

  before(async () => {
    const probe = await start({ set: anonymous });
    resting = (await memoryOf(probe)).resident_bytes;
    await probe.stop();
    server = await start({ set: [...anonymous, `limits.memory_budget=${resting + 160 * MIB}`] });
    present = await connect(server, {}, { clientId: 'present' });
    const lasting = await connect(server, {}, { clientId: 'lasting', clean: false, properties: { sessionExpiryInterval: 3600 } });
    await lasting.subscribeAsync('kept/#', { qos: 1 });
    await lasting.endAsync();
  });
  after(() => server.stop());

  test('refuses what is new when it gets tight', async () => {
    await until(async () => {
      try {
        await present.publishAsync(topic(filled), body, { qos: 1, retain: true });
        filled++;
      } catch (error) {
        assert.equal(error.code, 0x97);
        return true;
      }
      return filled > 2000;
    }, 'retained messages to be refused', { timeout: 60_000, interval: 0 });
    assert(filled < 2000);
    const memory = await memoryOf(server);
    assert.notEqual(memory.level, 'normal');
    assert(memory.resident_bytes < memory.budget_bytes);
    assert.equal(await readiness(server), 503);
    const newcomer = new RawClient(server.ports.mqtt);
    assert.equal((await newcomer.connect({ clientId: 'newcomer' })).reasonCode, 0x97);
    const old = await publish(['-V', 'mqttv311', '-h', 'localhost', '-p', String(server.ports.mqtt)], '-i', 'old', '-t', 'a', '-m', 'x');
    assert.match(old.stderr, /unavailable/i);
    const [granted] = await present.subscribeAsync('more/#', { qos: 1 }).catch((error) => [error]);
    assert(granted instanceof Error || granted.qos === 0x97, 'a new subscription is refused');
    assert((await server.metric('dunlin_memory_refusals_total')) >= 3);
    assert.match(server.log, /memory is short: new work is refused/);
  });

  test('makes room where a retained message is taken away, however short memory is', async () => {
    let taken = 0;
    await until(async () => {
      if ((await memoryOf(server)).level !== 'critical') return true;
      await present.publishAsync(topic(taken++), '', { qos: 1, retain: true });
      return false;
    }, 'memory for what has been promised', { timeout: 60_000, interval: 100 });
  });

  test('keeps what it has promised', async () => {
    await present.publishAsync('kept/1', 'promised', { qos: 1 });
    const back = await connect(server, {}, { clientId: 'lasting', clean: false, properties: { sessionExpiryInterval: 3600 } });
    assert(back.connack.sessionPresent);
    const [{ payload }] = await messages(back, 1);
    assert.equal(String(payload), 'promised');
    await back.endAsync();
  });

  test('goes on when there is memory again', async () => {
    for (let i = 0; i < filled; i++) await present.publishAsync(topic(i), '', { qos: 1, retain: true });
    await until(async () => (await memoryOf(server)).level === 'normal', 'memory to be given back', { timeout: 60_000, interval: 200 });
    assert.equal(await readiness(server), 200);
    await published(['-h', 'localhost', '-p', String(server.ports.mqtt)], '-i', 'newcomer', '-q', 1, '-t', 'a', '-m', 'x');
    assert.match(server.log, /there is memory again/);
  });
});

test('a server past its budget from the start serves its operators', async () => {
  const server = await start({ set: ['limits.memory_budget=16MiB', 'security.anonymous_on_loopback=true'] });
  await until(async () => (await memoryOf(server)).level === 'critical', 'the level');
  const client = new RawClient(server.ports.mqtt);
  assert.equal((await client.connect({ clientId: 'x' })).reasonCode, 0x97);
  assert.equal((await server.cliJson('system', 'status')).memory.level, 'critical');
  assert.equal(await readiness(server), 503);
  await server.stop();
});

// What clients cost goes back to the system when they leave: within this of what the server had before. Each subscribes to 16 KiB of filters.
const LEFT_BEHIND = 16 * MIB;
test('5,000 clients that have left cost nothing more', async (context) => {
  const COUNT = 5000;
  const server = await start({ set: ['security.anonymous_on_loopback=true', 'threads.reactors=2'] });
  const filters = (i) => [...Array(8).keys()].map((n) => ({ topic: `${i}/${n}/${'x'.repeat(2040)}`, qos: 0 }));
  const connections = () => server.metric('dunlin_mqtt_connections');
  const resident = async () => (await memoryOf(server)).resident_bytes;
  await new RawClient(server.ports.mqtt).connect({ clientId: 'first' });
  const first = await resident();
  const clients = [];
  for (let i = 0; i < COUNT; i++) {
    const client = new RawClient(server.ports.mqtt);
    clients.push(client);
    const answer = client.connect({ clientId: `client-${i}` });
    client.send({ cmd: 'subscribe', messageId: 1, subscriptions: filters(i) });
    if (i % 100 === 99) await answer;
    else answer.catch(() => {});
  }
  await until(async () => (await connections()) > COUNT, 'all to be connected', { timeout: 120_000, interval: 200 });
  let full;
  await until(async () => (full = await resident()) > first + 3 * LEFT_BEHIND, 'the clients to cost something');
  for (const client of clients) {
    client.send({ cmd: 'disconnect' });
    client.socket.end();
  }
  await until(async () => (await connections()) === 1, 'all to be gone', { timeout: 60_000, interval: 200 });
  let last;
  await until(async () => (last = await resident()) < first + LEFT_BEHIND, 'their memory to be given back', { timeout: 90_000, interval: 500 })
    .catch((error) => assert.fail(`${error.message}: at first ${first}, with all ${full}, at last ${last}`));
  context.diagnostic(`resident bytes: at first ${first}, with ${COUNT} clients ${full}, after they left ${last}`);
  await server.stop();
});
