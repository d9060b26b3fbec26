// Samples that come over HTTP are seen by all that is live: monitors, subscribers, rules, open pages; over SIGKILL, too.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import mqtt from 'mqtt';
import WebSocket from 'ws';
import { sleep, until } from './lib/program.mjs';
import { start } from './lib/server.mjs';

let server;
let token;
const BEGIN = Date.UTC(2026, 0, 1);
const PASSWORD = 'calm sea at dawn';

before(async () => {
  server = await start();
  await server.api('POST', '/api/users', { name: 'plant', password: PASSWORD, policies: ['user'], permissions: ['series:*'] });
  ({ token } = await server.api('POST', '/api/tokens', { owner: 'plant', permissions: ['series:write', 'series:read'] }));
});
after(() => server?.stop());

/** A point by the line protocol; resolves when it is on the disk. */
async function line(device, value, second) {
  const body = `climate,device=${device} temp=${value} ${BEGIN + second * 1000}`;
  const answer = await server.request('POST', '/write?precision=ms', { body, token });
  assert.equal(answer.status, 204, answer.text);
}
const alarms = async () => (await server.cliJson('alarm', 'list')).alarms.map(({ name, thing, state }) => `${name} ${thing} ${state}`);

/** A client that may hear everything. */
const options = (clientId, more = {}) => ({
  host: '127.0.0.1', port: server.ports.mqtt, protocolVersion: 5, clientId: `user-${clientId}`, username: 'plant', password: PASSWORD, ...more,
});
const listener = (clientId, more) => mqtt.connectAsync(options(clientId, more));

describe('samples over HTTP', { concurrency: false }, () => {
  test('are watched by monitors, whatever way each came, and over SIGKILL', async () => {
    await server.cliJson('monitor', 'put', 'hot', '--channel', 'climate/temp', '--kind', 'threshold', '--options', '{"high":80,"hold_seconds":10}');
    for (let i = 0; i < 6; i++) await line('roof-1', 90, i);
    await server.kill9();
    server = await start({ data: server.data });
    for (let i = 6; i < 10; i++) await line('roof-1', 90, i);
    await sleep(1500);
    assert.deepEqual(await alarms(), [], 'nine seconds');
    const samples = [{ device: 'roof-1', channel: 'climate/temp', value: 91, time: BEGIN + 10_000 }];
    const answer = await server.request('POST', '/api/series/write', { body: { samples }, token });
    assert.equal(answer.status, 200, answer.text);
    await until(async () => (await alarms()).includes('hot roof-1 active'), 'the alarm');
  });

  test('are messages for who subscribes to them', async () => {
    const client = await listener('listener');
    const got = [];
    client.on('message', (topic, payload) => got.push([topic, JSON.parse(payload)]));
    await client.subscribeAsync('$dunlin/samples/roof-2/#', { qos: 1 });
    await line('roof-2', 21.5, 0);
    const pack = await server.request('POST', '/api/series/senml?device=roof-2', {
      body: JSON.stringify([{ n: 'open', vb: true, t: BEGIN / 1000 }]), token, headers: { 'content-type': 'application/senml+json' },
    });
    assert.equal(pack.status, 204, pack.text);
    await until(() => got.length === 2, 'two messages');
    assert.deepEqual(got[0], ['$dunlin/samples/roof-2/climate/temp', { value: 21.5, time: '2026-01-01T00:00:00Z' }]);
    assert.deepEqual(got[1][1].value, true);
    await client.endAsync();
    const published = await server.metric('dunlin_series_topics_published_total');
    await until(async () => {
      await line('roof-2', 22, 1);
      const before = await server.metric('dunlin_series_topics_published_total');
      await line('roof-2', 23, 2);
      await sleep(300);
      return before === (await server.metric('dunlin_series_topics_published_total'));
    }, 'nothing is published any more');
    assert(published >= 2);
  });

  test('make rules act', async () => {
    const sql = "SELECT * FROM '$dunlin/samples/+/climate/temp' WHERE value > 50";
    await server.cliJson('rule', 'put', 'warm', '--sql', sql, '--actions',
      '[{"alarm":{"name":"warm","thing":"${topic(3)}"}},{"republish":{"topic":"warm/${topic(3)}"}}]');
    const client = await listener('warm-listener');
    const got = [];
    client.on('message', (topic) => got.push(topic));
    await client.subscribeAsync('warm/#', { qos: 1 });
    await line('roof-3', 20, 0);
    await line('roof-3', 60, 1);
    await until(async () => (await alarms()).includes('warm roof-3 active'), 'the alarm of the rule');
    await until(() => got.includes('warm/roof-3'), 'its message');
    await client.endAsync();
    await server.cliJson('rule', 'delete', 'warm');
  });

  test('wait for a subscriber that is away, over SIGKILL', async () => {
    const session = { clean: false, properties: { sessionExpiryInterval: 3600 } };
    let client = await listener('away', session);
    await client.subscribeAsync('$dunlin/samples/roof-4/#', { qos: 1 });
    await client.endAsync();
    for (let i = 0; i < 20; i++) await line('roof-4', i, i);
    await server.kill9();
    server = await start({ data: server.data });
    for (let i = 20; i < 25; i++) await line('roof-4', i, i);
    const got = new Set();
    client = mqtt.connect(options('away', session));
    client.on('message', (topic, payload) => got.add(JSON.parse(payload).value));
    await until(() => got.size === 25, 'all 25 values');
    await client.endAsync();
  });

  test('move the charts of open pages', async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${server.ports.http}/api/live`, { headers: { authorization: `Bearer ${server.adminToken}` } });
    const texts = [];
    let frames = 0;
    socket.on('message', (data, isBinary) => (isBinary ? frames++ : texts.push(JSON.parse(data))));
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    socket.send('{"subscribe":{"all":true}}');
    await until(async () => {
      await line('roof-5', 1, Math.floor(Date.now() / 1000));
      return frames > 0 && texts.some(({ type, device }) => type === 'series' && device === 'roof-5');
    }, 'a frame with the value');
    socket.close();
  });
});
