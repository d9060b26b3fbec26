// The life of a thing in Chromium: stages, quarantine, limits of behaviour, tamper events. What a person does there is seen at the device,
// what a device does is seen there.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openDashboard } from './lib/dashboard.mjs';
import { connect, disconnectAll, publishRefused } from './lib/mqtt.mjs';
import { until } from './lib/program.mjs';
import { start } from './lib/server.mjs';

const NAME = 'press-01';
const SCRIPT = `<img src=x onerror="globalThis.ran='x'">`;
const telemetry = (name) => `demo/plant1/machine/${name}/temperature`;
let server;
let board;
let page;
let client;

before(async () => {
  server = await start();
  board = await openDashboard(server, { pictures: 'life', expected: [/status of 404 .*\/shadow/] });
  page = board.page;
});
after(async () => {
  await board?.context.close();
  disconnectAll();
});

const thing = (name = NAME) => server.api('GET', `/api/things/${name}`);
const panel = () => page.locator('.life-panel');
const present = (stage) => panel().locator('[aria-current=step]', { hasText: stage }).waitFor();
const device = (name) => page.goto(`${board.origin}/#/device/${name}`);
const publish = (name = NAME) => client.publishAsync(telemetry(name), '{"value":1}', { qos: 1 });

test('a thing that was made while the list was on its way disappeared from the page', async () => {
  const list = /\/api\/things(\?|$)/;
  let listed;
  const answered = new Promise((resolve) => (listed = resolve));
  const answer = async (route) => {
    const before = await server.api('GET', '/api/things?limit=1000');
    await server.api('POST', '/api/things', { name: 'late-01', type: 'machine' });
    await page.waitForTimeout(500); // the live link tells of it meanwhile
    await route.fulfill({ json: before });
    listed();
  };
  await page.route(list, answer, { times: 1 });
  await device('late-01');
  await page.reload();
  await answered;
  await page.waitForTimeout(500);
  await page.getByRole('heading', { name: 'late-01' }).waitFor({ timeout: 5000 });
  await server.api('DELETE', '/api/things/late-01');
  board.noFaults();
});

describe('stages', () => {
  test('a thing goes from provisioning to operation by itself, and the page follows', async () => {
    await server.api('POST', '/api/things', { name: NAME, type: 'machine', attributes: { site: 'plant1' } });
    await device(NAME);
    await present('Provisioning');
    await board.picture('provisioning');
    const { token } = await server.api('POST', `/api/things/${NAME}/tokens`, {});
    await present('Activation');
    client = await connect(server, { name: NAME, token }, { clientId: NAME });
    await present('Operation');
    await panel().getByText('Activation → Operation').waitFor();
    board.noFaults();
  });

  test('a move is asked for, holds at the device, and is in history and audit log with its reason', async () => {
    await publish();
    await page.getByRole('button', { name: 'Take out for maintenance' }).focus();
    await page.keyboard.press('Enter');
    await page.keyboard.type('new bearings');
    await board.picture('move');
    await page.keyboard.press('Enter');
    await present('Maintenance');
    assert.equal((await thing()).lifecycle, 'maintenance');
    await panel().getByText('by admin: new bearings').waitFor();
    await page.locator('h1 .badge', { hasText: 'Maintenance' }).waitFor();
    await panel().getByText('In the audit log').click();
    await board.row('thing.move').first().waitFor();
    await board.row('new bearings').waitFor();
    await board.picture('maintenance');
    assert.deepEqual(await panel().locator('.ending button').allInnerTexts(), ['Put into operation', 'Decommission', 'Put in quarantine']);
    await page.getByRole('button', { name: 'Put into operation' }).click();
    await page.getByRole('button', { name: 'Cancel' }).click();
    assert.equal((await thing()).lifecycle, 'maintenance');
    await board.doIt('Put into operation');
    await present('Operation');
    board.noFaults();
  });
});

