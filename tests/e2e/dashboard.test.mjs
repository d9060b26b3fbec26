// The dashboard in Chromium over HTTPS: the certificate is trusted by the imported root, nothing is ignored. One story, told once
// in light and looked at again in dark; every page is kept as a picture in DUNLIN_SCREENSHOTS.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { openBrowser, openPage } from './lib/browser.mjs';
import { connect, disconnectAll } from './lib/mqtt.mjs';
import { Mosquitto } from './lib/mosquitto_server.mjs';
import { start } from './lib/server.mjs';

const PASSWORD = 'calm sea at dawn';
const PICTURES = process.env.DUNLIN_SCREENSHOTS ?? new URL('../../build/screenshots', import.meta.url).pathname;
const NAME = 'press-01';
const TOPIC = `demo/plant1/machine/${NAME}`;
let server;
let context;
let page;
let origin;
let device;
let publishing;
let level = 20;

before(async () => {
  mkdirSync(PICTURES, { recursive: true });
  server = await start();
  origin = `https://localhost:${server.ports.https}`;
  const thing = await server.thing(NAME, { attributes: { site: 'plant1', row: '3' } });
  await server.api('PUT', '/api/rules/too-hot', {
    sql: "SELECT * FROM 'demo/+/machine/+/temperature' WHERE value > 80",
    description: 'Warns before the oil burns',
    actions: [{ alarm: { name: 'too-hot', severity: 'critical', message: '${value} degrees', clear_when: 'value < 70' } }],
  });
  device = await connect(server, thing, { clientId: NAME });
  let seq = 0;
  publishing = setInterval(() => {
    const value = level + Math.sin(seq++ / 5);
    device.publish(`${TOPIC}/temperature`, JSON.stringify({ value, unit: 'Cel' }), { qos: 1 });
    device.publish(`${TOPIC}/vibration`, JSON.stringify({ x: Math.cos(seq / 3), y: Math.sin(seq / 4) }), { qos: 0 });
  }, 250);
  context = await openBrowser({ rootFile: server.rootFile });
  // The page asks for a group once more while it is being ended.
  page = await openPage(context, origin, [/status of 404 .*\/shadow/, /status of 404 .*\/api\/shared\/.*\/jobs/, /status of 400 .*\/api\/bridges/]);
});
after(async () => {
  clearInterval(publishing);
  await context?.close();
  disconnectAll();
});

async function picture(name) {
  const { wide, scheme } = await page.evaluate(() => ({
    wide: document.documentElement.scrollWidth - innerWidth,
    scheme: document.documentElement.dataset.theme ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'),
  }));
  assert(wide <= 0, `${name}: the page is ${wide} px wider than its window`);
  await page.screenshot({ path: `${PICTURES}/${scheme}-${name}.png`, fullPage: true });
}

const noFaults = () => assert.deepEqual(page.faults, []);

