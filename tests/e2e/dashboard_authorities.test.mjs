// The page Security, Authorities, in Chromium: our own intermediates and root, and authorities of others. What a person does there is
// seen by openssl, curl and devices.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openDashboard } from './lib/dashboard.mjs';
import { connect, disconnectAll } from './lib/mqtt.mjs';
import { run, until } from './lib/program.mjs';
import { start, temporaryFolder } from './lib/server.mjs';

const PASSPHRASE = 'a long walk by the sea';
const SCRIPT = `<img src=x onerror=globalThis.ran='x'>`;
const folder = temporaryFolder('authorities');
const file = (name) => join(folder, name);
const text = (name) => readFileSync(file(name), 'utf8');
let server;
let board;
let page;

before(async () => {
  server = await start();
  board = await openDashboard(server, { pictures: 'authorities', expected: [/status of (400|403|409)/] });
  page = board.page;
});
after(async () => {
  await board?.context.close();
  disconnectAll();
});

async function openssl(...args) {
  const { code, stdout, stderr } = await run('openssl', args);
  assert.equal(code, 0, `openssl ${args.join(' ')}: ${stderr}`);
  return stdout;
}
const issuers = async () => (await server.cliJson('ca', 'list')).issuers;
async function audited(action) {
  const { records } = await server.api('GET', `/api/audit?action=${action}`);
  assert(records.length > 0, `no record of ${action}`);
}
/** Saves what a link or a button gives. */
async function saved(name, press) {
  const [download] = await Promise.all([page.waitForEvent('download'), press()]);
  await download.saveAs(file(name));
  return file(name);
}

