// The page Attacks in Chromium: empty, then live with what real peers are refused; names that would do harm are text; what an operator
// does there takes effect. Its pictures are in light and dark, wide and narrow.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { openBrowser, openPage } from './lib/browser.mjs';
import { as, publish } from './lib/mosquitto.mjs';
import { connect, disconnectAll, publishRefused } from './lib/mqtt.mjs';
import { until } from './lib/program.mjs';
import { connectPacket, RawConnection } from './lib/raw_mqtt.mjs';
import { start } from './lib/server.mjs';

const PASSWORD = 'calm sea at dawn';
const PICTURES = process.env.DUNLIN_SCREENSHOTS ?? new URL('../../build/screenshots', import.meta.url).pathname;
const EVIL = '<img src=x onerror="document.title=\'owned\'">';
let server;
let context;
let page;
let origin;

before(async () => {
  mkdirSync(PICTURES, { recursive: true });
  server = await start();
  origin = `https://localhost:${server.ports.https}`;
  context = await openBrowser({ rootFile: server.rootFile });
  page = await openPage(context, origin);
  await page.goto(`${origin}/#/claim/${(await server.claimLink()).split('/').at(-1)}`);
  await page.getByLabel('New password').fill(PASSWORD);
  await page.getByLabel('The same again').fill(PASSWORD);
  await page.getByRole('button', { name: /Set password/ }).click();
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
});
after(async () => {
  await context?.close();
  disconnectAll();
});

async function picture(name) {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert(wide <= 0, `${name}: the page is ${wide} px wider than its window`);
  await page.screenshot({ path: `${PICTURES}/attacks-${name}.png`, fullPage: true });
}
const noFaults = () => assert.deepEqual(page.faults, []);
const section = (name) => page.locator('section.panel-section', { has: page.getByRole('heading', { name, exact: true }) });
const row = (list, text) => section(list).locator('tbody tr', { hasText: text });

test('the empty page says what would be there', async () => {
  await page.goto(`${origin}/#/attacks`);
  await page.getByRole('navigation', { name: 'Security' }).getByRole('link', { name: 'Attacks', exact: true }).and(page.locator('[aria-current=page]')).waitFor();
  await page.getByText('Nothing was refused since the server has started').waitFor();
  await picture('light-empty');
  noFaults();
});

test('what peers are refused appears by itself, with the right numbers', async () => {
  const press = await server.thing('press-01');
  for (let i = 0; i < 3; ++i) await publish(as(server, { name: 'mallory', password: 'guess' }), '-i', 'user-mallory', '-t', 'a', '-m', '1');
  await row('Users', 'mallory').getByText('wrong password').waitFor();
  await until(async () => /mallory\s+3\s/.test(await row('Users', 'mallory').innerText()), 'three refusals of mallory');
  const client = await connect(server, press, { clientId: 'press-01' });
  for (let i = 0; i < 4; ++i) await publishRefused(client, 'demo/plant1/machine/other/value');
  const device = row('Devices', 'press-01');
  await device.getByText('may not publish to demo/plant1/machine/other/value').waitFor();
  await device.getByText('proven to be it').waitFor();
  await until(async () => /press-01\s+proven to be it\s+4\s/.test(await device.innerText()), 'four refusals of the device');
  const raw = await RawConnection.open(server.ports.mqtts);
  raw.send('no handshake\r\n\r\n');
  await raw.untilClosed();
  await row('Kinds', 'TLS handshake failed').waitFor();
  const address = row('Addresses', '127.0.0.1');
  await until(async () => /127\.0\.0\.1\s+8\s/.test(await address.innerText()), 'eight refusals of the address');
  await page.getByText('8 refusals since the server has started').waitFor();
  assert.match(await page.getByRole('img', { name: /Refusals over time/ }).getAttribute('aria-label'), /TLS and certificates 1, Passwords and tokens 3, Rights 4/);
  await picture('light');
  noFaults();
});

