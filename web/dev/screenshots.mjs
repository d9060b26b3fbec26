// Takes every page in dark and light, on a desktop and a phone, against the mock server, and walks through what a person
// does first. Fails on console errors, uncaught exceptions, CSP violations, failed requests and requests to other hosts.
// `node dev/screenshots.mjs [FOLDER]`; the default folder is screenshots/. CHROMIUM names another browser.
import { strict as assert } from 'node:assert';
import { mkdirSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { poorContrast } from './contrast.mjs';
import { startMock } from './mock.mjs';

const folder = process.argv[2] ?? new URL('../screenshots/', import.meta.url).pathname;
mkdirSync(folder, { recursive: true });
const problems = [];
const PASSWORD = 'calm sea at dawn';

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--no-first-run',
    '--disable-default-apps',
  ],
});

async function openPage(url, { dark, phone }) {
  const context = await browser.newContext({
    colorScheme: dark ? 'dark' : 'light',
    viewport: phone ? { width: 390, height: 844 } : { width: 1360, height: 860 },
    deviceScaleFactor: phone ? 2 : 1,
    isMobile: phone,
    hasTouch: phone,
  });
  await context.addInitScript(() => {
    addEventListener('securitypolicyviolation', (e) =>
      console.error(`CSP: ${e.violatedDirective} ${e.blockedURI} ${e.sourceFile}:${e.lineNumber}`),
    );
  });
  const page = await context.newPage();
  const expected = /status of (401|409|400)/; // refusals that the walk provokes on purpose
  page.on(
    'console',
    (m) =>
      m.type() === 'error' &&
      !expected.test(m.text()) &&
      !/ERR_CONNECTION|WebSocket/.test(m.text()) &&
      problems.push(`console: ${m.text()}`),
  );
  page.on('pageerror', (e) => problems.push(`uncaught: ${e.stack ?? e.message}`));
  page.on(
    'request',
    (r) =>
      !r.url().startsWith(new URL(url).origin) &&
      !/^(blob|data):/.test(r.url()) &&
      problems.push(`request to another host: ${r.url()}`),
  );
  await page.goto(url);
  return page;
}

const shoot = async (page, name, full = false) => {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  if (wide > 0) problems.push(`${name}: the page is ${wide} px wider than its window`);
  await page.screenshot({ path: `${folder}/${name}.png`, fullPage: full });
};

async function signIn(page) {
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
}

async function everyPage(mock, look, tag) {
  const page = await openPage(mock.url, look);
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await shoot(page, `${tag}-signin`);
  await signIn(page);
  await page.locator('.card').nth(23).waitFor();
  await page.waitForTimeout(3500);
  await shoot(page, `${tag}-overview`);
  for (const name of ['alarms', 'things', 'rules', 'status']) {
    await page.goto(`${mock.url}/#/${name}`);
    await page.locator('main h1').waitFor();
    await page.waitForTimeout(400);
    await shoot(page, `${tag}-${name}`);
  }
  await page.goto(`${mock.url}/#/device/press-03`);
  await page.locator('.u-over').first().waitFor();
  await page.waitForTimeout(1500);
  await shoot(page, `${tag}-device`, true);
  await page.goto(`${mock.url}/#/device/gate-cam-01`);
  await page.locator('.camera img').waitFor();
  await page.waitForTimeout(600);
  await shoot(page, `${tag}-camera`, look.phone);
  await page.context().close();
}

async function checkContrast(page, tag) {
  for (const text of await poorContrast(page)) problems.push(`${tag}: contrast ${text}`);
}

