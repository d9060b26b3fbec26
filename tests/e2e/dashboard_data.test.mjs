// The pages Query and Storage in Chromium: questions in SQL with their answers, errors and files; what is stored, and deleting it; charts that
// zoom, with what monitors expect and find.
// Names and texts that would do harm are text.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { openBrowser, openPage } from './lib/browser.mjs';
import { openDashboard, PASSWORD } from './lib/dashboard.mjs';
import { connect, disconnectAll } from './lib/mqtt.mjs';
import { until } from './lib/program.mjs';
import { start } from './lib/server.mjs';

const EVIL = '<img src=x onerror="document.title=\'owned\'">';
const BEGIN = Date.UTC(2026, 0, 1);
let server;
let dashboard;
let page;

const write = (samples) => server.api('POST', '/api/series/write', { samples });
const query = async (sql) => (await server.api('POST', '/api/series/query', { sql })).rows;

before(async () => {
  server = await start();
  // Refusals that the tests bring about.
  dashboard = await openDashboard(server, { pictures: 'data', expected: [/status of (400|404) .*\/api\/series\/query/] });
  page = dashboard.page;
});
after(async () => {
  await dashboard?.context.close();
  disconnectAll();
});

const editor = () => page.getByLabel('Query (SQL)');
const answer = () => page.getByRole('region', { name: 'Answer' }).first();
async function ask(sql) {
  await editor().fill(sql);
  await page.keyboard.press('Control+Enter');
}

test('the empty pages say what would be there', async () => {
  await page.goto(`${dashboard.origin}/#/storage`);
  await page.getByText('Nothing is stored yet').waitFor();
  await page.getByRole('link', { name: 'Query', exact: true }).click();
  await page.getByText('Write a query, or take one of the examples').waitFor();
  await page.getByText('What you ask is kept in this browser').waitFor();
  await dashboard.picture('empty');
  dashboard.noFaults();
});

test('an example is answered as a table; a time and numbers as a chart', async () => {
  const now = Date.now();
  const samples = [];
  for (let i = 0; i < 120; i++) {
    for (const press of [1, 2]) {
      const at = { device: `press-0${press}`, time: now - i * 20_000 };
      samples.push({ ...at, channel: 'temperature', value: 60 + 5 * press + 4 * Math.sin(i / 9 + press) });
      samples.push({ ...at, channel: 'readings/velocity', value: i });
    }
  }
  samples.push({ device: 'meter-01', channel: 'energy', time: now - 60_000, value: 10 }, { device: 'meter-01', channel: 'energy', time: now, value: 12 });
  await write(samples);
  await page.reload();
  await page.getByRole('button', { name: 'Last temperature of each device' }).click();
  await page.getByText(/^2 rows in \d+ ms$/).waitFor();
  await answer().getByRole('link', { name: 'press-02' }).waitFor();
  await page.getByRole('button', { name: 'Mean temperature of the presses' }).click();
  const lines = answer().getByRole('img');
  await lines.waitFor();
  assert.match(await lines.getAttribute('aria-label'), /^press-01: .*; press-02: /);
  await dashboard.picture('chart');
  await page.getByRole('button', { name: 'Table', exact: true }).click();
  const first = await answer().locator('tbody tr').first().innerText();
  assert.match(first, /^\d{4}-\d\d-\d\dT\d\d:\d\d:00Z\s+press-01\s+\d+\.\d+$/);
  await dashboard.picture('table');
  dashboard.noFaults();
});

test('every example has an answer', async () => {
  const examples = page.locator('.query-side section', { hasText: 'Examples' }).getByRole('button');
  const count = await examples.count();
  assert(count >= 8);
  for (let i = 0; i < count; i++) {
    const [asked] = await Promise.all([page.waitForResponse(/\/api\/series\/query$/), examples.nth(i).click()]);
    assert.equal(asked.status(), 200, await asked.text());
    assert((await asked.json()).rows.length > 0, asked.request().postData());
  }
  dashboard.noFaults();
});

