// The page of static groups of things in Chromium: made, given members and policies that act at once, removed; names that would do harm are text.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openBrowser, openPage } from './lib/browser.mjs';
import { openDashboard, PASSWORD } from './lib/dashboard.mjs';
import { connect, disconnectAll } from './lib/mqtt.mjs';
import { until } from './lib/program.mjs';
import { start } from './lib/server.mjs';

const EVIL = '<img src=x onerror="document.title=\'owned\'">';
const LAB = { document: { statements: [{ effect: 'allow', actions: ['mqtt:publish'], resources: ['topic/lab/#'] }] } };
let server;
let dashboard;
let page;
let press;

before(async () => {
  server = await start();
  // Refusals that the tests bring about.
  dashboard = await openDashboard(server, { pictures: 'groups', expected: [/status of (400|404|409) .*\/api\/(groups|policies)/] });
  page = dashboard.page;
  await server.api('PUT', '/api/policies/lab', LAB);
  press = await server.thing('press-01');
  await server.thing('press-02');
});
after(async () => {
  await dashboard?.context.close();
  disconnectAll();
});

const dialog = () => dashboard.dialog();
const members = () => dialog().getByRole('region', { name: 'Members' });
const attached = () => dialog().getByRole('region', { name: 'Attached policies' });
const open = (name) => page.getByRole('button', { name: `Details ${name}`, exact: true }).click();

test('the empty page says what to do next', async () => {
  await dashboard.tab('Thing groups', 'thing-groups');
  await page.getByText('Make one, add things, and attach a policy').waitFor();
  await dashboard.picture('empty');
  dashboard.noFaults();
});

test('a group is made by keys alone, and a name that is there is refused', async () => {
  await page.getByRole('button', { name: 'New group' }).press('Enter');
  await page.keyboard.type('presses');
  await page.keyboard.press('Tab');
  await page.keyboard.type('All presses of plant 1');
  await page.keyboard.press('Enter');
  await members().getByText('No thing is a member yet').waitFor();
  await attached().getByText('No policy is attached').waitFor();
  await page.keyboard.press('Escape');
  await dashboard.row('presses').getByText('All presses of plant 1').waitFor();
  await dashboard.row('presses').getByText('no policy').waitFor();
  await page.getByRole('button', { name: 'New group' }).click();
  await dialog().getByLabel('Name', { exact: true }).fill('presses');
  await dialog().getByRole('button', { name: 'Make group' }).click();
  await dialog().getByRole('alert').waitFor();
  await page.keyboard.press('Escape');
  assert.equal((await server.api('GET', '/api/groups')).groups.length, 1);
  dashboard.noFaults();
});

test('a member has the policies of the group at once, until it is taken out', async () => {
  const client = await connect(server, press, { clientId: 'press-01', reconnectPeriod: 0 });
  const may = () => client.publishAsync('lab/a', 'x', { qos: 1 }).then(() => true, () => false);
  assert.equal(await may(), false);
  await open('presses');
  await members().getByLabel('Thing').fill('press-01');
  await members().getByRole('button', { name: 'Add', exact: true }).click();
  await members().getByRole('link', { name: 'press-01' }).waitFor();
  await members().getByLabel('Thing').fill('nobody');
  await page.keyboard.press('Enter');
  await members().getByRole('alert').waitFor();
  await members().getByLabel('Thing').fill('press-02');
  await page.keyboard.press('Enter');
  await members().getByRole('link', { name: 'press-02' }).waitFor();
  await members().getByText('(2)').waitFor();
  await attached().getByLabel('Policy').fill('none such');
  await page.keyboard.press('Enter');
  await attached().getByRole('alert').waitFor();
  await attached().getByLabel('Policy').fill('lab');
  await page.keyboard.press('Enter');
  await attached().locator('code', { hasText: 'lab' }).waitFor();
  await until(may, 'the policy holds');
  await dashboard.picture('group');
  await members().getByRole('button', { name: 'Take press-01 out of the group' }).click();
  await page.getByText('press-01 is no member any more').waitFor();
  await until(async () => !(await may()), 'the policy holds no more');
  assert.deepEqual((await server.api('GET', '/api/groups/presses')).things, ['press-02']);
  await attached().getByRole('button', { name: 'Detach lab' }).click();
  await attached().getByText('No policy is attached').waitFor();
  await attached().getByLabel('Policy').fill('lab');
  await page.keyboard.press('Enter');
  await attached().locator('code', { hasText: 'lab' }).waitFor();
  await page.keyboard.press('Escape');
  await dashboard.row('presses').getByText('lab', { exact: true }).waitFor();
  const { records } = await server.api('GET', '/api/audit?limit=20');
  for (const action of ['group.create', 'group.add', 'group.remove', 'policy.attach', 'policy.detach'])
    assert(records.some((record) => record.action === action && record.actor.includes('admin')), action);
  dashboard.noFaults();
});

