// kill -9 and power cuts under load: what was acknowledged is there after the restart, and QoS 2 counts once.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { connect, disconnectAll } from './lib/mqtt.mjs';
import { Disk } from './lib/power_cut.mjs';
import { until } from './lib/program.mjs';
import { Server, start, temporaryFolder } from './lib/server.mjs';

const NAME = 'logger-01';
const topic = (channel) => `demo/plant1/machine/${NAME}/${channel}`;
const BEGIN = Date.UTC(2026, 0, 1);
let server;
let device;
let disk;

after(disconnectAll);

/** The stored values of a channel whose n-th message had t = BEGIN + n: the set of n, and whether any t came twice. */
async function stored(channel, count) {
  const found = new Map();
  const step = 5000;
  for (let from = 0; from < count; from += step) {
    const query = `device=${NAME}&channel=${channel}&from=${BEGIN + from}&to=${BEGIN + from + step}&points=10000`;
    const { t, value, count: weights } = await server.api('GET', `/api/series/range?${query}`);
    t.forEach((at, i) => {
      assert.equal(weights[i], 1, `one value at ${at}`);
      assert(!found.has(at - BEGIN), `t ${at} is there once`);
      found.set(at - BEGIN, value[i]);
    });
  }
  return found;
}

/** The range is read after the journal has been replayed into the series; waits until `ok`. */
async function storedWhen(channel, count, ok) {
  let found = new Map();
  await until(async () => {
    found = await stored(channel, count).catch(() => new Map());
    return ok(found);
  }, `the acknowledged values of ${channel}`, { timeout: 60_000, interval: 300 });
  return found;
}

async function restart() {
  await server.kill9();
  if (disk) console.log(`    ${disk.losePower()} files lost bytes or their name`);
  await server.start();
  console.log(`    ready ${server.startSeconds.toFixed(2)} s after the kill`);
  assert(server.startSeconds < 60, `the start took ${server.startSeconds} s`);
}

/**
 * Publishes 0 to total - 1 with QoS 2, at most 50 under way: less than the server's receive maximum, which mqtt.js does not
 * heed. Gives a counter of what was completed.
 */
function publishAll(client, channel, total, payload) {
  const progress = { completed: 0, errors: [] };
  let next = 0;
  const more = () => {
    if (next >= total) return;
    const n = next++;
    client.publish(topic(channel), payload(n), { qos: 2 }, (error) => {
      // 0x92 to a PUBREL that is sent again after a kill: the server had released the message before (MQTT 5.0 section 4.4).
      if (!error || error.code === 0x92) progress.completed++;
      else progress.errors.push(error.message);
      more();
    });
  };
  for (let i = 0; i < 50; i++) more();
  return progress;
}

/** Publishes with one QoS until the connection breaks; gives which were acknowledged and how many were sent. */
function flood(client, channel, qos, from = 0) {
  const acknowledged = [];
  let next = from;
  const more = () => {
    if (!client.connected) return;
    const n = next++;
    client.publish(topic(channel), JSON.stringify({ value: n, t: BEGIN + n }), { qos }, (error) => {
      if (error) return;
      acknowledged.push(n);
      more();
    });
  };
  for (let i = 0; i < 50; i++) more();
  return { acknowledged, sent: () => next };
}

const ends = {
  'kill -9 during a flood': () => undefined,
  'a power cut during a flood': (data) => new Disk(data),
};
for (const [title, makeDisk] of Object.entries(ends)) describe(title, () => {
  before(async () => {
    const data = temporaryFolder();
    disk = makeDisk(data);
    server = await start({ data, env: disk?.env });
    device = await server.thing(NAME);
  });
  after(() => server.stop());

  test('every QoS 1 message that was acknowledged is in the series', async () => {
    const acknowledged = new Set();
    let from = 0;
    for (let round = 0; round < 3; round++) {
      const client = await connect(server, device, { clientId: `${NAME}/flood` });
      const run = flood(client, 'level', 1, from);
      await until(() => run.acknowledged.length >= 1000, '1000 acknowledgements');
      await restart();
      run.acknowledged.forEach((n) => acknowledged.add(n));
      from = run.sent();
      client.end(true);
    }
    assert(acknowledged.size >= 3000);
    const found = await storedWhen('level', from, (have) => [...acknowledged].every((n) => have.has(n)));
    for (const [n, value] of found) assert.equal(value, n);
  });

  test('QoS 2 over kills reaches the series exactly once, and nothing is left out', async () => {
    const total = 1500;
    // A client with a session that lasts: it sends what was not completed again, with the same packet ids.
    const client = await connect(server, device, {
      clientId: `${NAME}/twice`,
      clean: false,
      properties: { sessionExpiryInterval: 3600 },
      reconnectPeriod: 200,
    });
    const progress = publishAll(client, 'count', total, (n) => JSON.stringify({ value: n, t: BEGIN + n }));
    for (const share of [0.2, 0.6]) {
      await until(() => progress.completed >= total * share, `${total * share} completions`);
      await restart();
    }
    await until(() => progress.completed + progress.errors.length === total, `all ${total} completions`, { timeout: 60_000 });
    assert.deepEqual(progress.errors, []);
    const found = await storedWhen('count', total, (have) => have.size === total);
    assert.deepEqual([...found.keys()].sort((a, b) => a - b), [...Array(total).keys()]);
    client.end(true);
  });

  test('things, shadows, retained messages, alarms and sessions outlive a kill', async () => {
    await server.api('PATCH', `/api/things/${NAME}/shadow`, { state: { desired: { rate: 5 } } });
    const client = await connect(server, device, { clientId: NAME });
    await client.publishAsync(topic('mode'), '"auto"', { qos: 1, retain: true });
    const token = server.adminToken;
    await restart();
    client.end(true);
    const shadow = await server.api('GET', `/api/things/${NAME}/shadow`);
    assert.deepEqual(shadow.state.desired, { rate: 5 });
    const again = await connect(server, device, { clientId: NAME });
    await again.subscribeAsync(topic('mode'), { qos: 1 });
    const [message] = await until(() => again.received.length && again.received, 'the retained message');
    assert.deepEqual([message.payload.toString(), message.packet.retain], ['"auto"', true]);
    assert.notEqual(server.adminToken, token);
    assert.equal((await server.request('GET', '/api/things', { token })).status, 401, 'the token of the former run is void');
    again.end(true);
  });
});

test('a disk that ignores syncs loses what was acknowledged: the tests above would notice', async () => {
  const data = temporaryFolder();
  server = await start({ data });
  device = await server.thing(NAME);
  await server.stop();
  disk = new Disk(data, { ignoreSync: true });
  server = await new Server({ data, env: disk.env }).start();
  const client = await connect(server, device, { clientId: `${NAME}/lost` });
  const run = flood(client, 'lost', 1);
  await until(() => run.acknowledged.length >= 100, '100 acknowledgements');
  await restart();
  client.end(true);
  await server.api('GET', `/api/things/${NAME}`);
  assert.deepEqual(await server.api('GET', `/api/series?device=${NAME}`), { series: [] });
});
