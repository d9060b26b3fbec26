// The disk is full: nothing is acknowledged that is not kept, the server stays up, and goes on when there is room again.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { connect, disconnectAll } from './lib/mqtt.mjs';
import { until } from './lib/program.mjs';
import { start } from './lib/server.mjs';
import { skip, SmallDisk } from './lib/small_disk.mjs';

const NAME = 'logger-01';
const TOPIC = `demo/plant1/machine/${NAME}/level`;
const BEGIN = Date.UTC(2026, 0, 1);
let disk;
let server;
let device;

before(async () => {
  if (skip) return;
  disk = await SmallDisk.mount('64m');
  server = await start({ data: disk.data, set: ['journal.segment_bytes=1MiB', 'threads.reactors=1'] });
  device = await server.thing(NAME);
});
after(async () => {
  disconnectAll();
  await server?.stop();
  await disk?.unmount();
});

const sample = (n) => JSON.stringify({ value: n, t: BEGIN + n, note: 'x'.repeat(2000) });

describe('a full disk', { skip }, () => {
  const acknowledged = new Set();
  let next = 0;
  let refused;
  let refusedLines;
  let takenLines = 0;

  test('refuses QoS 1 publishes and stays up', async () => {
    const client = await connect(server, device, { clientId: NAME });
    for (; next < 50; next++) {
      await client.publishAsync(TOPIC, sample(next), { qos: 1 });
      acknowledged.add(next);
    }
    disk.fill();
    // What the file system has given to the journal's present segment is still there to be used.
    for (const end = Date.now() + 60_000; !refused && Date.now() < end; next++) {
      await client.publishAsync(TOPIC, sample(next), { qos: 1 }).then(
        () => acknowledged.add(next),
        (error) => (refused = error),
      );
    }
    assert(refused, 'a publish is refused when there is no room');
    assert([0x97, 0x80].includes(refused.code), `reason ${refused.code}: ${refused.message}`);
    assert.equal((await server.request('GET', '/healthz')).status, 200);
    assert((await server.metric('dunlin_hub_append_failures_total')) > 0, 'the failure is counted');
    assert.match(server.log, /journal refused|no space/i);
    const old = await connect(server, device, { clientId: `${NAME}/old`, version: 3 });
    const closed = new Promise((resolve) => old.once('close', resolve));
    let puback = false;
    old.publish(TOPIC, sample(next++), { qos: 1 }, (error) => (puback = !error));
    await closed;
    assert.equal(puback, false, 'MQTT 3.1.1 is disconnected without a PUBACK');
    // QoS 0 keeps nothing and goes on.
    const watcher = await connect(server, device, { clientId: `${NAME}/watch` });
    await watcher.subscribeAsync(TOPIC, { qos: 0 });
    await client.publishAsync(TOPIC, '1', { qos: 0 });
    await until(() => watcher.received.length > 0, 'QoS 0 while the disk is full');
    watcher.end(true);
    client.end(true);
  });

  test('refuses lines over HTTP, each request as a whole, and says why', async () => {
    for (let request = 0; request < 400 && !refusedLines; request++) {
      // Long texts, since the log of samples has some room of its own ahead.
      const body = Array.from({ length: 1000 }, (_, i) => `level,device=lines v=${i},note="${'x'.repeat(900)}" ${BEGIN + request * 1000 + i}`).join('\n');
      const answer = await server.request('POST', '/write?precision=ms', { body, token: server.adminToken });
      if (answer.status === 204) takenLines += 1000;
      else refusedLines = answer;
    }
    assert(refusedLines, 'lines are refused when there is no room');
    assert.equal(refusedLines.status, 507, refusedLines.text);
    assert.match(refusedLines.json.error, /no space|full/i);
    assert(refusedLines.headers['retry-after']);
  });

  test('takes messages again when there is room', async () => {
    disk.clear();
    const taken = await until(async () => {
      const client = await connect(server, device, { clientId: NAME });
      const n = next++;
      const ok = await client.publishAsync(TOPIC, sample(n), { qos: 1 }).then(() => true, () => false);
      client.end(true);
      return ok && acknowledged.add(n);
    }, 'a publish to be taken', { timeout: 60_000, interval: 500 });
    assert(taken);
  });

  test('has lost nothing that it acknowledged, after a kill and a restart too', async () => {
    const missing = async () => {
      const query = `device=${NAME}&channel=level&from=${BEGIN}&to=${BEGIN + next + 1}&points=10000`;
      const { t } = await server.api('GET', `/api/series/range?${query}`);
      const have = new Set(t.map((at) => at - BEGIN));
      return [...acknowledged].filter((n) => !have.has(n));
    };
    await server.kill9();
    await server.start();
    const { count } = await server.api('GET', `/api/series/range?device=lines&channel=level/v&from=${BEGIN}&to=${BEGIN + 3_600_000}`).catch(() => ({ count: [] }));
    assert.equal(count.reduce((sum, each) => sum + each, 0), takenLines, 'lines that were answered, and no others');
    await until(async () => (await missing()).length === 0, 'all acknowledged values', { timeout: 60_000, interval: 300 }).catch(async (error) => {
      throw new Error(`${error.message}: missing ${(await missing()).slice(0, 20)} of ${acknowledged.size}`);
    });
  });
});