test('more members than one answer holds are shown page by page', async () => {
  await server.api('POST', '/api/groups', { name: 'fleet', about: '' });
  for (let i = 0; i < 1005; i += 67) {
    const names = Array.from({ length: 67 }, (_, k) => `car-${String(i + k).padStart(4, '0')}`);
    await Promise.all(names.map(async (name) => {
      await server.api('POST', '/api/things', { name });
      await server.api('PUT', `/api/groups/fleet/things/${name}`, {});
    }));
  }
  await page.reload();
  await open('fleet');
  await members().getByText('(1,000+)').waitFor();
  await members().getByRole('button', { name: 'Show 1,000 more' }).click();
  await members().getByText('(1,005)').waitFor();
  await members().getByRole('button', { name: 'Take car-1004 out of the group' }).click();
  await members().getByText('(1,004)').waitFor();
  await page.keyboard.press('Escape');
  dashboard.noFaults();
});

test('names that would do harm are text', async () => {
  await server.api('POST', '/api/groups', { name: 'evil', about: EVIL });
  await server.api('PUT', '/api/groups/evil/things/press-02', {});
  await page.reload();
  await dashboard.row('evil').getByText(EVIL).waitFor();
  await page.getByLabel('Name or purpose').fill('<IMG');
  await until(async () => (await page.locator('tbody tr').count()) === 1, 'one is found');
  await open('evil');
  await dialog().getByText(EVIL).waitFor();
  await members().getByLabel('Thing').fill(EVIL);
  await members().getByRole('button', { name: 'Add', exact: true }).click();
  await members().getByRole('alert').waitFor();
  await page.keyboard.press('Escape');
  await page.getByLabel('Name or purpose').fill('nothing like it');
  await page.getByText('No group has this in its name or purpose').waitFor();
  await page.getByLabel('Name or purpose').fill('');
  assert.equal(await page.locator('img[src=x]').count(), 0);
  assert.match(await page.title(), /Dunlin/);
  dashboard.noFaults();
});

test('every look, and no text is pale', async () => {
  await dashboard.everyLook({ page: 'thing-groups' });
  for (const scheme of ['dark', 'light']) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize({ width: 390, height: 800 });
    await open('presses');
    await members().getByRole('link', { name: 'press-02' }).waitFor();
    await dashboard.picture('group-small', { scheme });
    const wide = await dialog().evaluate((element) => element.scrollWidth - element.clientWidth);
    assert(wide <= 0, `the window is ${wide} px too narrow`);
    await page.keyboard.press('Escape');
  }
  await page.setViewportSize({ width: 1360, height: 860 });
});

test('a group is removed, and its things stay', async () => {
  await open('presses');
  await dashboard.doIt('Remove');
  await page.getByText('presses removed').waitFor();
  assert.deepEqual((await server.api('GET', '/api/groups')).groups.map(({ name }) => name), ['evil', 'fleet']);
  assert.equal((await server.api('GET', '/api/things/press-02')).name, 'press-02');
  dashboard.noFaults();
});

test('who may only look is offered no change', async () => {
  await server.api('POST', '/api/users', { name: 'vera', password: PASSWORD, permissions: ['policies:read'] });
  const other = await openBrowser({ rootFile: server.rootFile });
  const view = await openPage(other, dashboard.origin, [/status of 403|response code: 403/] /* it may see nothing else */);
  await view.goto(`${dashboard.origin}/#/thing-groups`);
  await view.getByLabel('User').fill('vera');
  await view.getByLabel('Password').fill(PASSWORD);
  await view.getByRole('button', { name: /Sign in/ }).click();
  await view.getByRole('button', { name: 'Details evil' }).click();
  await view.locator('dialog').getByRole('link', { name: 'press-02' }).waitFor();
  assert.equal(await view.getByRole('button', { name: 'New group' }).count(), 0);
  assert.equal(await view.locator('dialog').getByRole('button', { name: /Add|Attach|Detach|Take|Remove/ }).count(), 0);
  assert.deepEqual(view.faults, []);
  await other.close();
});