test('the tables and their columns are listed, and written into the query', async () => {
  await page.locator('summary', { hasText: 'readings' }).click();
  const column = page.getByRole('list', { name: 'Columns of readings' }).getByRole('button', { name: 'velocity' });
  await editor().fill('SELECT max() FROM readings');
  await editor().evaluate((element) => element.setSelectionRange(11, 11));
  await column.click();
  assert.equal(await editor().inputValue(), 'SELECT max(velocity) FROM readings');
  // The answer before this one may have one row, too.
  await Promise.all([page.waitForResponse(/\/api\/series\/query$/), page.keyboard.press('Control+Enter')]);
  await answer().locator('tbody', { hasText: /^119$/ }).waitFor();
  dashboard.noFaults();
});

test('an error stands at its place', async () => {
  await ask('SELECT device,\n  speed\nFROM readings');
  const problem = page.getByRole('alert').filter({ hasText: 'there is no column "speed"' });
  await problem.waitFor();
  assert.match(await problem.locator('pre').innerText(), /^ {2}speed\n {2}\^$/);
  await problem.getByRole('button', { name: 'Go to line 2' }).click();
  assert.equal(await editor().evaluate((element) => element.selectionStart), 'SELECT device,\n  '.length);
  await dashboard.picture('error');
  await ask('SELECT speed FROM nowhere');
  await page.getByText('there is no table "nowhere"').waitFor();
  dashboard.noFaults();
});

test('the answer is downloaded as CSV, and nothing found is said', async () => {
  await ask('SELECT device, max(velocity) AS v FROM readings GROUP BY device ORDER BY device');
  await page.getByText(/^2 rows in/).waitFor();
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Download CSV' }).click(),
  ]);
  assert.equal(download.suggestedFilename(), 'query.csv');
  assert.equal(readFileSync(await download.path(), 'utf8'), 'device,v\r\npress-01,119\r\npress-02,119\r\n');
  await ask("SELECT device FROM samples WHERE device = 'nobody'");
  await page.getByText(/^No rows/).waitFor();
  assert(await page.getByRole('button', { name: 'Download CSV' }).isDisabled());
  dashboard.noFaults();
});

test('a running query is cancelled, and another one asked', async () => {
  // The answer waits on its way until the test lets it go.
  let letGo;
  const held = new Promise((resolve) => (letGo = resolve));
  await page.route('**/api/series/query', async (route) => {
    await held;
    await route.continue().catch(() => {}); // the page has gone away from it
  });
  const sent = page.waitForRequest((request) => request.method() === 'POST' && request.url().endsWith('/series/query'));
  const ended = page.waitForRequest((request) => request.method() === 'DELETE');
  await ask('SELECT count(*) FROM samples');
  await page.getByText(/^Running for \d+ s$/).waitFor();
  assert(await page.getByRole('button', { name: 'Run', exact: true }).isDisabled());
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByText('Cancelled.').waitFor();
  const { id } = (await sent).postDataJSON();
  assert.equal(new URL((await ended).url()).pathname, `/api/series/query/${id}`);
  letGo();
  await page.unroute('**/api/series/query');
  await ask('SELECT count(*) AS all_points FROM samples');
  await answer().getByText('all_points').waitFor();
  assert.equal(await answer().locator('tbody').innerText(), '482');
  dashboard.noFaults();
});

test('the last queries are remembered, and forgotten', async () => {
  await page.reload();
  assert.equal(await editor().inputValue(), 'SELECT count(*) AS all_points FROM samples');
  const kept = page.getByRole('list', { name: 'Last queries' }).getByRole('button');
  await kept.filter({ hasText: 'SELECT device, max(velocity) AS v' }).click();
  await page.getByText(/^2 rows in/).waitFor();
  await page.getByRole('button', { name: 'Forget them' }).click();
  await page.getByText('What you ask is kept in this browser').waitFor();
  await page.reload();
  assert.equal(await kept.count(), 0);
  // What somebody else may have put there is no list of queries.
  await page.evaluate(() => localStorage.setItem('dunlin.queries.admin', '{"a":1}'));
  await page.reload();
  await page.getByText('What you ask is kept in this browser').waitFor();
  dashboard.noFaults();
});

