// Chromium with a home of its own, whose certificate store trusts one root: what a person gets who has imported it.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { run } from './program.mjs';
import { temporaryFolder } from './server.mjs';

const ARGS = [
  ...['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
];

async function trust(home, rootFiles) {
  const store = join(home, '.pki/nssdb');
  mkdirSync(store, { recursive: true });
  const certutil = async (...args) => {
    const { code, stderr } = await run('certutil', ['-d', `sql:${store}`, ...args]);
    assert.equal(code, 0, `certutil ${args.join(' ')}: ${stderr}`);
  };
  await certutil('-N', '--empty-password');
  for (const file of rootFiles) await certutil('-A', '-t', 'C,,', '-n', file, '-i', file);
}

/** Starts Chromium; `rootFile` may be left out: then no server of ours is trusted. `alsoTrusted`: further roots. */
export async function openBrowser({ rootFile, alsoTrusted = [], colorScheme = 'light' } = {}) {
  const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
  assert(existsSync(executablePath), `there is no ${executablePath}; tools/setup installs Chromium`);
  const home = temporaryFolder('home');
  if (rootFile) await trust(home, [rootFile, ...alsoTrusted]);
  const env = { ...process.env, HOME: home, XDG_CONFIG_HOME: join(home, '.config'), XDG_CACHE_HOME: join(home, '.cache') };
  const context = await chromium.launchPersistentContext(join(home, 'profile'), {
    executablePath,
    args: ARGS,
    env,
    headless: true,
    colorScheme,
    viewport: { width: 1360, height: 860 },
    ignoreHTTPSErrors: false,
  });
  context.setDefaultTimeout(20_000);
  return context;
}

/** A page whose faults are kept in `page.faults`: console errors, exceptions, CSP violations, requests to other hosts. */
export async function openPage(context, origin, expected = []) {
  const page = await context.newPage();
  page.faults = [];
  const fault = (text) => expected.some((pattern) => pattern.test(text)) || page.faults.push(text);
  await page.addInitScript(() => {
    addEventListener('securitypolicyviolation', (e) => console.error(`CSP: ${e.violatedDirective} ${e.blockedURI} ${e.sourceFile}`));
  });
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && fault(`console: ${message.text()} ${message.location().url}`));
  page.on('pageerror', (error) => fault(`uncaught: ${error.stack ?? error.message}`));
  page.on('request', (request) => {
    if (!request.url().startsWith(origin) && !/^(blob|data):/.test(request.url())) fault(`request to another host: ${request.url()}`);
  });
  return page;
}