describe('our own authority', () => {
  test('root and intermediate are shown, and their certificate and list can be had', async () => {
    await board.tab('Authorities', 'authorities');
    const [issuer] = await issuers();
    await board.row(issuer.name).getByText('Issues now').waitFor();
    await page.getByText('Its key is on this server').waitFor();
    await board.picture('own');
    const root = await saved('root.pem', () => page.getByRole('link', { name: 'Root certificate' }).click());
    assert.equal(readFileSync(root, 'utf8').trim(), server.root.trim());
    const { roots } = await server.cliJson('ca', 'list');
    const fingerprint = (await openssl('x509', '-noout', '-fingerprint', '-sha256', '-in', root)).split('=')[1].replaceAll(':', '').trim().toLowerCase();
    assert.deepEqual([roots.length, roots[0].fingerprint], [1, fingerprint]);
    await page.getByText(fingerprint, { exact: true }).waitFor();
    await board.row(issuer.name).getByRole('button', { name: 'Details' }).click();
    await board.dialog().getByText('It issues now').waitFor();
    const list = await saved('list.crl', () => page.getByRole('link', { name: 'Revocation list' }).click());
    writeFileSync(file('issuer.pem'), issuer.certificate);
    const { stderr } = await run('openssl', ['crl', '-inform', 'DER', '-in', list, '-CAfile', file('issuer.pem'), '-noout']);
    assert.match(stderr, /verify OK/);
    await board.picture('issuer');
    await page.keyboard.press('Escape');
    board.noFaults();
  });

  test('another intermediate issues, the one before is forgotten when nothing of it is in use, or with what is', async () => {
    const [first] = await issuers();
    await server.thing('press-01');
    const device = await connect(server, await server.certificate('press-01'), { transport: 'tls', clientId: 'press-01' });
    const closed = new Promise((resolve) => device.once('close', resolve));
    await page.getByRole('button', { name: 'New intermediate' }).click();
    await board.picture('rotate');
    await page.getByRole('button', { name: 'Make it and let it issue' }).click();
    await board.dialog().waitFor({ state: 'detached' });
    const [second] = await issuers();
    assert.notEqual(second.issuer, first.issuer);
    await board.row(second.issuer).getByText('Issues now').waitFor();
    await board.row(first.issuer).getByText('Trusted').waitFor();
    assert.equal(device.connected, true, 'no connection ends');

    await board.row(first.issuer).getByRole('button', { name: 'Details' }).click();
    await board.doIt('Forget');
    await page.getByText(/1 certificates of it can still be used/).waitFor();
    await board.picture('forget-refused');
    await board.doIt('Let it issue');
    await board.dialog().getByText('Issues now', { exact: true }).waitFor();
    assert.equal((await issuers())[0].issuer, first.issuer);
    await page.keyboard.press('Escape');
    await board.row(second.issuer).getByRole('button', { name: 'Details' }).click();
    await board.doIt('Let it issue');
    await board.dialog().getByText('Issues now', { exact: true }).waitFor();
    await page.keyboard.press('Escape');
    await board.row(first.issuer).getByRole('button', { name: 'Details' }).click();
    await board.doIt('Forget and revoke');
    await closed;
    await board.row(first.issuer).waitFor({ state: 'detached' });
    await audited('ca.rotate');
    await audited('ca.forget');
    board.noFaults();
  });

  test('the root goes offline, and openssl signs what is requested and imported here', async () => {
    await page.getByRole('button', { name: 'Take the key offline' }).click();
    const passphrases = page.getByLabel('Passphrase, at least 12 characters');
    await passphrases.first().fill(PASSPHRASE);
    await page.getByLabel('The same again').fill(`${PASSPHRASE}!`);
    await page.getByRole('button', { name: 'Save the key' }).click();
    await page.getByText('The two passwords differ').waitFor();
    await page.getByLabel('The same again').fill(PASSPHRASE);
    await saved('root-key.pem', () => page.getByRole('button', { name: 'Save the key' }).click());
    assert.match(text('root-key.pem'), /BEGIN ENCRYPTED PRIVATE KEY/);
    const shown = await page.locator('body').innerText();
    assert(!shown.includes('BEGIN ENCRYPTED') && !shown.includes(PASSPHRASE));
    await board.picture('root-offline');
    await board.dialog().locator('input[type=file]').setInputFiles(file('root-key.pem'));
    await passphrases.last().fill('not the right passphrase');
    await page.getByRole('button', { name: 'Remove the key from this server' }).click();
    await page.getByText(/passphrase does not open/).waitFor();
    await passphrases.last().fill(PASSPHRASE);
    await page.getByRole('button', { name: 'Remove the key from this server' }).click();
    await page.getByText('Its key is not on this server').waitFor();
    assert(!existsSync(join(server.data, 'pki/root.key')));
    await page.getByRole('button', { name: 'New intermediate' }).waitFor({ state: 'detached' });

    await page.getByRole('button', { name: 'Request', exact: true }).click();
    await saved('next.csr', () => page.getByRole('button', { name: 'Save as a file' }).click());
    await board.picture('request');
    await page.keyboard.press('Escape');
    writeFileSync(file('next.cnf'), 'basicConstraints = critical, CA:TRUE, pathlen:0\nkeyUsage = critical, keyCertSign, cRLSign\nsubjectKeyIdentifier = hash\nauthorityKeyIdentifier = keyid\n');
    const sign = ['-CA', server.rootFile, '-CAkey', file('root-key.pem'), '-passin', `pass:${PASSPHRASE}`, '-days', '900', '-sha256', '-extfile', file('next.cnf')];
    await openssl('x509', '-req', '-in', file('next.csr'), ...sign, '-out', file('next.pem'));
    await page.getByRole('button', { name: 'Import', exact: true }).click();
    await page.getByLabel('Certificate (PEM)', { exact: true }).fill(server.root);
    await board.dialog().getByRole('button', { name: 'Import' }).click();
    await board.dialog().locator('[role=alert]').waitFor();
    await page.getByLabel('Certificate (PEM)', { exact: true }).fill(text('next.pem'));
    await board.dialog().getByRole('button', { name: 'Import' }).click();
    await board.dialog().waitFor({ state: 'detached' });
    const [issuing] = await issuers();
    await board.row(issuing.issuer).getByText('Issues now').waitFor();
    assert.match(await openssl('x509', '-noout', '-text', '-in', file('next.pem')), /CA:TRUE/);
    assert.equal(issuing.certificate.trim(), text('next.pem').slice(text('next.pem').indexOf('-----BEGIN')).trim());
    for (const action of ['ca.export-root', 'ca.remove-root', 'ca.request', 'ca.import']) await audited(action);
    board.noFaults();
  });
});

