// The page of derived channels in Chromium: made after a trial, changed, switched off, computed over history and cancelled, deleted.
// Names and expressions that would do harm are text.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openBrowser, openPage } from './lib/browser.mjs';
import { openDashboard, PASSWORD } from './lib/dashboard.mjs';
import { until } from './lib/program.mjs';
import { start } from './lib/server.mjs';

const EVIL = '<img src=x onerror="document.title=\'owned\'">';
let server;
let dashboard;
let page;

const write = (samples) => server.api('POST', '/api/series/write', { samples });
const points = async (device, channel) =>
  (await server.api('POST', '/api/series/query', { sql: `SELECT count(*) FROM samples WHERE device = '${device}' AND channel = '${channel}'` })).rows[0][0];
const dialog = () => dashboard.dialog();
const trial = () => dialog().getByRole('region', { name: 'Try it over the last hour' });
const history = () => dialog().getByRole('region', { name: 'Compute over history' });
const expression = () => dialog().getByLabel('Expression');
const open = (name) => page.getByRole('button', { name: `Edit ${name}`, exact: true }).click();

before(async () => {
  server = await start();
  // Refusals that the tests bring about.
  dashboard = await openDashboard(server, { pictures: 'derived', expected: [/status of (400|409|503) .*\/api\/derived\//] });
  page = dashboard.page;
  const now = Date.now();
  const samples = [];
  for (let i = 120; i > 0; i--) {
    const time = now - i * 25_000;
    samples.push({ device: 'press-01', channel: 'voltage', time, value: 230 + 4 * Math.sin(i / 9), unit: 'V' });
    samples.push({ device: 'press-01', channel: 'current', time, value: 4 + 3 * Math.sin(i / 23), unit: 'A' });
  }
  await write(samples);
});
after(() => dashboard?.context.close());

test('the empty page says what to do next', async () => {
  await page.keyboard.press('g');
  await page.keyboard.press('e');
  await page.getByRole('link', { name: 'Derived', exact: true }).and(page.locator('[aria-current=page]')).waitFor();
  await page.getByText('Make one with “New derived channel”').waitFor();
  await dashboard.picture('empty');
  dashboard.noFaults();
});

test('it is tried over the last hour before it is saved, by keys alone', async () => {
  await page.getByRole('button', { name: 'New derived channel' }).focus();
  await page.keyboard.press('Enter');
  await dialog().waitFor();
  await page.keyboard.type('power');
  await page.keyboard.press('Tab');
  await page.keyboard.type('power');
  await page.keyboard.press('Tab');
  await page.keyboard.type('W');
  await expression().focus();
  await page.keyboard.type('voltage * curent2 + meen(voltage)');
  await page.keyboard.press('Control+Enter');
  const problem = trial().getByRole('alert');
  await problem.getByText('did you mean "mean"?').waitFor();
  await problem.getByRole('button', { name: 'Go to line 1' }).press('Enter');
  assert.equal(await expression().evaluate((element) => element.selectionStart), 'voltage * curent2 + '.length);
  await expression().fill('voltage * curent2');
  await page.keyboard.press('Control+Enter');
  await trial().getByText('press-01 has no channel “curent2”.').waitFor();
  await trial().getByText(/^No result of press-01 in the last hour/).waitFor();
  await dashboard.picture('missing');
  await expression().fill('voltage * current');
  await trial().getByText('This is of what stood here before').waitFor();
  await trial().getByLabel('Device to try it with').press('Enter');
  await trial().getByText('120 results of press-01').waitFor();
  const result = trial().getByRole('region', { name: 'Result' }).getByRole('img');
  assert.match(await result.getAttribute('aria-label'), /^Result: /);
  const inputs = trial().getByRole('region', { name: 'What it reads' });
  assert.deepEqual(await inputs.locator('.legend-item').evaluateAll((items) => items.map((item) => /press-01 · \w+/.exec(item.textContent.replaceAll(/\s+/g, ' '))?.[0] ?? item.textContent)), ['press-01 · voltage', 'press-01 · current']);
  assert.deepEqual((await server.api('GET', '/api/derived')).derived, [], 'nothing is saved');
  assert.equal(await points('press-01', 'power'), 0, 'nothing is stored');
  await dashboard.picture('try');
  await dialog().getByRole('button', { name: 'Save' }).press('Enter');
  await dashboard.row('power').waitFor();
  const [made] = (await server.api('GET', '/api/derived')).derived;
  assert.deepEqual([made.name, made.channel, made.expression, made.unit, made.devices, made.enabled], ['power', 'power', 'voltage * current', 'W', '', true]);
  dashboard.noFaults();
});

test('the list says what becomes of each', async () => {
  await dashboard.row('power').getByText('waits', { exact: true }).waitFor();
  await write([{ device: 'press-01', channel: 'voltage', time: Date.now(), value: 230 }]);
  await dashboard.row('power').getByText('computed', { exact: true }).waitFor();
  await until(async () => (await dashboard.row('power').locator('td.number').innerText()) === '1', 'a result is counted');
  await server.api('PUT', '/api/derived/hot', { channel: 'hot', expression: 'temperature > 80', tags: { site: 'plant1' }, devices: 'oven-*' });
  await dashboard.row('hot').getByText('oven-*, site=plant1').waitFor();
  await page.getByLabel('Name, channel or expression').fill('VOLTAGE');
  await until(async () => (await page.locator('tbody tr').count()) === 1, 'one is found');
  await page.getByLabel('Name, channel or expression').fill('nothing like it');
  await page.getByText('No derived channel has this').waitFor();
  await page.getByLabel('Name, channel or expression').fill('');
  const toggle = dashboard.row('power').getByRole('switch', { name: 'Derived channel power is computed' });
  await toggle.press('Space');
  await dashboard.row('power').getByText('off', { exact: true }).waitFor();
  assert.equal((await server.api('GET', '/api/derived/power')).enabled, false);
  await toggle.press('Space');
  await dashboard.row('power').getByText('waits', { exact: true }).waitFor();
  const again = await server.api('GET', '/api/derived/power');
  assert.deepEqual([again.enabled, again.unit, again.expression], [true, 'W', 'voltage * current'], 'the rest is kept');
  await dashboard.picture('list');
  dashboard.noFaults();
});

test('it is changed, and one of the same name is not overwritten', async () => {
  await open('hot');
  await dialog().getByText('Tags, windows, late samples').click();
  assert.equal(await dialog().getByLabel(/^Only devices with these tags/).inputValue(), 'site=plant1');
  await dialog().getByLabel(/^Only devices with these tags/).fill('site');
  await expression().fill('max(temperature)');
  await dialog().getByRole('button', { name: 'Save' }).click();
  await dialog().getByText('Each line of the tags is NAME=VALUE').waitFor();
  await dialog().getByLabel(/^Only devices with these tags/).fill('site=plant2\nline=7');
  await dialog().getByLabel(/^Results for windows/).fill('{"kind":"hopping","length":"1h","hop":"5m"}');
  await dialog().getByLabel(/^Lateness/).fill('10s');
  await dashboard.picture('more');
  await dialog().getByRole('button', { name: 'Save' }).click();
  await dashboard.row('max(temperature)').waitFor();
  const changed = await server.api('GET', '/api/derived/hot');
  assert.deepEqual([changed.tags, changed.window, changed.lateness], [{ site: 'plant2', line: '7' }, { kind: 'hopping', length: '1h', hop: '5m' }, '10s']);
  await open('hot');
  await dialog().getByText('Tags, windows, late samples').click();
  assert.equal(await dialog().getByLabel(/^Lateness/).inputValue(), '10s');
  assert.equal(await dialog().getByLabel(/^Values older/).inputValue(), '');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'New derived channel' }).click();
  await dialog().getByLabel('Name of the definition').fill('hot');
  await dialog().getByLabel('Channel that is made').fill('other');
  await expression().fill('temperature');
  await dialog().getByRole('button', { name: 'Save' }).click();
  await dialog().getByText('There is a derived channel with this name already').waitFor();
  await page.keyboard.press('Escape');
  assert.equal((await server.api('GET', '/api/derived/hot')).channel, 'hot');
  dashboard.noFaults();
});

test('history is computed with its progress in sight, and cancelled', async () => {
  await open('power');
  await history().getByLabel(/^To/).fill('2020-01-01T00:00');
  await history().getByRole('button', { name: 'Compute' }).click();
  await history().getByText('The begin must be before the end').waitFor();
  await history().getByLabel(/^To/).fill('');
  await history().getByRole('button', { name: 'Compute' }).click();
  await page.getByText('power: 121 results of 1 devices stored').waitFor();
  assert.equal(await points('press-01', 'power'), 121);
  // Sparse samples of thirty years are many slices of two hours.
  const samples = [];
  for (let device = 0; device < 40; device++)
    for (const year of [1996, 2025]) for (const channel of ['voltage', 'current']) samples.push({ device: `old-${device}`, channel, time: Date.UTC(year, 0, 1), value: 2 });
  await write(samples);
  await history().getByLabel('From').fill('1990-01-01T00:00');
  await history().getByRole('button', { name: 'Compute' }).click();
  await history().getByRole('img', { name: /^\d+ % of it has been read$/ }).waitFor();
  await dashboard.picture('history');
  const share = async () => Number(/^(\d+) %/.exec(await history().locator('.derived-running p').innerText())[1]);
  const first = await share();
  await until(async () => (await share()) > first, 'it goes on');
  // Whoever closes the window and comes again sees it.
  await page.keyboard.press('Escape');
  await open('power');
  await history().getByText(/% · [\d,]+ points of \d+ devices read, \d+ results stored$/).waitFor();
  await assert.rejects(server.api('POST', '/api/derived/power/backfill', { from: 0 }), /409 .*its history is being computed/);
  await history().getByRole('button', { name: 'Cancel computing' }).press('Enter');
  await history().getByRole('button', { name: 'Compute' }).waitFor();
  assert.deepEqual(await server.api('GET', '/api/derived/power/backfill'), { running: false });
  const { records } = await server.api('GET', '/api/audit?limit=20');
  assert(records.some(({ action, object }) => action === 'derived.cancel' && object === 'power'));
  await page.keyboard.press('Escape');
  dashboard.noFaults();
});

test('names and expressions that would do harm are text', async () => {
  const quoted = `"${EVIL.replaceAll('"', '""')}"`;
  const text = `CASE WHEN ${quoted} > 0 THEN '${EVIL.replaceAll("'", "''")}' END`;
  await write([{ device: EVIL, channel: EVIL, time: Date.now() - 1000, value: 1 }]);
  await page.getByRole('button', { name: 'New derived channel' }).click();
  await dialog().getByLabel('Name of the definition').fill(EVIL);
  assert.equal(await dialog().getByLabel('Name of the definition').evaluate((element) => element.validity.patternMismatch), true);
  await dialog().getByLabel('Name of the definition').fill('evil');
  await dialog().getByLabel('Channel that is made').fill(`${EVIL}!`);
  await dialog().getByLabel(/^Unit/).fill('<img src=x onerror=alert(1)>');
  await dialog().getByLabel(/^Devices/).fill('<img*');
  await expression().fill(`${quoted} + no${EVIL}`);
  await trial().getByLabel('Device to try it with').fill(EVIL);
  await trial().getByRole('button', { name: 'Try out' }).click();
  await trial().getByRole('alert').waitFor();
  await expression().fill(text);
  await trial().getByRole('button', { name: 'Try out' }).click();
  await trial().getByText(`1 result of ${EVIL}`).waitFor();
  await trial().getByRole('table', { name: 'Last results' }).getByText(EVIL).waitFor();
  await trial().locator('.legend-item', { hasText: EVIL }).waitFor();
  await expression().fill(`${quoted} * "${'<b onclick=1>'}"`);
  await trial().getByRole('button', { name: 'Try out' }).click();
  await trial().getByText(`${EVIL} has no channel “<b onclick=1>”.`).waitFor();
  await expression().fill(text);
  await dialog().getByRole('button', { name: 'Save' }).click();
  await dashboard.row('evil').getByText(text).waitFor();
  await dashboard.row('evil').locator('b', { hasText: `${EVIL}!` }).waitFor();
  await dashboard.picture('evil');
  await open('evil');
  assert.equal(await expression().inputValue(), text);
  await page.keyboard.press('Escape');
  assert.equal(await page.locator('img[src=x]').count(), 0);
  assert.match(await page.title(), /Dunlin/);
  dashboard.noFaults();
});

test('it is deleted, and what is stored stays', async () => {
  await open('power');
  await dialog().getByRole('button', { name: 'Remove', exact: true }).click();
  await dialog().getByRole('button', { name: 'Cancel', exact: true }).click();
  assert.equal((await server.api('GET', '/api/derived')).derived.length, 3, 'nothing was confirmed');
  await dashboard.doIt('Remove');
  await page.getByText('power removed').waitFor();
  assert.deepEqual((await server.api('GET', '/api/derived')).derived.map(({ name }) => name), ['evil', 'hot']);
  assert((await points('press-01', 'power')) >= 121);
  dashboard.noFaults();
});

test('every look, and no text is pale', async () => {
  await dashboard.everyLook({ page: 'derived' });
  for (const scheme of ['dark', 'light']) {
    await page.emulateMedia({ colorScheme: scheme });
    for (const [width, name] of [[1360, 'editor'], [390, 'editor-small']]) {
      await page.setViewportSize({ width, height: 860 });
      await page.reload();
      await open('hot');
      await expression().fill('voltage * current');
      await trial().getByLabel('Device to try it with').fill('press-01');
      await dialog().getByText('Tags, windows, late samples').click();
      await dialog().getByLabel(/^Results for windows/).fill('');
      await expression().press('Control+Enter');
      await trial().getByRole('region', { name: 'Result' }).getByRole('img').waitFor();
      await trial().getByText(/results of press-01/).scrollIntoViewIfNeeded();
      await dashboard.picture(name, { scheme });
      const wide = await dialog().evaluate((element) => element.scrollWidth - element.clientWidth);
      assert(wide <= 0, `the window of ${width} px is ${wide} px too narrow`);
      await page.keyboard.press('Escape');
    }
  }
  await page.setViewportSize({ width: 1360, height: 860 });
  dashboard.noFaults();
});

test('in Chinese', async () => {
  await page.evaluate(() => localStorage.setItem('dunlin.language', 'zh'));
  await page.reload();
  await page.getByRole('button', { name: '新建派生通道' }).click();
  await dialog().getByRole('region', { name: '用最近一小时的数据试算' }).waitFor();
  await dashboard.picture('chinese');
  await page.keyboard.press('Escape');
  await page.evaluate(() => localStorage.removeItem('dunlin.language'));
  dashboard.noFaults();
});

test('who may only look tries out and changes nothing', async () => {
  await server.api('POST', '/api/users', { name: 'vera', password: PASSWORD, roles: ['viewer'] });
  const other = await openBrowser({ rootFile: server.rootFile });
  const view = await openPage(other, dashboard.origin);
  await view.goto(`${dashboard.origin}/#/derived`);
  await view.getByLabel('User').fill('vera');
  await view.getByLabel('Password').fill(PASSWORD);
  await view.getByRole('button', { name: /Sign in/ }).click();
  await view.getByRole('button', { name: 'Details hot' }).click();
  assert.equal(await view.getByRole('button', { name: 'New derived channel' }).count(), 0);
  assert.equal(await view.getByRole('switch').count(), 0);
  assert.equal(await view.locator('dialog').getByRole('button', { name: /Save|Compute|Remove/ }).count(), 0);
  await view.locator('dialog').getByLabel('Expression').fill('voltage');
  await view.locator('dialog').getByText('Tags, windows, late samples').click();
  await view.locator('dialog').getByLabel(/^Results for windows/).fill('');
  await view.locator('dialog').getByLabel('Device to try it with').fill('press-01');
  await view.locator('dialog').getByRole('button', { name: 'Try out' }).click();
  await view.locator('dialog').getByText(/^12\d results of press-01/).waitFor();
  assert.deepEqual(view.faults, []);
  await other.close();
});
