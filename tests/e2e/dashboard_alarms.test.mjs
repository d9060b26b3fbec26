// The page of alarms in Chromium: what rules and devices raise comes up by itself, is found, opened, acknowledged, shelved, commented and cleared,
// by mouse and by keyboard; texts that would do harm are text.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openDashboard } from './lib/dashboard.mjs';
import { as, published } from './lib/mosquitto.mjs';
import { connect, disconnectAll } from './lib/mqtt.mjs';
import { until } from './lib/program.mjs';
import { start } from './lib/server.mjs';

const EVIL = '<img src=x onerror="document.title=\'owned\'">';
let server;
let board;
let page;
let press;

before(async () => {
  server = await start();
  board = await openDashboard(server, { pictures: 'alarms', expected: [/status of 4\d\d .*\/shadow/] });
  page = board.page;
  press = await server.thing('press-01');
});
after(async () => {
  await board?.context.close();
  disconnectAll();
});

const say = (name, word, who = press) =>
  published(as(server, who), '-i', who.name, '-q', 1, '-t', `$dunlin/things/${who.name}/alarms/${name}`, '-m', JSON.stringify(word));
const state = (name, wanted) =>
  until(async () => (await server.api('GET', `/api/alarms?name=${name}`)).alarms[0]?.state === wanted, `${name} ${wanted}`);
const tab = (name) => page.getByRole('group', { name: 'Filter' }).getByRole('button', { name: new RegExp(`^${name}`) });
const dialog = () => board.dialog();
const list = (name) => dialog().getByRole('list', { name });

test('an alarm of a device comes up without a reload, and its texts are text', async () => {
  await page.goto(`${board.origin}/#/alarms`);
  await page.getByText('All calm').waitFor();
  await say('oil', { state: 'raised', severity: 'critical', message: EVIL });
  await say('lid', { state: 'raised', severity: 'minor', message: 'the lid is open' });
  await board.row('oil').getByText(EVIL).waitFor();
  await board.row('lid').waitFor();
  assert.deepEqual(await page.locator('tr[data-alarm] b').allInnerTexts(), ['oil', 'lid'], 'the most severe first');
  assert.notEqual(await page.title(), 'owned');
  board.noFaults();
});

test('it is found by words and by severity', async () => {
  await page.getByLabel('Search alarms').fill('lid open');
  await board.row('oil').waitFor({ state: 'detached' });
  await board.row('lid').waitFor();
  await page.getByLabel('Search alarms').fill('');
  await page.getByLabel('At least').selectOption('major');
  await board.row('lid').waitFor({ state: 'detached' });
  await board.row('oil').waitFor();
  await page.getByLabel('At least').selectOption('');
  await board.row('lid').waitFor();
});

test('by keyboard alone it is chosen, acknowledged, opened and left again', async () => {
  await page.locator('tr[data-alarm]').first().focus();
  await page.keyboard.press('ArrowDown');
  assert.match(await page.evaluate(() => document.activeElement.innerText), /lid/);
  await page.keyboard.press('k');
  assert.match(await page.evaluate(() => document.activeElement.innerText), /oil/);
  await page.keyboard.press('j');
  await page.keyboard.press('Shift+A');
  await state('lid', 'acknowledged');
  await tab('Acknowledged').click();
  await board.row('by admin').focus();
  await page.keyboard.press('Enter');
  await dialog().getByRole('heading', { name: /lid/ }).waitFor();
  await board.picture('opened');
  await page.keyboard.press('Escape');
  await dialog().waitFor({ state: 'detached' });
  assert.match(await page.evaluate(() => document.activeElement.innerText), /lid/, 'the focus is back');
  board.noFaults();
});

