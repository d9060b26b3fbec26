// The page Security in Chromium: certificates, enrolment, policies, users, the audit log. What a person does there is seen at the
// devices: a revoked one is cut off, an approved one comes in, a changed policy holds.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openDashboard, PASSWORD } from './lib/dashboard.mjs';
import { connect, disconnectAll } from './lib/mqtt.mjs';
import { run, until } from './lib/program.mjs';
import { start, temporaryFolder } from './lib/server.mjs';

const NAME = 'press-01';
let server;
let board;
let page;

before(async () => {
  server = await start();
  await server.thing(NAME, { attributes: { site: 'plant1' } });
  board = await openDashboard(server, { pictures: 'security' });
  page = board.page;
});
after(async () => {
  await board?.context.close();
  disconnectAll();
});

const picture = (name) => board.picture(name);
const tab = (name, hash) => board.tab(name, hash);
const noFaults = () => board.noFaults();
const row = (text) => board.row(text);

describe('certificates', () => {
  test('the empty list says how to get one', async () => {
    await page.keyboard.press('g');
    await page.keyboard.press('u');
    await page.getByText('No certificates yet').waitFor();
    noFaults();
  });

  test('one is found, and revoking it cuts the device off at once', async () => {
    const who = await server.certificate(NAME);
    const device = await connect(server, who, { transport: 'tls', clientId: NAME });
    const closed = new Promise((resolve) => device.once('close', resolve));
    await tab('Certificates', 'certificates');
    await page.reload();
    await row(NAME).getByText('Good').waitFor();
    await picture('certificates');
    await page.getByPlaceholder('Device or fingerprint').fill(who.fingerprint.slice(0, 8));
    await row(NAME).getByRole('button', { name: 'Details' }).click();
    await page.getByText(who.fingerprint, { exact: true }).waitFor();
    await picture('certificate');
    await page.getByRole('button', { name: 'Revoke', exact: true }).click();
    await page.getByRole('button', { name: 'Yes, do it' }).click();
    await closed;
    await page.locator('dialog').getByText('Revoked', { exact: true }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Revoked', exact: true }).click();
    await row(NAME).waitFor();
    await page.getByRole('button', { name: 'Expired', exact: true }).click();
    await page.getByText('Nothing matches').waitFor();
    noFaults();
  });
});

describe('enrolment', () => {
  const folder = temporaryFolder('enrol');
  async function request(name) {
    const [key, csr] = [join(folder, `${name}.key`), join(folder, `${name}.csr`)];
    const { code, stderr } = await run('openssl', ['req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', `/CN=${name}`, '-keyout', key, '-out', csr]);
    assert.equal(code, 0, stderr);
    return readFileSync(csr, 'utf8');
  }
  let code;

  test('a code is made, shown once with its picture', async () => {
    await tab('Enrolment', 'enrolment');
    await page.getByText('Nobody waits').waitFor();
    await page.getByText('No code is open').waitFor();
    await page.getByRole('button', { name: 'New code' }).click();
    await page.getByLabel('What it is for').fill('hall 2');
    await page.getByLabel('Devices that may use it').fill('2');
    await page.getByLabel('Each device waits for approval').check();
    await page.locator('dialog').getByRole('button', { name: 'New code' }).click();
    const image = page.getByAltText('The code as a QR code');
    await image.waitFor();
    assert(await image.evaluate(async (element) => (await element.decode(), element.naturalWidth > 0)));
    code = (await page.locator('dialog pre').innerText()).trim();
    assert.match(code, /^\w{4}-\w{4}-\w{4}-\w{4}$/);
    await picture('code');
    await page.keyboard.press('Escape');
    await row('hall 2').waitFor();
    assert(!(await page.locator('main').innerText()).includes(code));
    noFaults();
  });

  test('who uses it waits, and comes in when approved; another is turned away', async () => {
    const requests = { 'saw-01': await request('saw-01'), 'saw-02': await request('saw-02') };
    const ask = (name) => server.request('POST', '/api/enrol', { body: { code, csr: requests[name] } });
    for (const name of Object.keys(requests)) {
      const asked = await ask(name);
      assert.equal(asked.status, 202, asked.text);
    }
    await row('saw-01').getByText('Waiting').waitFor();
    await picture('enrolment');
    await page.getByRole('button', { name: 'Approve saw-01' }).click();
    await page.getByRole('button', { name: 'Reject saw-02' }).click();
    await row('saw-02').getByText('Rejected').waitFor();
    const came = await ask('saw-01');
    assert.equal(came.status, 201, came.text);
    assert.equal((await ask('saw-02')).status, 403);
    await row('saw-01').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Forget saw-02' }).click();
    await row('saw-02').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Take code hall 2 back' }).click();
    await page.getByText('No code is open').waitFor();
    noFaults();
  });
});

describe('policies', () => {
  const ask = async (who, action, on) => {
    await page.getByLabel('Name').fill(who);
    await page.getByLabel('May it').selectOption(action);
    await page.getByLabel('Topic, filter or client id').fill(on);
    await page.getByRole('button', { name: 'Ask' }).click();
    return page.locator('.verdict').innerText();
  };

  test('the simulator says what the server would, and by which statement', async () => {
    await tab('Policies', 'policies');
    assert.match(await ask(NAME, 'publish', `demo/plant1/machine/${NAME}/value`), /Yes: allowed by statement \d of policy device/);
    await picture('policies');
    await page.getByLabel('Topic, filter or client id').fill('');
    await page.locator('.verdict').waitFor();
    assert.match(await ask(NAME, 'publish', 'demo/plant1/machine/other/value'), /No: no statement allows it/);
    const { code, stdout } = await server.cli('policy', 'test', '--thing', NAME, '--action', 'connect', '--on', NAME);
    assert.equal(code, 0);
    assert.match(stdout, /allowed by statement/);
    noFaults();
  });

  test('a change holds at once, a broken one is refused with its place', async () => {
    const thing = await server.thing('press-02', { attributes: { site: 'plant1' } });
    const device = await connect(server, thing, { clientId: 'press-02' });
    const publish = () => device.publishAsync('demo/plant1/machine/press-02/value', '1', { qos: 1 });
    await publish();
    await page.getByRole('button', { name: 'Edit device' }).click();
    const document = page.getByLabel('Document (JSON)');
    const before = JSON.parse(await document.inputValue());
    await document.fill(JSON.stringify({ statements: [{ effect: 'perhaps' }] }));
    await page.getByRole('button', { name: 'Save' }).click();
    await page.locator('dialog [role=alert]', { hasText: 'statements[0]' }).waitFor();
    await picture('policy');
    const deny = { effect: 'deny', actions: ['mqtt:publish'], resources: ['topic/demo/#'] };
    await document.fill(JSON.stringify({ ...before, statements: [...before.statements, deny] }));
    await page.getByRole('button', { name: 'Save' }).click();
    await page.locator('dialog').waitFor({ state: 'detached' });
    await assert.rejects(publish(), /Not authorized/i);
    assert.match(await ask('press-02', 'publish', 'demo/plant1/machine/press-02/value'), /No: denied by statement/);
    page.faults = page.faults.filter((text) => !/status of 400 .*\/api\/policies/.test(text));
    noFaults();
  });

  test('one is attached to a group and detached again; the page of a device shows what it has by it', async () => {
    await server.cliJson('policy', 'put', 'lab', '--document', '{"statements":[{"effect":"allow","actions":["mqtt:publish"],"resources":["topic/lab/#"]}]}');
    await server.cliJson('group', 'create', '--name', 'line-1');
    await server.cliJson('group', 'add', 'line-1', NAME);
    await page.reload();
    await page.getByRole('button', { name: 'Edit lab' }).click();
    await page.getByText('It is attached to nothing.').waitFor();
    await page.locator('.attached select').selectOption('group');
    await page.getByLabel('Name or fingerprint').fill('line-1');
    await page.getByRole('button', { name: 'Attach', exact: true }).click();
    await page.locator('.attached li', { hasText: 'group:line-1' }).waitFor();
    await picture('policy-attached');
    await page.keyboard.press('Escape');
    await page.locator('dialog').waitFor({ state: 'detached' });
    assert.match(await ask(NAME, 'publish', 'lab/a'), /Yes: allowed by statement 0 of policy lab, attached to group line-1/);
    await page.goto(page.url().replace(/#.*/, `#/device/${NAME}`));
    await page.locator('.panel', { hasText: 'Groups and policies' }).getByText('Group line-1').waitFor();
    await picture('device-attached');
    await tab('Policies', 'policies');
    await page.getByRole('button', { name: 'Edit lab' }).click();
    await page.getByRole('button', { name: 'Detach it from group:line-1' }).click();
    await page.getByText('It is attached to nothing.').waitFor();
    await page.keyboard.press('Escape');
    await page.locator('dialog').waitFor({ state: 'detached' });
    assert.match(await ask(NAME, 'publish', 'lab/a'), /No: no statement allows it/);
    page.faults = page.faults.filter((text) => !/status of 404 .*\/shadow/.test(text));  // the device has none
    noFaults();
  });
});

describe('users', () => {
  test('one is made, gets a role and a token that works, and is removed with them', async () => {
    await server.cliJson('role', 'create', '--name', 'line-lead', '--about', 'leads <a> line', '--permissions', '["alarms:write"]');
    await tab('Users', 'accounts');
    await page.getByRole('button', { name: 'New user' }).click();
    await page.locator('dialog').getByLabel('Name').fill('bob');
    await page.getByLabel('Password').fill(PASSWORD);
    await page.getByLabel('Permissions').fill('things:read');
    await page.locator('dialog').getByRole('button', { name: 'New user' }).click();
    await row('bob').filter({ hasText: 'viewer' }).waitFor();
    await picture('users');
    await row('bob').getByRole('button', { name: 'Details' }).click();
    await page.getByRole('checkbox', { name: 'viewer' }).uncheck();
    await page.getByRole('checkbox', { name: 'line-lead' }).check();
    await page.getByRole('button', { name: 'Change the roles' }).click();
    await row('bob').filter({ hasText: 'line-lead' }).waitFor();
    assert.deepEqual((await server.api('GET', '/api/users')).users.find(({ name }) => name === 'bob').roles, ['line-lead']);
    await row('bob').getByRole('button', { name: 'Details' }).click();
    await page.getByRole('button', { name: 'New token' }).click();
    await page.getByLabel('What it is for').fill('report');
    await page.locator('dialog form').getByRole('button', { name: 'New token' }).click();
    const token = (await page.locator('dialog pre').innerText()).trim();
    assert.equal((await server.request('GET', '/api/things', { token })).status, 200);
    assert.equal((await server.request('GET', '/api/users', { token })).status, 403);
    await page.locator('.token-list li', { hasText: 'report' }).waitFor();
    await picture('user');
    await page.getByRole('button', { name: 'Remove', exact: true }).click();
    await page.getByRole('button', { name: 'Yes, do it' }).click();
    await row('bob').waitFor({ state: 'detached' });
    await until(async () => (await server.request('GET', '/api/things', { token })).status === 401, 'the token to end');
    noFaults();
  });
});

describe('the audit log', () => {
  test('shows what was done on these pages, is searched and verified', async () => {
    await tab('Audit', 'audit');
    await row('user.delete').waitFor();
    await row('certificate.revoke').waitFor();
    await picture('audit');
    await page.getByPlaceholder('Action begins with').fill('enrolment.');
    await row('user.delete').first().waitFor({ state: 'detached' });
    await row('saw-02').first().waitFor();
    await page.getByRole('button', { name: 'Verify the log' }).click();
    await page.getByText(/The log is whole: \d+ records/).waitFor();
    noFaults();
  });

  test('the pages in dark, and on a telephone', async () => {
    await board.everyLook(Object.fromEntries(['certificates', 'enrolment', 'policies', 'accounts', 'audit'].map((name) => [name, name])));
  });
});
