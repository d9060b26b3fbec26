// The server is ended by SIGKILL while rollups are made, while the points that are in them go, and while measurements are deleted; then its
// disk is full meanwhile: no hour is missing, counted twice or wrong. DUNLIN_CRASHES: how many (200 for the full run).
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DAY, daysAgo, HOUR, Measured, PER_WINDOW } from './lib/measurements.mjs';
import { sleep, until } from './lib/program.mjs';
import { start } from './lib/server.mjs';
import { skip, SmallDisk } from './lib/small_disk.mjs';

const CRASHES = Number(process.env.DUNLIN_CRASHES ?? 20);
const DAYS = 30;
const DEVICES = ['press-0', 'press-1', 'press-2', 'press-3'];

const points = async (server) => (await server.api('GET', '/api/series/usage')).points;
const apply = (server) => server.request('POST', '/api/retention', { token: server.adminToken, body: {} });
const put = (server, rule) => server.api('PUT', '/api/retention/thin', { keep_hours: '1000d', keep_days: '1000d', ...rule });
const sweeps = (server) => server.metric('dunlin_retention_sweeps_total');

/** Two hours of each day, from eight o'clock on. */
async function measure(server) {
  const measured = new Measured();
  for (const device of DEVICES) for (let days = DAYS; days > 0; days--) await measured.write(server, device, daysAgo(days) + 8 * HOUR);
  await until(async () => (await points(server)) === DEVICES.length * DAYS * PER_WINDOW, 'all is sealed', { timeout: 60_000 });
  return measured;
}

async function check(server, measured, when) {
  const { rows } = await server.api('POST', '/api/series/query', { sql: Measured.SQL });
  assert.deepEqual(rows, measured.rows, when);
}

/** A window of a day whose points are gone, each time another one. */
function late(crash) {
  const at = Math.floor(crash / DEVICES.length);
  const hours = [10, 12, 14, 16, 18, 20, 22, 0, 2, 4, 6];
  return daysAgo(DAYS - (at % 5)) + hours[Math.floor(at / 5) % hours.length] * HOUR;
}

/** The rule of that time: each one other lengths, so that all days are made anew, and one day's points less. */
function rule(crash) {
  const keep = `${Math.max(5, 24 - crash)}d`;
  return crash % 2 === 0 ? { keep, keep_minutes: '1000d' } : { keep };
}

function erase(server, device, day) {
  const time = new URLSearchParams({ device, from: new Date(day).toISOString(), to: new Date(day + DAY).toISOString() });
  return server.request('DELETE', `/api/series?${time}`, { token: server.adminToken });
}

describe(`${CRASHES} times SIGKILL while rollups are made and points go`, () => {
  test('every hour is there, once, and right', { timeout: 120_000 + CRASHES * 10_000 }, async () => {
    const server = await start();
    const measured = await measure(server);
    await put(server, { keep: '25d' });
    const began = performance.now();
    await apply(server);
    await until(async () => (await sweeps(server)) > 0, 'the end of a way through all series', { timeout: 60_000, interval: 5 });
    const took = performance.now() - began;
    await check(server, measured, 'before the first SIGKILL');
    let unfinished = 0;
    for (let crash = 0; crash < CRASHES; crash++) {
      const device = DEVICES[crash % DEVICES.length];
      await measured.write(server, device, late(crash));
      await put(server, rule(crash));
      const day = crash % 4 === 3 ? daysAgo(20 - (Math.floor(crash / 4) % 15)) : undefined;
      const answers = Promise.allSettled([apply(server), ...(day ? [erase(server, device, day)] : [])]);
      const before = await sweeps(server);
      await sleep(Math.random() * took);
      if ((await sweeps(server)) === before) unfinished++;
      await server.kill9();
      await answers;
      await server.start();
      // Both again, as one does who got no answer.
      if (day) {
        assert.equal((await erase(server, device, day)).status, 200);
        measured.forget(device, day);
      }
      await check(server, measured, `SIGKILL ${crash + 1}`);
      await measured.write(server, device, late(crash));
      await check(server, measured, `SIGKILL ${crash + 1}, sent again`);
    }
    console.log(`    a way through all series took ${Math.round(took)} ms, ${unfinished} were cut`);
    assert(unfinished > 0, 'the server was always done before it was ended');
    await apply(server);
    await until(async () => (await sweeps(server)) > 0, 'the last way through all series', { timeout: 60_000 });
    await check(server, measured, 'in the end');
    await server.stop();
  });
});

describe('a full disk while rollups are made', { skip }, () => {
  test('puts them off, answers as before, and goes on when there is room', async () => {
    const disk = await SmallDisk.mount('96m');
    let server;
    try {
      server = await start({ data: disk.data, set: ['journal.segment_bytes=1MiB', 'threads.reactors=1'] });
      const measured = await measure(server);
      await put(server, { keep: '25d', keep_minutes: '1000d' });
      disk.fill();
      await apply(server);
      await until(() => /rollups are not made/.test(server.log), 'that rollups are put off');
      await check(server, measured, 'on the full disk');
      assert.equal((await server.request('GET', '/healthz')).status, 200);
      disk.clear();
      const kept = DEVICES.length * 25 * PER_WINDOW;
      await until(async () => (await apply(server)).status === 200 && (await points(server)) === kept, 'that the points go', { timeout: 60_000, interval: 500 });
      await check(server, measured, 'with room again');
      await server.kill9();
      await server.start();
      await check(server, measured, 'after a restart');
    } finally {
      await server?.stop();
      await disk.unmount();
    }
  });
});