test('texts and names that would do harm are text', async () => {
  await write([
    { device: EVIL, channel: EVIL, time: BEGIN, value: EVIL },
    { device: EVIL, channel: EVIL, time: BEGIN + 60_000, value: '\u202eabc' },
  ]);
  await ask(`SELECT device, channel, text AS "${EVIL.replaceAll('"', '""')}" FROM samples WHERE device LIKE '<img%'`);
  await page.getByText(/^2 rows in/).waitFor();
  assert.equal(await answer().locator('td', { hasText: EVIL }).count(), 5);
  await ask(`SELECT time, device, 1 AS n FROM samples WHERE device LIKE '<img%'`);
  await page.getByRole('button', { name: 'Chart', exact: true }).waitFor();
  await page.getByRole('button', { name: 'Chart', exact: true }).click();
  await answer().locator('.legend-item', { hasText: EVIL }).waitFor();
  await ask(`SELECT "${EVIL.replaceAll('"', '""')}" FROM samples`);
  await page.getByRole('alert').filter({ hasText: `there is no column "${EVIL}"` }).waitFor();
  await page.goto(`${dashboard.origin}/#/storage`);
  await page.getByRole('button', { name: `Details ${EVIL}` }).click();
  await dashboard.dialog().locator('td', { hasText: EVIL }).waitFor();
  await page.keyboard.press('Escape');
  assert.equal(await page.locator('img[src=x]').count(), 0);
  assert.match(await page.title(), /Dunlin/);
  dashboard.noFaults();
});

test('what is stored is seen by device and channel', async () => {
  const samples = [];
  for (let i = 0; i < 8192; i++) samples.push({ device: 'mill-01', channel: 'load', time: BEGIN + i * 1000, value: Math.sin(i) });
  for (let i = 0; i < 8192; i++) samples.push({ device: 'mill-01', channel: 'feed', time: BEGIN + i * 1000, value: i % 7 });
  for (let i = 0; i < 4096; i++) samples.push({ device: 'mill-02', channel: 'load', time: BEGIN + i * 1000, value: i % 90 });
  for (let i = 0; i < samples.length; i += 5000) await write(samples.slice(i, i + 5000));
  await until(async () => {
    const { points } = await server.api('GET', '/api/series/usage');
    return points >= 12_288;
  }, 'points are sealed', { timeout: 60_000 });
  await page.goto(`${dashboard.origin}/#/storage`);
  const first = page.locator('tbody tr').first();
  await first.getByRole('cell', { name: 'mill-01', exact: true }).waitFor();
  await first.getByRole('img', { name: /% of all chunks/ }).waitFor();
  await page.locator('.facts div', { hasText: 'Free on the disk' }).getByText(/iB$/).waitFor();
  await page.locator('.facts', { hasText: 'Bytes a point' }).getByText(/^\d+\.\d\d$/).waitFor();
  await dashboard.picture('storage');
  await page.getByLabel('Device', { exact: true }).fill('MILL-02');
  await until(async () => (await page.locator('tbody tr').count()) === 1, 'one row');
  await page.getByLabel('Device', { exact: true }).fill('nobody');
  await page.getByText('No device has such a name').waitFor();
  await page.getByLabel('Device', { exact: true }).fill('');
  await page.getByRole('button', { name: 'Details mill-01' }).click();
  await dashboard.dialog().locator('tbody tr', { hasText: 'feed' }).waitFor();
  await dashboard.picture('storage-device');
  dashboard.noFaults();
});

