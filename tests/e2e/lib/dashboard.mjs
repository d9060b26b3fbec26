// The dashboard in Chromium, signed in as its first user.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { poorContrast } from '../../../web/dev/contrast.mjs';
import { openBrowser, openPage } from './browser.mjs';

export const PASSWORD = 'calm sea at dawn';
const PICTURES = process.env.DUNLIN_SCREENSHOTS ?? new URL('../../../build/screenshots', import.meta.url).pathname;

/** `expected`: patterns of faults that the test brings about. `pictures`: how its pictures' names begin. */
export async function openDashboard(server, { pictures, expected = [] }) {
  mkdirSync(PICTURES, { recursive: true });
  const origin = `https://localhost:${server.ports.https}`;
  const context = await openBrowser({ rootFile: server.rootFile });
  const page = await openPage(context, origin, expected);
  await page.goto(`${origin}/#/claim/${(await server.claimLink()).split('/').at(-1)}`);
  await page.getByLabel('New password').fill(PASSWORD);
  await page.getByLabel('The same again').fill(PASSWORD);
  await page.getByRole('button', { name: /Set password/ }).click();
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
  return new Dashboard(origin, context, page, pictures);
}

class Dashboard {
  constructor(origin, context, page, pictures) {
    Object.assign(this, { origin, context, page, pictures });
  }

  /** Of the whole page, which must fit into its window. */
  async picture(name, { scheme = 'light', page = this.page } = {}) {
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert(wide <= 0, `${name}: the page is ${wide} px wider than its window`);
    await page.screenshot({ path: `${PICTURES}/${scheme}-${this.pictures}-${name}.png`, fullPage: true });
  }

  /** A tab of the page Security. */
  async tab(name, hash) {
    await this.page.goto(`${this.origin}/#/${hash}`);
    const tabs = this.page.getByRole('navigation', { name: 'Security' });
    await tabs.getByRole('link', { name, exact: true }).and(this.page.locator('[aria-current=page]')).waitFor();
  }

  row(text) {
    return this.page.locator('tbody tr', { hasText: text });
  }

  dialog() {
    return this.page.locator('dialog');
  }

  /** Presses a button and says yes to what it asks, with a reason where one is given. */
  async doIt(name, reason) {
    await this.page.getByRole('button', { name, exact: true }).click();
    if (reason !== undefined) await this.page.getByLabel('Why (may be empty)').fill(reason);
    await this.page.getByRole('button', { name: 'Yes, do it' }).click();
  }

  /** No error on the console, no violation of the Content-Security-Policy, no request elsewhere. */
  noFaults() {
    assert.deepEqual(this.page.faults, []);
  }

  /** Each page in dark and in light, on a desktop and on a telephone; no text is pale. */
  async everyLook(hashes) {
    for (const scheme of ['dark', 'light']) {
      await this.page.emulateMedia({ colorScheme: scheme });
      for (const [name, hash] of Object.entries(hashes)) {
        await this.page.setViewportSize({ width: 1360, height: 860 });
        await this.page.goto(`${this.origin}/#/${hash}`);
        await this.page.locator('main h1').waitFor();
        await this.page.waitForTimeout(500);
        await this.picture(name, { scheme });
        assert.deepEqual(await poorContrast(this.page), [], `${scheme} ${name}`);
        await this.page.setViewportSize({ width: 390, height: 800 });
        await this.picture(`${name}-small`, { scheme });
      }
    }
    await this.page.setViewportSize({ width: 1360, height: 860 });
    this.noFaults();
  }
}
