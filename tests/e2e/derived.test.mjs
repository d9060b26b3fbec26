// Derived channels of a running server: live from MQTT and HTTP, over SIGKILL, for history, watched by monitors; and what is refused.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import mqtt from 'mqtt';
import { until } from './lib/program.mjs';
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

async function write(...samples) {
  const body = { samples: samples.map(([device, channel, second, value]) => ({ device, channel, time: BEGIN + second * 1000, value })) };
  const answer = await server.request('POST', '/api/series/write', { body, token });
  assert.equal(answer.status, 200, answer.text);
}
/** [second, value] of each point. */
async function points(device, channel) {
  const path = `/api/series/points?device=${device}&channel=${encodeURIComponent(channel)}&limit=10000`;
  const { status, json, text } = await server.request('GET', path, { token });
  if (status === 404) return [];
  assert.equal(status, 200, text);
  assert(json.flags.every((flags) => flags === 8), 'they say that they are derived');
  return json.time.map((time, i) => [(Date.parse(time) - BEGIN) / 1000, json.value[i]]);
}
const become = (device, channel, expected) =>
  until(async () => JSON.stringify(await points(device, channel)) === JSON.stringify(expected), `${channel} to become ${JSON.stringify(expected)}`);

describe('derived channels', { concurrency: false }, () => {
  test('are computed from what comes over MQTT and over HTTP', async () => {
    const made = await server.cliJson('derived', 'set', 'power', '--channel', 'power', '--expression', 'voltage * current', '--unit', 'W');
    assert.deepEqual([made.name, made.type, made.unit, made.enabled], ['power', 'number', 'W', true]);
    const device = await server.thing('meter-01');
    const client = await mqtt.connectAsync({ host: '127.0.0.1', port: server.ports.mqtt, clientId: device.name, username: device.name, password: device.token });
    await client.publishAsync('demo/plant1/meter/meter-01/voltage', JSON.stringify({ value: 230, t: BEGIN }), { qos: 1 });
    await client.endAsync();
    await until(async () => (await server.request('GET', '/api/series/points?device=meter-01&channel=voltage', { token })).status === 200, 'the voltage');
    await write(['meter-01', 'current', 1, 2], ['meter-01', 'current', 2, 3]);
    await become('meter-01', 'power', [[1, 460], [2, 690]]);
    const { series } = await server.cliJson('series', 'list', '--device', 'meter-01');
    assert.deepEqual(series.map(({ channel, derived }) => [channel, derived]), [['current', false], ['power', true], ['voltage', false]]);
  });

  test('go on after SIGKILL', async () => {
    await server.cliJson('derived', 'set', 'total', '--channel', 'total', '--expression', "sum(pulse, '1d')");
    for (let i = 0; i < 30; i++) await write(['counter-01', 'pulse', i, 1]);
    await server.kill9();
    server = await start({ data: server.data });
    for (let i = 30; i < 40; i++) await write(['counter-01', 'pulse', i, 1]);
    await become('counter-01', 'total', Array.from({ length: 40 }, (_, i) => [i, i + 1]));
  });

  test('are computed for history, with windows', async () => {
    await write(...Array.from({ length: 600 }, (_, i) => ['oven-01', 'heat', i, i % 60]));
    await server.cliJson('derived', 'set', 'minute', '--channel', 'heat_minute', '--expression', 'mean(heat)', '--window', '1m');
    const tested = await server.cliJson('derived', 'test', '--device', 'oven-01', '--expression', 'max(heat)', '--window', '1m',
      '--from', '2026-01-01T00:00:00Z', '--to', '2026-01-01T00:03:00Z');
    assert.deepEqual(tested.value, [59, 59, 59]);
    const told = await server.cliJson('derived', 'backfill', 'minute', '--from', '2026-01-01T00:00:00Z', '--to', '2026-01-02T00:00:00Z');
    assert.deepEqual(told, { devices: 1, points: 600, results: 10, cancelled: false });
    await become('oven-01', 'heat_minute', Array.from({ length: 10 }, (_, i) => [60 * i, 29.5]));
    const sql = "SELECT max(heat_minute) AS most FROM points WHERE device = 'oven-01'";
    const { rows } = await server.cliJson('series', 'query', sql);
    assert.deepEqual(rows, [[29.5]]);
  });

  test('know local days, of 23 hours where clocks are changed; so do queries', async () => {
    // An hour each from the evening of 27 March 2026 UTC on; Berlin changes its clocks on the 29th.
    const first = (Date.UTC(2026, 2, 27, 23) - BEGIN) / 1000;
    await write(...Array.from({ length: 96 }, (_, i) => ['clock-01', 'ticks', first + i * 3600, 1]));
    await server.cliJson('derived', 'set', 'local-days', '--channel', 'ticks_day', '--expression', 'sum(ticks)', '--window', '{"length":"1d","zone":"Europe/Berlin"}');
    await server.cliJson('derived', 'backfill', 'local-days', '--from', '2026-03-27T23:00:00Z', '--to', '2026-03-31T22:00:00Z');
    const days = [[0, 24], [24, 23], [47, 24], [71, 24]].map(([hours, ticks]) => [first + hours * 3600, ticks]);
    await become('clock-01', 'ticks_day', days);
    const sql = "SELECT time_bucket('1 day', time, 'Europe/Berlin') AS day, count(ticks) FROM points WHERE device = 'clock-01' GROUP BY day ORDER BY day LIMIT 4";
    const { rows } = await server.cliJson('series', 'query', sql);
    assert.deepEqual(rows.map(([day, count]) => [(Date.parse(day) - BEGIN) / 1000, count]), days);
    const wrong = await server.cli('series', 'query', "SELECT time_bucket('1 day', time, 'Europe/Nowhere'), count(ticks) FROM points GROUP BY 1");
    assert.match(wrong.stderr, /no time zone such as 'Europe\/Berlin'/);
  });

  test('are watched by monitors', async () => {
    await server.cliJson('monitor', 'put', 'overload', '--channel', 'power', '--kind', 'threshold', '--options', '{"high":1000}');
    await write(['meter-01', 'current', 10, 9]);
    await until(async () => (await server.cliJson('alarm', 'list')).alarms.some(({ name, thing }) => name === 'overload' && thing === 'meter-01'), 'the alarm');
  });

  test('say what is wrong, where, and what was meant', async () => {
    const refused = async (...words) => {
      const { code, stderr } = await server.cli('derived', 'set', ...words);
      assert.equal(code, 1);
      return stderr;
    };
    assert.match(await refused('x', '--channel', 'x', '--expression', "meen(heat, '5m')"), /line 1, column 1: there is no function "meen"; did you mean "mean"\?/);
    assert.match(await refused('x', '--channel', 'voltage', '--expression', 'power / current'), /computed from itself: voltage <- power <- voltage/);
    const { token: reader } = await server.api('POST', '/api/tokens', { owner: 'plant', permissions: ['series:read'] });
    const answer = await server.request('PUT', '/api/derived/x', { body: { channel: 'x', expression: 'heat' }, token: reader });
    assert.equal(answer.status, 403);
    await server.cliJson('derived', 'delete', 'power');
    assert.equal((await server.request('GET', '/api/derived/power', { token: reader })).status, 404);
  });
});
