// Months of measurements whose points go, and whose hours and days stay: by the API, the command line, over a restart.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { DAY, daysAgo, HOUR, PER_WINDOW, writeWindow } from './lib/measurements.mjs';
import { until } from './lib/program.mjs';
import { start } from './lib/server.mjs';

const DAYS = 90;
const begin = daysAgo(DAYS);
let server;

/** Two hours of each day, from eight o'clock on: a wave that is higher each day. */
const valueAt = (time, i) => Math.round(200 + (time - begin) / DAY + 50 * Math.sin(i / 300)) / 10;

before(async () => {
  server = await start();
  for (let day = 0; day < DAYS; day++) await writeWindow(server, 'press-01', begin + day * DAY + 8 * HOUR, valueAt);
  await until(async () => (await usage()).points === DAYS * PER_WINDOW, 'all is sealed', { timeout: 60_000 });
});
after(async () => await server.stop());

const usage = () => server.api('GET', '/api/series/usage');
const query = (sql) => server.api('POST', '/api/series/query', { sql });
const rows = async (sql) => (await query(sql)).rows;
const HOURS = "SELECT time_bucket('1 hour', time) AS t, count(heat), round(avg(heat), 9), min(heat), max(heat), first(heat, time), last(heat, time) FROM machine GROUP BY t ORDER BY t";
const DAILY = "SELECT time_bucket('1 day', time) AS t, count(*), round(avg(heat), 9), round(stddev(heat), 6), max(heat) FROM machine GROUP BY t ORDER BY t";
const chart = async () => (await server.api('GET', `/api/series/range?${new URLSearchParams({ device: 'press-01', channel: 'machine/heat', from: begin, to: daysAgo(0), points: DAYS })}`)).count;

describe('rules of retention with rollups', () => {
  let hours;
  let daily;

  test('points go, and answers by the hour and the day stay', async () => {
    hours = await rows(HOURS);
    daily = await rows(DAILY);
    assert.equal(hours.length, 2 * DAYS);
    assert.equal(daily.length, DAYS);
    const rule = await server.cliJson('retention', 'put', 'thin', '--keep', '30d', '--keep_hours', '1000d', '--keep_days', '3650d');
    assert.deepEqual(rule, { name: 'thin', channel: '', tags: {}, keep: '30d', keep_hours: '1000d', keep_days: '3650d' });
    await server.cliJson('retention', 'apply');
    await until(async () => (await usage()).points === 30 * PER_WINDOW, 'the points of 60 days are gone', { timeout: 60_000, interval: 250 });
    const { rollup_bytes: bytes, rows: [row] } = await usage();
    assert.ok(bytes > 0 && bytes < 90 * 2000, `${bytes} bytes of rollups`);
    assert.equal(row.rollup_bytes, bytes);
    assert.deepEqual(await rows(HOURS), hours);
    assert.deepEqual(await rows(DAILY), daily);
    assert.equal((await rows('SELECT count(*) FROM machine'))[0][0], DAYS * PER_WINDOW);
    assert.ok((await query(DAILY)).parts_by_rollup >= 60);
    assert.equal(await server.metric('dunlin_series_rollup_days_total') > 0, true);
  });

  test('who needs the points is told, and EXPLAIN says why', async () => {
    const { status, json } = await server.request('POST', '/api/series/query', { token: server.adminToken, body: { sql: 'SELECT percentile(heat, 0.9) FROM machine' } });
    assert.equal(`${status} ${json.error.code}`, '501 unsupported');
    assert.match(json.error.message, /the points before .* are gone/);
    const plan = (await rows(`EXPLAIN ${HOURS}`)).flat().join('\n');
    assert.match(plan, /rollups of 1 series: minutes hours; all points are there from /);
  });

  test('a chart of all of it, and SIGKILL', async () => {
    const counts = await chart();
    assert.equal(counts.length, DAYS);
    assert.equal(counts.reduce((sum, count) => sum + count, 0), DAYS * PER_WINDOW);
    await server.kill9();
    await server.start();
    assert.deepEqual(await rows(HOURS), hours);
    assert.deepEqual(await rows(DAILY), daily);
  });

  test('a late sample is in the answer at once; what is deleted is in none', async () => {
    const late = begin + 3 * DAY + 12 * HOUR;
    await server.api('POST', '/api/series/write', { samples: [{ device: 'press-01', channel: 'machine/heat', time: new Date(late).toISOString(), value: 1000 }] });
    const of = (all) => all.find(([time]) => time === new Date(begin + 3 * DAY).toISOString().replace('.000', ''));
    assert.equal(of(await rows(DAILY))[1], PER_WINDOW + 1);
    assert.equal(of(await rows(DAILY))[4], 1000);
    await server.cliJson('series', 'delete', '--device', 'press-01', '--from', new Date(begin + 3 * DAY).toISOString(), '--to', new Date(begin + 4 * DAY).toISOString());
    assert.equal(of(await rows(DAILY)), undefined);
    assert.deepEqual((await rows(HOURS)).length, 2 * DAYS - 2);
  });

  test('refuses rules that cannot be meant', async () => {
    for (const body of [{}, { keep: '30d', keep_hours: '10d' }, { keep_days: '1h' }, { keep_minutes: 'long' }]) {
      const { status } = await server.request('PUT', '/api/retention/wrong', { token: server.adminToken, body });
      assert.equal(status, 400, JSON.stringify(body));
    }
    assert.match((await server.cli('retention', 'put', '--help')).stdout, /--keep_hours/);
  });
});