test('names that would do harm are text', async () => {
  const raw = await RawConnection.open(server.ports.mqtt);
  raw.send(connectPacket({ clientId: EVIL, name: EVIL, token: 'x' }));
  await raw.untilClosed();
  await row('Devices', EVIL).waitFor();
  await row('Users', EVIL).waitFor();
  await row('Newest', EVIL).waitFor();
  assert.equal(await page.locator('main img[src=x]').count(), 0);
  assert.match(await page.title(), /Dunlin/);
  noFaults();
});

test('a device leads to its page; one in quarantine is released from here', async () => {
  const drill = await server.thing('drill-01');
  const client = await connect(server, drill, { clientId: 'drill-01' });
  await client.publishAsync('$dunlin/things/drill-01/tamper', '{"reason":"case open"}', { qos: 1 });
  await row('Devices', 'drill-01').getByText('in quarantine').waitFor();
  await picture('light-quarantine');
  const release = page.getByRole('button', { name: 'Release from quarantine drill-01' });
  await release.focus();
  await page.keyboard.press('Enter');
  await release.waitFor({ state: 'detached' });
  assert.equal((await server.api('GET', '/api/things/drill-01')).quarantine, undefined);
  await row('Devices', 'drill-01').getByRole('link', { name: 'drill-01' }).click();
  await page.getByRole('heading', { name: 'drill-01' }).waitFor();
  await page.goBack();
  await row('Devices', 'drill-01').waitFor();
  page.faults = page.faults.filter((text) => !/status of 404 .*\/api\/things\/drill-01\/shadow/.test(text)); // it has none
  noFaults();
});

test('who waits is seen and released; what cannot be blocked is said', async () => {
  const login = () => server.request('POST', '/api/session', { body: { user: 'mallory', password: 'guess' }, csrf: true });
  // The wait doubles with each failure: now long enough to be seen and ended.
  await until(async () => {
    await login();
    const { users } = await server.api('GET', '/api/security/refusals');
    return users.find(({ user }) => user === 'mallory').penalty_seconds >= 12;
  }, 'the wait of mallory', { interval: 200, timeout: 90_000 });
  await row('Users', 'mallory').getByText(/^waits/).waitFor();
  await row('Addresses', '127.0.0.1').getByText(/^waits/).waitFor();
  await picture('light-waits');
  for (const name of ['mallory', '127.0.0.1']) {
    await page.getByRole('button', { name: `Release ${name}`, exact: true }).click();
    await page.getByText(`${name} is released`).waitFor();
    await page.getByRole('button', { name: `Release ${name}`, exact: true }).waitFor({ state: 'detached' });
  }
  await page.getByRole('button', { name: 'Block for an hour 127.0.0.1' }).click();
  await page.getByText(/your own address|machine itself/).waitFor();
  page.faults = page.faults.filter((text) => !/status of (400|409) .*\/api\/security\/block/.test(text));
  noFaults();
});

test('dark, narrow, and the last day', async () => {
  await page.getByRole('button', { name: 'Last day' }).click();
  await page.getByRole('button', { name: 'Last day', pressed: true }).waitFor();
  await page.emulateMedia({ colorScheme: 'dark' });
  await picture('dark');
  await page.setViewportSize({ width: 390, height: 780 });
  await picture('dark-narrow');
  await page.emulateMedia({ colorScheme: 'light' });
  await picture('light-narrow');
  await page.setViewportSize({ width: 1360, height: 860 });
  noFaults();
});

test('who may not see it is told so', async () => {
  await server.api('POST', '/api/users', { name: 'vera', password: PASSWORD, roles: ['viewer'] });
  const other = await openBrowser({ rootFile: server.rootFile });
  const view = await openPage(other, origin, [/status of 403/]);
  await view.goto(`${origin}/#/attacks`);
  await view.getByLabel('User').fill('vera');
  await view.getByLabel('Password').fill(PASSWORD);
  await view.getByRole('button', { name: /Sign in/ }).click();
  await view.getByText('security:read').waitFor();
  assert.deepEqual(view.faults, []);
  await other.close();
});