test('opened it shows its causes, comments and history, and takes a comment', async () => {
  await tab('Active').click();
  await board.row('oil').getByRole('button', { name: /Details/ }).click();
  await list('Causes').getByText('$dunlin/things/press-01/alarms/oil').waitFor();
  await dialog().getByText('No comment yet.').waitFor();
  await dialog().getByLabel('Comment').fill(`look behind ${EVIL}`);
  await dialog().getByRole('button', { name: 'Add comment' }).click();
  await list('Comments').getByText(`look behind ${EVIL}`).waitFor();
  assert.equal(await dialog().getByLabel('Comment', { exact: true }).inputValue(), '');
  await list('History').getByText('Raised').waitFor();
  assert.notEqual(await page.title(), 'owned');
  board.noFaults();
});

test('it is shelved with a reason and brought back', async () => {
  await dialog().getByRole('button', { name: 'Shelve' }).click();
  await dialog().getByLabel('For how long').selectOption('240');
  await dialog().getByLabel('Why').fill('oil is ordered');
  await board.picture('shelving');
  await dialog().getByRole('button', { name: 'Shelve' }).click();
  await state('oil', 'shelved');
  await list('History').getByText('oil is ordered').waitFor();
  await page.keyboard.press('Escape');
  await tab('Shelved').click();
  await board.row('oil').getByText(/until/).waitFor();
  await board.picture('shelved');
  await board.row('oil').getByRole('button', { name: /Details/ }).click();
  await dialog().getByRole('button', { name: 'Bring back' }).click();
  await state('oil', 'active');
  await list('History').getByText('Back from the shelf').waitFor();
  board.noFaults();
});

test('it is cleared with a reason', async () => {
  await dialog().getByRole('button', { name: 'Clear' }).click();
  await dialog().getByLabel('Why').fill('filled up');
  await dialog().getByRole('button', { name: 'Yes, do it' }).click();
  await state('oil', 'cleared');
  await list('History').getByText('filled up').waitFor();
  await page.keyboard.press('Escape');
  await tab('Cleared').click();
  await board.row('oil').getByText('comments: 1').waitFor();
  board.noFaults();
});

test('what is behind a gateway that is offline is shown with its cause, and calls for nobody', async () => {
  const gate = await server.thing('gate-01', { type: 'gateway', attributes: { site: 'plant1' } });
  const client = await connect(server, gate, { clientId: 'gate-01' });
  await client.publishAsync('$dunlin/things/behind-01/presence', '{"online":true}', { qos: 1 });
  await until(async () => (await server.api('GET', '/api/presence')).presences?.length !== 0, 'presence');
  await client.publishAsync('$dunlin/things/behind-01/alarms/dry', '{"state":"raised","severity":"major"}', { qos: 1 });
  await tab('Active').click();
  await board.row('dry').waitFor();
  await client.endAsync(true);
  await tab('Suppressed').click();
  await board.row('dry').getByText('gate-01 is offline').waitFor();
  await board.picture('suppressed');
  assert.equal(await page.locator('.nav-count').innerText(), '1', 'the lid');
  board.noFaults();
});

test('a flapping alarm says so', async () => {
  for (let i = 0; i < 3; ++i) {
    await say('door', { state: 'raised', message: 'the door is open' });
    await say('door', { state: 'cleared' });
  }
  await tab('Active').click();
  await board.row('door').getByText('Flapping').waitFor();
  await board.row('door').getByRole('button', { name: /Details/ }).click();
  await dialog().getByText(/Came and went 6 times/).waitFor();
  await page.keyboard.press('Escape');
  board.noFaults();
});

test('in each look, and in Chinese', async () => {
  await board.everyLook({ page: 'alarms' });
  await page.evaluate(() => localStorage.setItem('dunlin.language', 'zh'));
  await page.reload();
  await page.getByRole('heading', { name: '告警' }).waitFor();
  await page.getByRole('button', { name: /^已抑制/ }).click();
  await page.getByText('gate-01 离线').waitFor();
  await board.picture('chinese');
  await page.evaluate(() => localStorage.setItem('dunlin.language', 'en'));
  board.noFaults();
});