describe('authorities of others', () => {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  async function issue(name, subject) {
    await openssl('req', '-new', ...key, '-subj', subject, '-keyout', file(`${name}.key`), '-out', file(`${name}.csr`));
    await openssl('x509', '-req', '-in', file(`${name}.csr`), '-CA', file('acme.pem'), '-CAkey', file('acme.key'), '-CAcreateserial', '-days', '5', '-out', file(`${name}.pem`));
    return { cert: file(`${name}.pem`), key: file(`${name}.key`) };
  }
  const device = async (name) => ({ ...(await issue(name, `/CN=${name}`)), ca: server.rootFile });
  const enters = (who, name) => connect(server, who, { transport: 'tls', clientId: name, reconnectPeriod: 0 });

  test('one is registered with the proof that its key is held; a wrong one is refused', async () => {
    await openssl('req', '-x509', ...key, '-subj', `/CN=${SCRIPT}/O=Acme`, '-days', '5', '-keyout', file('acme.key'), '-out', file('acme.pem'));
    await board.tab('Authorities', 'authorities');
    await page.getByText('None. Devices whose certificates').waitFor();
    await page.getByRole('button', { name: 'Register an authority' }).click();
    await page.getByRole('button', { name: 'Get a code' }).click();
    const code = (await board.dialog().locator('pre').first().innerText()).trim();
    assert.match(await board.dialog().locator('pre').nth(1).innerText(), new RegExp(`CN=${code}`));
    await issue('wrong', '/CN=not-the-code');
    await issue('proof', `/CN=${code}`);
    const fill = async (proof) => {
      await page.getByLabel('Certificate of the authority (PEM)', { exact: true }).fill(text('acme.pem'));
      await page.getByLabel('Proof: the certificate with the code (PEM)', { exact: true }).fill(text(`${proof}.pem`));
    };
    await fill('wrong');
    await page.getByLabel('What it is for').fill(SCRIPT);
    await page.getByText('What becomes of a device').click();
    await page.getByLabel('Type', { exact: true }).fill('machine');
    await page.getByRole('button', { name: 'Register', exact: true }).click();
    await board.dialog().locator('[role=alert]').waitFor();
    await board.picture('register');
    await fill('proof');
    await page.getByRole('button', { name: 'Register', exact: true }).click();
    await board.dialog().waitFor({ state: 'detached' });
    await board.row(SCRIPT).getByText('Accepted').waitFor();
    await board.row(SCRIPT).getByText('are refused').waitFor();
    await assert.rejects(enters(await device('saw-01'), 'saw-01'));
    assert.equal(await page.evaluate(() => globalThis.ran ?? null), null);
    board.noFaults();
  });

  test('unknown devices register themselves once that is switched on, by the template', async () => {
    await board.row(SCRIPT).getByRole('button', { name: 'Details' }).click();
    await page.getByLabel('Devices that are not known register themselves').check();
    await page.getByText('What becomes of a device').click();
    await page.getByLabel('Most devices (0: no limit)').fill('1');
    await board.picture('authority');
    await page.getByRole('button', { name: 'Save' }).click();
    await board.row(SCRIPT).getByText('register themselves').waitFor();
    await page.keyboard.press('Escape');
    const saw = await enters(await device('saw-01'), 'saw-01');
    assert.equal(saw.connected, true);
    assert.equal((await server.api('GET', '/api/things/saw-01')).type, 'machine');
    await assert.rejects(enters(await device('saw-02'), 'saw-02'), 'the quota is reached');
    await until(async () => (await board.row(SCRIPT).innerText()).includes('1'), 'the count', { timeout: 10_000 });
    board.noFaults();
  });

  test('one that is switched off lets no device in, one that is removed is gone', async () => {
    await board.row(SCRIPT).getByRole('button', { name: 'Details' }).click();
    await page.getByLabel('Certificates of it are accepted').uncheck();
    await page.getByRole('button', { name: 'Save' }).click();
    await board.row(SCRIPT).getByText('Switched off').waitFor();
    await assert.rejects(enters({ cert: file('saw-01.pem'), key: file('saw-01.key'), ca: server.rootFile }, 'saw-01/2'));
    await board.doIt('Remove');
    await page.getByText('None. Devices whose certificates').waitFor();
    for (const action of ['authority.register', 'authority.update', 'authority.delete']) await audited(action);
    board.noFaults();
  });

  test('the page in dark, and on a telephone', () => board.everyLook({ page: 'authorities' }));
});
