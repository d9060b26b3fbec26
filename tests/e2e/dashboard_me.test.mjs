// One's own account in Chromium: second factor with oathtool as the app, sessions, tokens, password; and what administrators do for others.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openBrowser, openPage } from './lib/browser.mjs';
import { openDashboard, PASSWORD } from './lib/dashboard.mjs';
import { run, until } from './lib/program.mjs';
import { start } from './lib/server.mjs';

const NEW_PASSWORD = 'another calm sea at dusk';
let server;
let admin; // of the first user
let context; // ada's browser
let page;
let secret;
let used;
let recovery;

before(async () => {
  server = await start();
  admin = await openDashboard(server, { pictures: 'me', expected: [/status of 40[0139]/] });
  await server.api('POST', '/api/users', { name: 'ada', password: PASSWORD, roles: ['viewer'] });
  context = await openBrowser({ rootFile: server.rootFile });
  page = await openPage(context, admin.origin, [/status of (400|401|403)/, /\/api\/live' failed: HTTP Authentication failed/]);
  await page.goto(`${admin.origin}/`);
});
after(async () => {
  await context?.close();
  await admin?.context.close();
});

async function signIn(password = PASSWORD, code) {
  await page.getByLabel('User').fill('ada');
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  if (code !== undefined) {
    await page.getByLabel('Code').fill(code);
    await page.getByRole('button', { name: 'Sign in' }).click();
  }
  await page.getByRole('navigation', { name: 'Pages' }).waitFor();
}
async function me() {
  await page.keyboard.press('g');
  await page.keyboard.press('m');
  await page.getByRole('heading', { name: 'My account' }).waitFor();
}
const post = (path, body, options = {}) => server.request('POST', path, { body, csrf: true, ...options });
const cookieOf = ({ headers }) => headers['set-cookie']?.[0].split(';')[0];
const codeNow = async () => (await run('oathtool', ['--totp', '--base32', secret])).stdout.trim();
async function nextCode() {
  await until(async () => (await codeNow()) !== used, 'the next code', { timeout: 40_000, interval: 500 });
  return (used = await codeNow());
}
const panel = () => page.locator('.second-factor');
const noFaults = () => assert.deepEqual(page.faults, []);

describe('a second factor', () => {
  test('is set up with a QR code, confirmed by a code, and its recovery codes are shown once', async () => {
    await signIn();
    await me();
    await panel().getByText('None. With one').waitFor();
    await panel().getByRole('button', { name: 'Set it up' }).click();
    const image = page.getByAltText('The secret as a QR code');
    await image.waitFor();
    assert(await image.evaluate(async (element) => (await element.decode(), element.naturalWidth > 0)));
    secret = (await panel().locator('pre').innerText()).trim();
    await admin.picture('totp', { page });
    await page.getByLabel('Code').fill('000000');
    await page.getByRole('button', { name: 'Confirm' }).click();
    await panel().locator('[role=alert]').waitFor();
    used = await codeNow();
    await page.getByLabel('Code').fill(used);
    await page.keyboard.press('Enter');
    await page.getByText('The second factor is on').waitFor();
    recovery = (await panel().locator('pre').innerText()).trim().split('\n');
    assert.equal(recovery.length, 10);
    await admin.picture('recovery', { page });
    await page.getByRole('button', { name: 'I have kept them' }).click();
    await panel().getByText('10 recovery codes were not used').waitFor();
    const shown = await page.locator('body').innerText();
    assert(!shown.includes(secret) && !shown.includes(recovery[0]));
    noFaults();
  });

  test('is asked for at the next sign-in, and removed by its user with a code only', async () => {
    await page.getByRole('button', { name: 'Sign out' }).click();
    await signIn(PASSWORD, recovery[0]);
    await me();
    await panel().getByText('9 recovery codes were not used').waitFor();
    await page.getByRole('button', { name: 'Remove it' }).click();
    await page.getByLabel('Code').fill('000000');
    await page.getByRole('button', { name: 'Remove it' }).click();
    await panel().locator('[role=alert]').waitFor();
    await page.getByLabel('Code').fill(await nextCode());
    await page.getByRole('button', { name: 'Remove it' }).click();
    await panel().getByText('None. With one').waitFor();
    assert.equal((await server.cliJson('totp', 'show', 'ada')).state, 'none');
    noFaults();
  });
});

describe('sessions and tokens', () => {
  test('one’s own are listed and ended, the one of the page is marked', async () => {
    const other = cookieOf(await post('/api/session', { user: 'ada', password: PASSWORD }));
    const list = page.locator('.me li');
    await list.filter({ hasText: 'this page' }).waitFor();
    await until(async () => (await list.count()) >= 2, 'two sessions');
    await admin.picture('account', { page });
    await page.getByRole('button', { name: 'End all others' }).click();
    await page.getByRole('button', { name: 'Yes, do it' }).click();
    await until(async () => (await server.request('GET', '/api/session', { cookie: other })).json.signed_in === false, 'the other to end');
    await until(async () => (await list.count()) === 1, 'one session');
    assert.equal(await page.getByRole('heading', { name: 'My account' }).count(), 1, 'one’s own stays');
    noFaults();
  });

  test('a token of one’s own is seen and removed, without a right to others’', async () => {
    const { token, id } = await server.api('POST', '/api/tokens', { owner: 'ada', label: '<b>report</b>', permissions: ['things:read'] });
    const of_admin = await server.api('POST', '/api/tokens', { owner: 'admin', label: 'other', permissions: ['things:read'] });
    const cookie = cookieOf(await post('/api/session', { user: 'ada', password: PASSWORD }));
    assert.equal((await server.request('GET', '/api/tokens?owner=admin', { cookie })).status, 403);
    assert.equal((await server.request('GET', '/api/tokens?owner=ada&type=session', { cookie })).status, 403);
    assert.equal((await server.request('DELETE', `/api/tokens/${of_admin.id}`, { cookie, csrf: true })).status, 403);
    assert.equal((await server.request('GET', '/api/tokens?owner=ada', { token })).status, 403, 'a token is not the person');
    await page.reload();
    await page.getByText('<b>report</b>').waitFor();
    assert.equal(await page.getByRole('button', { name: 'New token' }).count(), 0, 'who may not make users makes no tokens');
    await page.getByRole('button', { name: 'Remove <b>report</b>' }).click();
    await page.getByText('<b>report</b>', { exact: true }).waitFor({ state: 'detached' });
    assert.equal((await server.request('GET', '/api/things', { token })).status, 401);
    const { records } = await server.api('GET', '/api/audit?action=token.');
    assert(records.some((one) => one.actor === 'ada' && one.object === id && one.outcome === 'ok'));
    assert(records.some((one) => one.actor === 'ada' && one.object === of_admin.id && one.outcome === 'denied'));
    noFaults();
  });
});

describe('administrators', () => {
  test('end others’ sessions and reset a second factor', async () => {
    const begun = await post('/api/users/ada/totp', {}, { cookie: cookieOf(await post('/api/session', { user: 'ada', password: PASSWORD })) });
    secret = begun.json.secret;
    used = undefined;
    await server.api('POST', '/api/users/ada/totp/confirm', { code: await nextCode() });
    await admin.tab('Users', 'accounts');
    await admin.row('ada').getByRole('button', { name: 'Details' }).click();
    await admin.dialog().getByText('On: sign-in asks for a code').waitFor();
    await admin.dialog().getByRole('button', { name: 'End', exact: false }).first().waitFor();
    await admin.picture('other');
    await admin.doIt('Reset the second factor');
    await admin.dialog().getByText('None.', { exact: true }).last().waitFor();
    assert.equal((await server.cliJson('totp', 'show', 'ada')).state, 'none');
    await admin.doIt('End all of them');
    await page.getByRole('heading', { name: 'Sign in to Dunlin' }).waitFor();
    await admin.page.keyboard.press('Escape');
    const { records } = await server.api('GET', '/api/audit?limit=100');
    for (const action of ['totp.remove', 'token.delete']) assert(records.some((one) => one.action === action && one.actor === 'admin'), action);
    admin.noFaults();
  });
});

describe('the password', () => {
  test('is changed with the present one, and ends every sign-in', async () => {
    await signIn();
    await me();
    await page.getByLabel('Present password').fill('not the password');
    await page.getByLabel('New password').fill(NEW_PASSWORD);
    await page.getByLabel('The same again').fill(NEW_PASSWORD);
    await page.getByRole('button', { name: 'Change the password' }).click();
    await page.locator('[role=alert]', { hasText: /password/ }).waitFor();
    await page.getByLabel('Present password').fill(PASSWORD);
    await page.getByRole('button', { name: 'Change the password' }).click();
    await page.getByRole('heading', { name: 'Sign in to Dunlin' }).waitFor();
    await signIn(NEW_PASSWORD);
    noFaults();
  });

  test('the page in dark, and on a telephone', () => admin.everyLook({ page: 'me' }));
});