test('a time of a channel, then a device, is deleted after it was said what goes', async () => {
  const dialog = dashboard.dialog();
  await dialog.getByLabel('Channel').selectOption({ label: 'load' });
  const local = (ms) => page.evaluate((at) => {
    const zone = new Date(at).getTimezoneOffset() * 60_000;
    return new Date(at - zone).toISOString().slice(0, 19);
  }, ms);
  await dialog.getByLabel(/^From/).fill(await local(BEGIN + 1_000_000));
  await dialog.getByLabel(/^To/).fill(await local(BEGIN + 1_000_000));
  await dialog.getByRole('button', { name: 'Delete…' }).click();
  await dialog.getByText('The begin must be before the end').waitFor();
  await dialog.getByLabel(/^To/).fill(await local(BEGIN + 1_100_000));
  await dialog.getByRole('button', { name: 'Delete…' }).click();
  await dialog.getByText(/^The 100 points of mill-01 · load from .* are deleted for good/).waitFor();
  await dashboard.picture('storage-delete');
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  const count = (channel) => query(`SELECT count(*) FROM samples WHERE device = 'mill-01' AND channel = '${channel}'`).then((rows) => rows[0][0]);
  assert.equal(await count('load'), 8192, 'nothing was confirmed');
  await dialog.getByLabel('Channel').selectOption({ label: 'load' });
  await dialog.getByLabel(/^From/).fill(await local(BEGIN + 1_000_000));
  await dialog.getByLabel(/^To/).fill(await local(BEGIN + 1_100_000));
  await dialog.getByRole('button', { name: 'Delete…' }).click();
  await dialog.getByRole('button', { name: 'Yes, do it' }).click();
  await page.getByText('Deleted: 100 points of mill-01 · load').waitFor();
  assert.deepEqual([await count('load'), await count('feed')], [8092, 8192]);
  await page.getByRole('button', { name: 'Details mill-01' }).click();
  await dialog.getByRole('button', { name: 'Delete…' }).click();
  await dialog.getByText(/^The 16,284 points of mill-01 of all times/).waitFor();
  await dialog.getByRole('button', { name: 'Yes, do it' }).click();
  await page.getByText('Deleted: 16,284 points of mill-01').waitFor();
  assert.deepEqual([await count('load'), await count('feed')], [0, 0]);
  const { records } = await server.api('GET', '/api/audit?limit=20');
  assert.equal(records.filter(({ action }) => action === 'series.delete').length, 2);
  dashboard.noFaults();
});

test('a chart zooms from a minute to years by keys, wheel and dragging', async () => {
  await page.goto(`${dashboard.origin}/#/device/press-01`);
  const chart = page.locator('.chart').first();
  await chart.locator('.u-over').waitFor();
  /** The span that is asked for after something was done. */
  const span = async (act) => {
    const [request] = await Promise.all([page.waitForRequest(/series\/range\?.*channel=temperature.*points=600/), act()]);
    const { searchParams } = new URL(request.url());
    return Number(searchParams.get('to')) - Number(searchParams.get('from'));
  };
  const press = (key, times) => async () => {
    for (let i = 0; i < times; i++) await page.keyboard.press(key);
  };
  const near = (value, expected) => assert(Math.abs(value / expected - 1) < 0.02, `${value} is not about ${expected}`);
  near(await span(() => page.getByRole('button', { name: '1h', exact: true }).click()), 3_600_000);
  await chart.locator('.u-over').click();
  near(await span(press('+', 1)), 1_800_000);
  near(await span(press('ArrowLeft', 1)), 1_800_000);
  near(await span(press('+', 20)), 60_000);
  near(await span(press('-', 30)), 10 * 366 * 86_400_000);
  await dashboard.picture('years');
  near(await span(press('0', 1)), 3_600_000);
  const box = await chart.locator('.u-over').boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  near(await span(() => page.mouse.wheel(0, -100)), 3_600_000 / 1.25);
  await page.waitForTimeout(1000); // it draws what has come
  await page.mouse.move(box.x + box.width * 0.25, box.y + box.height / 2);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.75, box.y + box.height / 2, { steps: 4 });
  near(await span(() => page.mouse.up()), 3_600_000 / 1.25 / 2);
  near(await span(() => page.getByRole('button', { name: '1y', exact: true }).click()), 366 * 86_400_000);
  page.faults = page.faults.filter((text) => !/status of 404 .*\/api\/things\/press-01/.test(text)); // nobody has registered it
  dashboard.noFaults();
});