describe('quarantine', () => {
  test('a thing is put there with a reason and released; text of whoever gives it stays text', async () => {
    await board.doIt('Put in quarantine', SCRIPT);
    const banner = page.locator('.quarantine-banner');
    await banner.getByText(SCRIPT).waitFor();
    await publishRefused(client, telemetry(NAME));
    await board.picture('quarantine');
    await page.goto(`${board.origin}/#/things`);
    await board.row(NAME).getByText('quarantine').waitFor();
    await board.tab('Quarantine', 'quarantine');
    await board.row(NAME).getByText(SCRIPT).waitFor();
    await board.picture('list');
    await board.row(NAME).getByRole('button', { name: 'Release' }).click();
    await board.dialog().getByRole('button', { name: 'Release', exact: true }).click();
    await board.picture('release');
    await page.getByLabel('Why (may be empty)').fill('looked at');
    await page.getByRole('button', { name: 'Yes, do it' }).click();
    await page.getByText('No thing is in quarantine').waitFor();
    await publish();
    assert.equal((await thing()).quarantine, undefined);
    assert.equal(await page.evaluate(() => globalThis.ran ?? null), null);
    board.noFaults();
  });

  test('a tamper event shows by itself, on the list and at the thing', async () => {
    await page.getByText('None. A device tells of one').waitFor();
    await client.publishAsync(`$dunlin/things/${NAME}/tamper`, JSON.stringify({ reason: SCRIPT }), { qos: 1 });
    await board.row('critical').getByText(SCRIPT).waitFor();
    await page.getByRole('link', { name: NAME }).first().waitFor();
    await board.picture('tamper');
    await device(NAME);
    await page.locator('.quarantine-banner').getByText(`a tamper event: ${SCRIPT}`).waitFor();
    await page.locator('.quarantine-banner').getByRole('button', { name: 'Release' }).click();
    await page.getByRole('button', { name: 'Yes, do it' }).click();
    await page.locator('.quarantine-banner').waitFor({ state: 'detached' });
    await panel().getByText('Released from quarantine').first().waitFor();
    assert.equal(await page.evaluate(() => globalThis.ran ?? null), null);
    board.noFaults();
  });
});

describe('behaviour', () => {
  const limits = () => page.locator('.behaviour tbody tr');
  const use = (what) => limits().filter({ hasText: what });

  test('what a thing does is shown beside its limits, which can be changed', async () => {
    await use('Messages per second').getByText('20,000').waitFor();
    await use('Messages per second').getByText('under a quarter').waitFor();
    await page.getByRole('button', { name: 'Change limits' }).click();
    await page.getByLabel('Refused by policies').fill('-1');
    await page.getByRole('button', { name: 'Save' }).click();
    assert.equal(await page.getByLabel('Refused by policies').evaluate((field) => field.validity.valid), false);
    await page.getByLabel('Refused by policies').fill('8');
    await page.getByLabel('Past a limit').selectOption('alarm');
    await board.picture('limits');
    await page.getByRole('button', { name: 'Save' }).click();
    await use('Refused by policies').getByText('8').waitFor();
    await use('Refused by policies').getByText('its own').waitFor();
    assert.deepEqual((await server.api('GET', `/api/behaviour/thing:${NAME}`)).own, { refusals: 8, response: 'alarm' });
    for (let i = 0; i < 4; ++i) await publishRefused(client, telemetry(`other-${i}`));
    await use('Refused by policies').locator('meter').waitFor();
    await board.picture('behaviour');
    for (let i = 0; i < 9; ++i) await publishRefused(client, telemetry(`other-${i}`));
    await page.locator('.device-alarms', { hasText: 'the limit is 8' }).waitFor();
    assert.equal((await thing()).quarantine, undefined, 'an alarm only');
    board.noFaults();
  });

  test('limits of a type are made, changed and taken back', async () => {
    await board.tab('Quarantine', 'quarantine');
    await board.row('Thing press-01').getByText('Refused by policies: 8').waitFor();
    await page.getByRole('button', { name: 'Limits for a type or thing' }).click();
    await page.getByLabel('Name').fill('machine');
    await page.getByRole('button', { name: 'Next' }).click();
    await page.getByLabel('Largest message').fill('4096');
    await page.getByRole('button', { name: 'Save' }).click();
    await board.row('Type machine').getByText('Largest message: 4.0 KiB').waitFor();
    await board.picture('scopes');
    await board.row('Type machine').getByRole('button', { name: 'Edit' }).click();
    await page.getByLabel('Largest message').fill('');
    await page.getByRole('button', { name: 'Save' }).click();
    await board.row('Type machine').waitFor({ state: 'detached' });
    const { records } = await server.api('GET', '/api/audit?object=type:machine');
    assert.deepEqual(records.map((one) => one.action), ['behaviour.delete', 'behaviour.put']);
    board.noFaults();
  });
});

describe('the end', () => {
  test('decommissioning ends the connection, and there is no way back', async () => {
    const closed = new Promise((resolve) => client.once('close', resolve));
    await device(NAME);
    await board.doIt('Decommission', 'scrapped');
    await present('Decommission');
    await closed;
    await until(async () => !(await thing()).wiping, 'the wipe');
    await panel().getByText('What it has left').waitFor({ state: 'detached' });
    assert.equal(await panel().locator('.ending button').count(), 0);
    await board.picture('decommission');
    board.noFaults();
  });

  test('the pages in dark, and on a telephone', () => board.everyLook({ device: `device/${NAME}`, quarantine: 'quarantine' }));
});