async function walk(mock) {
  const page = await openPage(`${mock.url}/#/claim/one-time`, { dark: false, phone: false });
  await page.getByLabel('New password').fill('short');
  await page.getByRole('button', { name: /Set password/ }).click();
  await page.getByText('needs at least 12').waitFor();
  await shoot(page, 'walk-claim');
  await page.getByLabel('New password').fill(PASSWORD);
  await page.getByLabel('The same again').fill(PASSWORD);
  await page.getByRole('button', { name: /Set password/ }).click();
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
  await page.locator('.card').first().waitFor();

  await page.keyboard.press('/');
  await page.keyboard.type('lathe plant2');
  assert.equal(await page.locator('.card').count(), 4, 'the search narrows the cards');
  await page.keyboard.press('Escape');
  await page.keyboard.press('?');
  await page.getByRole('dialog').waitFor();
  await shoot(page, 'walk-help');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Control+k');
  await page.keyboard.type('press-05');
  await page.getByRole('option').first().waitFor();
  await shoot(page, 'walk-palette');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'press-05' }).waitFor();

  await page.getByRole('switch', { name: 'Set led' }).click();
  await page.locator('.leaf.pending').waitFor();
  await page.getByLabel('key, e.g. fan.speed').fill('speed');
  await page.getByLabel('value', { exact: true }).fill('140');
  await page.getByRole('button', { name: 'Add wish' }).click();
  await page.locator('.leaf', { hasText: 'speed' }).waitFor();
  await page.locator('.panel.shadow').screenshot({ path: `${folder}/walk-shadow-pending.png` });
  await page.locator('.leaf.conflict', { hasText: 'speed' }).waitFor({ timeout: 6000 });
  await page.locator('.leaf.confirmed', { hasText: 'led' }).waitFor({ timeout: 6000 });
  await page.locator('.panel.shadow').screenshot({ path: `${folder}/walk-shadow-settled.png` });
  await page.getByRole('button', { name: 'Drop the wish for speed' }).click();
  await page.locator('.leaf.conflict').waitFor({ state: 'detached' });

  await page.getByRole('button', { name: '1h' }).click();
  await page.waitForTimeout(500);
  await page.locator('h1').click();
  await page.keyboard.press('Space');
  await page.getByText('paused').waitFor();
  const box = await page.locator('.u-over').first().boundingBox();
  await page.mouse.move(box.x + box.width * 0.4, box.y + 60);
  await page.waitForTimeout(200);
  await shoot(page, 'walk-chart-hour');
  await page.keyboard.press('Space');
  await page.keyboard.press('g');
  await page.keyboard.press('a');
  await page.getByRole('heading', { name: 'Alarms' }).waitFor();
  await page.getByRole('button', { name: 'Acknowledge', exact: true }).first().click();
  await page.getByText('Alarm acknowledged').waitFor();

  await page.goto(`${mock.url}/#/things`);
  await page.getByRole('button', { name: 'Create thing' }).click();
  await page.getByLabel('Name', { exact: true }).fill('new-sensor');
  await page.getByLabel('Type', { exact: true }).fill('sensor');
  await page.getByLabel('Site', { exact: true }).fill('plant1');
  await page.getByRole('dialog').getByRole('button', { name: 'Create thing' }).click();
  await page.getByText('shown only this once').waitFor();
  await shoot(page, 'walk-token');
  await page.keyboard.press('Escape');

  await page.goto(`${mock.url}/#/rules`);
  await page.getByRole('switch', { name: /night-light/ }).click();
  await page.getByText('night-light enabled').waitFor();
  await page.getByRole('button', { name: 'Edit' }).first().click();
  await page.getByLabel('SQL', { exact: true }).fill('DELETE everything');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('expected SELECT').waitFor();
  await shoot(page, 'walk-rule');
  await page.keyboard.press('Escape');

  mock.dropLinks();
  await page.locator('.banner').waitFor();
  await page.goto(`${mock.url}/#/`);
  await page.locator('.link.live').waitFor({ timeout: 8000 });
  await page.context().close();
}

async function contrast(mock) {
  for (const dark of [false, true]) {
    const page = await openPage(mock.url, { dark, phone: false });
    await signIn(page);
    await page.locator('.card').nth(23).waitFor();
    await page.waitForTimeout(1200);
    const tag = dark ? 'dark' : 'light';
    await checkContrast(page, `${tag} overview`);
    for (const hash of ['alarms', 'things', 'rules', 'status', 'device/press-03']) {
      await page.goto(`${mock.url}/#/${hash}`);
      await page.waitForTimeout(700);
      await checkContrast(page, `${tag} ${hash}`);
    }
    await page.context().close();
  }
}

const mock = await startMock();
const emptyMock = await startMock({ empty: true });
try {
  for (const dark of [false, true]) {
    for (const phone of [false, true])
      await everyPage(mock, { dark, phone }, `${phone ? 'phone' : 'desktop'}-${dark ? 'dark' : 'light'}`);
    const page = await openPage(emptyMock.url, { dark, phone: false });
    await signIn(page);
    await page.getByText('No device yet').waitFor();
    await shoot(page, `desktop-${dark ? 'dark' : 'light'}-empty`);
    await page.context().close();
  }
  await contrast(mock);
  await walk(mock);
} catch (error) {
  problems.push(`walk: ${error.stack}`);
} finally {
  await browser.close();
  await mock.close();
  await emptyMock.close();
}
problems.forEach((text) => console.error(text));
console.log(problems.length === 0 ? `all pages taken to ${folder}` : `${problems.length} problems`);
process.exit(problems.length === 0 ? 0 : 1);