describe('the dashboard', () => {
  test('a browser without the root does not show it', async () => {
    const stranger = await openBrowser();
    const other = await stranger.newPage();
    await assert.rejects(other.goto(origin), /ERR_CERT_AUTHORITY_INVALID/);
    await stranger.close();
  });

  test('the one-time link leads to a password and in', async () => {
    const token = (await server.claimLink()).split('/').at(-1);
    await page.goto(`${origin}/#/claim/${token}`);
    await page.getByLabel('New password').fill(PASSWORD);
    await page.getByLabel('The same again').fill(PASSWORD);
    await picture('claim');
    await page.getByRole('button', { name: /Set password/ }).click();
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    noFaults();
  });

  test('the device is there, and its values move without a reload', async () => {
    const card = page.locator('.card', { hasText: NAME });
    await card.getByLabel('online').first().waitFor();
    const value = card.locator('.channel', { hasText: 'temperature' }).locator('.value b');
    const first = await value.textContent();
    await page.waitForFunction(
      ([selector, was]) => [...document.querySelectorAll(selector)].every((element) => element.textContent !== was),
      ['.channel:has(.channel-name[title="temperature"]) .value b', first],
    );
    level = 55;
    await card.getByText(/^5[456]\./).waitFor();
    assert.match(await card.innerText(), /°C/);
    noFaults();
  });

  test('a device that was not known appears with its first message', async () => {
    const stranger = await server.thing('lathe-09', { attributes: { site: 'plant2' } });
    const client = await connect(server, stranger, { clientId: 'lathe-09' });
    await client.publishAsync('demo/plant2/machine/lathe-09/speed', '1480', { qos: 1 });
    await page.locator('.card', { hasText: 'lathe-09' }).getByText(/1,?480/).waitFor();
    await client.endAsync();
    await page.locator('.card.offline', { hasText: 'lathe-09' }).waitFor();
    await picture('overview');
    noFaults();
  });

  test('a page that comes after the camera has spoken shows its picture', async () => {
    const camera = await server.thing('cam-01', { attributes: { site: 'plant1' } });
    const client = await connect(server, camera, { clientId: 'cam-01' });
    const png =
      'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
    await client.publishAsync('demo/plant1/camera/cam-01/frame', Buffer.from(png, 'base64'), { qos: 1 });
    await client.endAsync();
    const shown = () => page.locator('.card', { hasText: 'cam-01' }).locator('.camera img').waitFor();
    await shown();
    await page.reload();
    await shown();
    noFaults();
  });

  test('the chart of a device moves', async () => {
    await page.locator('.card', { hasText: NAME }).getByRole('link', { name: NAME }).click();
    await page.getByRole('heading', { name: NAME }).waitFor();
    const chart = page.locator('.u-over').first();
    await chart.waitFor();
    await page.getByText('live', { exact: true }).waitFor();
    const first = await page.evaluate(() => document.querySelector('canvas').toDataURL());
    await page.waitForFunction((was) => document.querySelector('canvas')?.toDataURL() !== was, first);
    await page.getByRole('button', { name: '1h' }).click();
    await page.getByRole('button', { name: '5m' }).click();
    noFaults();
  });

  test('a wish goes from pending to confirmed when the device answers', async () => {
    await page.getByLabel('key, e.g. fan.speed').fill('fan.speed');
    await page.getByLabel('value', { exact: true }).fill('140');
    await page.getByRole('button', { name: 'Add wish' }).click();
    await page.locator('.leaf.pending', { hasText: 'fan.speed' }).waitFor();
    await picture('device-pending');
    const shadow = `$dunlin/things/${NAME}/shadow`;
    await device.subscribeAsync(`${shadow}/get/accepted`, { qos: 1 });
    const wanted = new Promise((resolve) => device.once('message', (_, payload) => resolve(JSON.parse(payload).state.desired)));
    await device.publishAsync(`${shadow}/get`, '', { qos: 1 });
    assert.deepEqual(await wanted, { fan: { speed: 140 } });
    await device.publishAsync(`${shadow}/update`, JSON.stringify({ state: { reported: await wanted } }), { qos: 1 });
    await page.locator('.leaf.confirmed', { hasText: 'fan.speed' }).waitFor();
    await picture('device');
    noFaults();
  });

  test('an alarm comes up, and is acknowledged', async () => {
    level = 95;
    await page.locator('.nav-count').waitFor();
    await page.getByRole('link', { name: /Alarms/ }).click();
    const row = page.locator('tr', { hasText: 'too-hot' });
    await row.waitFor();
    assert.match(await row.innerText(), /critical/i);
    await picture('alarms');
    await row.getByRole('button', { name: 'Acknowledge' }).click();
    await page.getByText('Alarm acknowledged').waitFor();
    const { alarms } = await server.api('GET', '/api/alarms?state=acknowledged');
    assert.equal(alarms[0].name, 'too-hot');
    await page.getByRole('button', { name: /^Acknowledged/ }).click();
    await page.locator('tr', { hasText: 'by admin' }).waitFor();
    level = 40;
    await page.getByRole('button', { name: /^Cleared/ }).click();
    await page.locator('tr', { hasText: 'too-hot' }).waitFor();
    noFaults();
  });

  test('a thing is made in the page, with a token that works', async () => {
    await page.getByRole('link', { name: 'Things' }).click();
    await page.getByRole('button', { name: 'Create thing' }).click();
    await page.getByLabel('Name', { exact: true }).fill('new-sensor');
    await page.getByLabel('Type', { exact: true }).fill('sensor');
    await page.getByLabel('Site', { exact: true }).fill('plant1');
    await page.getByRole('dialog').getByRole('button', { name: 'Create thing' }).click();
    await page.getByText('shown only this once').waitFor();
    const token = (await page.getByRole('dialog').innerText()).match(/dt_[\w-]+/)[0];
    const client = await connect(server, { name: 'new-sensor', token }, { clientId: 'new-sensor' });
    await client.endAsync();
    await page.keyboard.press('Escape');
    await page.getByRole('link', { name: 'new-sensor' }).waitFor();
    await picture('things');
    noFaults();
  });

  test('a session is found, explained, traced and ended', async () => {
    const watcher = await server.user('watcher');
    const client = await connect(server, watcher, { clientId: 'user-watcher-1' });
    await client.subscribeAsync(`${TOPIC}/pressure`, { qos: 1 });
    await page.getByRole('link', { name: 'Connections' }).click();
    await page.locator('tr', { hasText: NAME }).waitFor();
    await picture('connections');
    await page.getByRole('searchbox', { name: 'Client id' }).fill('nobody-at-all');
    await page.getByText('No client id has this in it').waitFor();
    await page.getByRole('searchbox', { name: 'Client id' }).fill('watcher');
    await page.locator('tr', { hasText: NAME }).waitFor({ state: 'detached' });
    await page.getByRole('button', { name: /Details user-watcher-1/ }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText(`${TOPIC}/pressure`).waitFor();
    await dialog.getByText(/From 10,?000 waiting messages on its publishers are held back/).waitFor();
    await dialog.getByLabel('Topic of the message').fill(`${TOPIC}/temperature`);
    await dialog.getByRole('button', { name: 'Explain' }).click();
    await dialog.getByText(/the filter wants "pressure", the topic has "temperature"/).first().waitFor();
    await picture('session');
    const told = new Promise((resolve) => client.once('disconnect', resolve));
    await dialog.getByRole('button', { name: 'Disconnect' }).click();
    await dialog.getByRole('button', { name: 'Yes, do it' }).click();
    assert.equal((await told).reasonCode, 0x98);
    await page.getByText('user-watcher-1 was ended').waitFor();

    await page.getByRole('link', { name: 'Trace' }).click();
    await page.getByLabel('Topic filter (empty: all)').fill(`${TOPIC}/#`);
    await page.getByLabel('Payloads').check();
    await page.getByRole('button', { name: 'Start' }).click();
    await page.locator('tr', { hasText: 'published' }).first().waitFor();
    await picture('trace');
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByText('Stopped.').waitFor();
    noFaults();
  });

  test('a retained message is shown and removed', async () => {
    await device.publishAsync(`${TOPIC}/recipe`, 'brass 7', { qos: 1, retain: true });
    await page.getByRole('link', { name: 'Retained' }).click();
    await page.getByRole('searchbox', { name: /Topic filter/ }).fill(`${TOPIC}/+`);
    await page.getByRole('button', { name: new RegExp(`Details ${TOPIC}/recipe`) }).click();
    await page.getByText('brass 7').waitFor();
    await picture('retained');
    await page.getByRole('button', { name: 'Remove' }).click();
    await page.getByRole('button', { name: 'Yes, do it' }).click();
    await page.getByText('No retained topic matches').waitFor();
    noFaults();
  });

  test('a group of a shared subscription is shown with its members, emptied and ended', async () => {
    await page.getByRole('link', { name: 'Groups' }).click();
    await page.getByText('Clients that subscribe to $share/GROUP/FILTER').waitFor();
    const user = { name: 'watcher', password: 'calm sea at dawn' };
    const stuck = await connect(server, user, { clientId: 'user-watcher-stuck', properties: { receiveMaximum: 2 } });
    stuck.handleMessage = () => {}; // never done: no PUBACK
    const group = `$share/workers/${TOPIC}/jobs`;
    await stuck.subscribeAsync(group, { qos: 1 });
    for (let i = 0; i < 5; i++) await device.publishAsync(`${TOPIC}/jobs`, `${i}`, { qos: 1 });
    const row = page.locator('tr', { hasText: 'workers' });
    await row.getByText('Busy').waitFor();
    await picture('groups');
    await page.getByRole('searchbox', { name: 'Group or filter' }).fill('nothing like it');
    await page.getByText('No group has this').waitFor();
    await page.getByRole('searchbox', { name: 'Group or filter' }).fill('workers');
    const details = page.getByRole('button', { name: `Details ${group}` });
    await details.focus();
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog');
    await dialog.locator('tr', { hasText: 'user-watcher-stuck' }).getByText('full').waitFor();
    await dialog.getByText('2 / 2').waitFor();
    await picture('group');
    await dialog.getByRole('button', { name: 'Empty the queue' }).click();
    await dialog.getByText('5 messages that wait or are with members').waitFor();
    await dialog.getByRole('button', { name: 'Yes, do it' }).click();
    await page.getByText(/The queue of .* is empty/).waitFor();
    await dialog.getByText('A member can take the next message.').waitFor();
    await dialog.getByRole('button', { name: 'End the group' }).click();
    await picture('group-end');
    await dialog.getByRole('button', { name: 'Yes, do it' }).click();
    await page.getByText('No group has this').waitFor();
    stuck.stream.destroy();
    noFaults();
  });

  test('a bridge is made, seen to work, tested, changed, paused and removed', async () => {
    const far = await Mosquitto.start();
    await page.keyboard.press('Escape');
    await page.locator('h1').click();
    await page.keyboard.press('g');
    await page.keyboard.press('b');
    await page.getByText('No bridge yet').waitFor();
    await picture('bridges-none');
    await page.getByRole('button', { name: 'New bridge' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Name', { exact: true }).fill('hq');
    await dialog.getByLabel('Other server').fill('mqtt://127.0.0.1:1');
    await dialog.getByLabel(/Topics/).fill('demo/# sideways');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.getByRole('alert').getByText(/bridge hq/).waitFor();
    await dialog.getByLabel(/Topics/).fill(`${TOPIC}/# out 1 "" site1/\ncommands/# in 1`);
    await picture('bridge-new');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.getByText('Down').waitFor();
    await dialog.getByRole('button', { name: 'Test' }).click();
    await dialog.getByText('It does not work as it stands').waitFor();
    await picture('bridge-down');
    await dialog.getByRole('button', { name: 'Edit' }).click();
    await dialog.getByLabel('Other server').fill(far.url);
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.getByText('Connected', { exact: true }).waitFor();
    await dialog.getByRole('button', { name: 'Test' }).click();
    await dialog.getByText('All steps went well').waitFor();
    await picture('bridge');
    await page.keyboard.press('Escape');
    const row = page.locator('tr', { hasText: 'hq' });
    // It moves by itself: the device publishes all the time.
    await row.getByText(/^[1-9][\d,]* \/ 0$/).waitFor();
    await picture('bridges');
    await row.getByRole('button', { name: 'Details hq' }).click();
    await dialog.getByRole('button', { name: 'Pause' }).click();
    await dialog.getByRole('button', { name: 'Yes, do it' }).click();
    await dialog.getByText('Paused', { exact: true }).waitFor();
    await dialog.getByRole('button', { name: 'Resume' }).click();
    await dialog.getByText('Connected', { exact: true }).waitFor();
    await dialog.getByRole('button', { name: 'Remove' }).click();
    await dialog.getByText(/forgotten for good/).waitFor();
    await dialog.getByRole('button', { name: 'Yes, do it' }).click();
    await page.getByText('No bridge yet').waitFor();
    await far.stop();
    noFaults();
  });

  test('rules and status are shown', async () => {
    await page.getByRole('link', { name: 'Rules' }).click();
    await page.getByText('Warns before the oil burns').waitFor();
    await picture('rules');
    await page.getByRole('link', { name: 'Status' }).click();
    await page.getByText(`127.0.0.1:${server.ports.mqtts}`).waitFor();
    await picture('status');
    noFaults();
  });

  test('the same pages in dark', async () => {
    await page.emulateMedia({ colorScheme: 'dark' });
    const tabs = ['connections', 'groups', 'retained', 'bridges', 'trace'];
    const pages = ['alarms', 'things', 'rules', ...tabs, 'status'].map((name) => [name, name]);
    for (const [name, hash] of [['overview', ''], ['device', `device/${NAME}`], ...pages]) {
      await page.goto(`${origin}/#/${hash}`);
      await page.locator('main h1').waitFor();
      await page.waitForTimeout(name === 'device' ? 1500 : 500);
      await picture(name);
    }
    const dark = await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    assert.match(dark, /rgb\((\d|[1-5]\d), /, `the background ${dark} is dark`);
    noFaults();
  });

  test('the live link comes back after the server was away', async () => {
    page.faults.length = 0;
    await server.kill9();
    await page.getByText('The live link is lost').waitFor();
    await server.start();
    await page.locator('.link.live').waitFor();
    page.faults.length = 0;
  });

  test('signing out leads to the door, and the password back in', async () => {
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await picture('sign-in');
    assert.deepEqual(await context.cookies(origin), []);
    await page.getByLabel('Password').fill(PASSWORD);
    await page.getByRole('button', { name: 'Sign in' }).click();
    // Back where it was left.
    await page.getByRole('heading', { name: 'Status' }).waitFor();
    noFaults();
  });
});
