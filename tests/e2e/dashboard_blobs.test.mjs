// Large binaries on the pages Storage, Query and of a device, in Chromium: previews of pictures, links, deleting; what devices send does
// nothing in the page.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { openDashboard } from './lib/dashboard.mjs';
import { until } from './lib/program.mjs';
import { start } from './lib/server.mjs';

const PIXEL = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
const EVIL = '<img src=x onerror="document.title=\'owned\'">.svg';
const idOf = (bytes) => `sha256-${createHash('sha256').update(bytes).digest('hex')}`;
let server;
let dashboard;
let page;

async function put(bytes, type, query) {
  const { status, text } = await server.request('POST', `/api/blobs?${new URLSearchParams(query)}`, { token: server.adminToken, body: bytes, headers: { 'Content-Type': type } });
  assert.equal(status, 201, text);
  return idOf(bytes);
}

before(async () => {
  server = await start();
  // A picture that is gone is asked for all the same, and the thing has no shadow.
  dashboard = await openDashboard(server, { pictures: 'blobs', expected: [/status of 404 .*\/(api\/blobs|shadow)/] });
  page = dashboard.page;
});
after(() => dashboard?.context.close());

const panel = () => page.getByRole('region', { name: 'Large binaries' });
const row = (text) => panel().locator('tbody tr', { hasText: text });

test('the page says when there are none', async () => {
  await page.goto(`${dashboard.origin}/#/storage`);
  await panel().getByText('There are none.').waitFor();
  dashboard.noFaults();
});

test('pictures are shown, names are text, and pages are not run', async () => {
  await put(PIXEL, 'image/png', { device: 'cam-1', name: 'frame.png' });
  await put(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>document.title="owned"</script></svg>'), 'image/svg+xml', { device: 'cam-2', name: EVIL.replace('/', '') });
  await put(Buffer.from('PK'), 'application/zip', { name: 'logs.zip', keep: '1h' });
  await page.reload();
  const picture = row('frame.png').getByRole('img', { name: 'Picture: frame.png' });
  await picture.waitFor();
  await until(() => picture.evaluate((image) => image.naturalWidth === 1), 'the picture');
  await row('cam-2').locator('td').first().getByText('onerror').waitFor();
  assert.equal(await row('cam-2').getByRole('img').count(), 0);
  assert.match(await row('logs.zip').innerText(), /application\/zip/);
  await panel().locator('.facts div', { hasText: 'Held, and may be' }).getByText(/^3 \//).waitFor();
  assert.match(await page.title(), /Dunlin/);
  await panel().getByLabel('Of the device').fill('cam-1');
  await panel().getByLabel('Of the device').press('Enter');
  await until(async () => (await panel().locator('tbody tr').count()) === 1, 'one row');
  dashboard.noFaults();
});

test('a sample that refers to one is a link and a picture', async () => {
  await server.api('POST', '/api/things', { name: 'cam-1', type: 'camera' });
  const value = `blob:${idOf(PIXEL)}`;
  await server.api('POST', '/api/series/write', { samples: [{ device: 'cam-1', channel: 'frame', value }, { device: 'cam-1', channel: 'gone', value: `blob:sha256-${'0'.repeat(64)}` }] });
  await page.goto(`${dashboard.origin}/#/device/cam-1`);
  const link = page.locator('.values-panel a.blob-value', { hasText: 'frame' });
  await link.waitFor();
  assert.equal(await link.getAttribute('href'), `/api/blobs/${idOf(PIXEL)}`);
  await until(() => link.locator('img').evaluate((image) => image.naturalWidth === 1), 'the picture');
  const gone = page.locator('.values-panel a.blob-value', { hasText: 'gone' });
  await until(async () => (await gone.locator('img').count()) === 0, 'no broken picture');
  await dashboard.picture('device');
  const [download] = await Promise.all([page.waitForEvent('download'), link.click()]);
  assert.equal(download.suggestedFilename(), 'frame.png');
  await page.goto(`${dashboard.origin}/#/query`);
  await page.getByLabel('Query (SQL)').fill("SELECT time, text FROM samples WHERE channel = 'frame'");
  await page.keyboard.press('Control+Enter');
  await page.getByRole('region', { name: 'Answer' }).first().getByRole('link', { name: value }).waitFor();
  dashboard.noFaults();
});

test('one is deleted after it was said what goes', async () => {
  await page.goto(`${dashboard.origin}/#/storage`);
  await row('frame.png').getByRole('button', { name: 'Details frame.png' }).click();
  const dialog = dashboard.dialog();
  await dialog.getByText(idOf(PIXEL)).waitFor();
  await until(() => dialog.getByRole('img', { name: 'Picture: frame.png' }).evaluate((image) => image.naturalWidth === 1), 'the picture');
  await dialog.getByRole('button', { name: 'Delete' }).click();
  await dialog.getByText('is deleted for good').waitFor();
  await dashboard.picture('delete');
  await dialog.getByRole('button', { name: 'Yes, do it' }).click();
  await until(async () => (await row('frame.png').count()) === 0, 'it to go');
  const { status } = await server.request('GET', `/api/blobs/${idOf(PIXEL)}`, { token: server.adminToken });
  assert.equal(status, 404);
  dashboard.noFaults();
});

test('it is seen well in dark and light, wide and narrow', async () => {
  await dashboard.everyLook({ storage: 'storage' });
});