test('what monitors expect and find is in the chart', async () => {
  const thing = await server.thing('oven-01');
  await server.api('PUT', '/api/monitors/too-hot', { channel: 'temperature', kind: 'threshold', options: { low: 10, high: 30 }, severity: 'major' });
  await server.api('PUT', '/api/monitors/odd', { channel: 'temperature' });
  const client = await connect(server, thing, { clientId: 'oven-01' });
  const send = (value, t) => client.publishAsync('demo/plant1/machine/oven-01/temperature', JSON.stringify({ value, t }), { qos: 1 });
  const begin = Date.now() - 400_000;
  for (let i = 0; i < 400; i++) await send(i === 360 || i === 361 ? 45 : 20 + 5 * Math.sin(i / 10) + 0.1 * (i % 3), begin + i * 1000);
  await until(async () => (await server.api('GET', '/api/alarms')).alarms.some(({ name, state }) => name === 'too-hot' && state === 'cleared'), 'an alarm came and went');
  await until(async () => (await server.api('GET', '/api/monitors/odd/state?device=oven-01')).states[0]?.expected_high, 'a band is known');
  await page.goto(`${dashboard.origin}/#/device/oven-01`);
  // What was expected before anybody looked is there, too.
  const past = page.waitForResponse(/series\/expected\?device=oven-01/);
  await page.getByRole('button', { name: '1h', exact: true }).click();
  const { t, low, high } = await (await past).json();
  assert(t.length > 20 && low.every((value, i) => value < 26 && value < high[i]) && high.every((value) => value > 14), `the band of the past: ${t.length} parts`);
  const chart = page.locator('.chart').first();
  await chart.getByRole('img', { name: /\d times marked at which a monitor found something unusual$/ }).waitFor();
  // The band grows while somebody looks.
  const states = page.waitForResponse(/monitors\/odd\/state\?device=oven-01$/);
  await send(21, Date.now());
  assert.equal((await (await states).json()).states.length, 1);
  await page.getByRole('button', { name: '5m', exact: true }).click();
  const over = await chart.locator('.u-over').boundingBox();
  await page.waitForTimeout(4000);
  await page.mouse.move(over.x + over.width / 2, over.y + over.height / 2);
  await dashboard.picture('monitors');
  await client.endAsync();
  page.faults = page.faults.filter((text) => !/status of 404 .*\/shadow/.test(text)); // it has none
  dashboard.noFaults();
});

test('every look, and no text is pale', async () => {
  await dashboard.everyLook({ query: 'query', storage: 'storage' });
  await page.goto(`${dashboard.origin}/#/query`);
  await editor().blur();
  await page.keyboard.press('g');
  await page.keyboard.press('d');
  await page.getByRole('region', { name: 'Stored' }).waitFor();
});

test('who may only look is not offered to delete', async () => {
  await server.api('POST', '/api/users', { name: 'vera', password: PASSWORD, roles: ['viewer'] });
  const other = await openBrowser({ rootFile: server.rootFile });
  const view = await openPage(other, dashboard.origin);
  await view.goto(`${dashboard.origin}/#/storage`);
  await view.getByLabel('User').fill('vera');
  await view.getByLabel('Password').fill(PASSWORD);
  await view.getByRole('button', { name: /Sign in/ }).click();
  await view.getByRole('button', { name: 'Details mill-02' }).click();
  await view.locator('dialog td', { hasText: 'load' }).waitFor();
  assert.equal(await view.getByRole('button', { name: 'Delete…' }).count(), 0);
  assert.deepEqual(view.faults, []);
  await other.close();
});
