// The dashboard in Chromium under attack: script in every text that a device chooses, another site that rides on the session, a
// session that somebody else has planted, guessed passwords, frames around the page.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openBrowser, openPage } from './lib/browser.mjs';
import { makeAuthority } from './lib/identities.mjs';
import { connect, disconnectAll } from './lib/mqtt.mjs';
import { run, sleep, until } from './lib/program.mjs';
import { start, temporaryFolder } from './lib/server.mjs';

const PASSWORD = 'calm sea at dawn';
const NAME = 'press-01';
const PAGES = [
  ...['', 'alarms', 'things', 'rules', 'connections', 'groups', 'retained', 'bridges', 'trace', 'status', `device/${NAME}`],
  ...['certificates', 'authorities', 'enrolment', 'quarantine', 'policies', 'accounts', 'audit', 'me'],
];
const folder = temporaryFolder('web-security');
let server;
let origin;
let context;
let page;
let evil; // another server on the same host: the same site to a browser, another origin
let evilOrigin;

/** Each in a form that runs where a text becomes markup, an attribute, a script or an address. */
const ATTACKS = [
  (where) => `<img src=x onerror="globalThis.ran='${where}'">`,
  (where) => `"><svg onload="globalThis.ran='${where}'">`,
  (where) => `</script><script>globalThis.ran='${where}'</script>`,
  (where) => `'-(globalThis.ran='${where}')-'`,
  (where) => `javascript:globalThis.ran='${where}'`,
  (where) => `{{constructor.constructor("globalThis.ran='${where}'")()}}`,
];
const all = (where) => ATTACKS.map((attack) => attack(where)).join(' ');
/** One without what no topic level, client id or group may hold. */
const level = (where) => `<img src=x onerror=globalThis.ran='${where}'>`;

async function openssl(...args) {
  const { code, stderr } = await run('openssl', args);
  assert.equal(code, 0, stderr);
}

/** An HTTPS server that a browser trusts, with pages of its own. */
async function startEvil(authority) {
  const [key, csr, cert, names] = ['evil.key', 'evil.csr', 'evil.pem', 'evil.cnf'].map((name) => join(folder, name));
  await openssl('req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=localhost', '-keyout', key, '-out', csr);
  await run('sh', ['-c', `echo 'subjectAltName=DNS:localhost' > '${names}'`]);
  await openssl('x509', '-req', '-in', csr, '-CA', authority.cert, '-CAkey', authority.key, '-set_serial', '7', '-days', '5', '-extfile', names, '-out', cert);
  // Sent as text, the two halves and the "=" between them are JSON.
  const form = `<form id=f method=post enctype="text/plain" action="${origin}/api/things"><input name='{"name": "csrf-form", "type": "' value='"}'></form>`;
  const pages = {
    '/': '<title>evil</title>',
    '/form': `${form}<script>document.getElementById('f').submit()</script>`,
    '/frame': `<iframe id=f src="${origin}/"></iframe>`,
  };
  evil = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (request, response) => {
    response.setHeader('Content-Type', 'text/html');
    response.end(pages[request.url] ?? '');
  });
  await new Promise((resolve) => evil.listen(0, '127.0.0.1', resolve));
  evilOrigin = `https://localhost:${evil.address().port}`;
}

before(async () => {
  server = await start();
  origin = `https://localhost:${server.ports.https}`;
  const authority = await makeAuthority(folder, 'Another site');
  await startEvil(authority);
  context = await openBrowser({ rootFile: server.rootFile, alsoTrusted: [authority.cert] });
  page = await openPage(context, origin, [/status of 404 .*\/shadow/, /status of (401|429)/]);
  page.on('dialog', (dialog) => {
    page.faults.push(`a dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
});
after(async () => {
  await context?.close();
  disconnectAll();
  evil?.closeAllConnections();
  evil?.close();
});

/** Nothing of what devices have sent has become code or markup. */
async function isHarmless(where) {
  const found = await page.evaluate(() => ({
    ran: globalThis.ran ?? null,
    markup: [...document.querySelectorAll('img[onerror], svg[onload], [src^="javascript:"], [href^="javascript:"]')].map((one) => one.outerHTML),
    scripts: [...document.scripts].filter((one) => !one.src || !one.src.startsWith(location.origin)).map((one) => one.outerHTML),
  }));
  assert.deepEqual(found, { ran: null, markup: [], scripts: [] }, where);
  assert.deepEqual(page.faults, [], where);
}

const cookieOf = async () => (await context.cookies(origin)).find(({ name }) => name === 'dunlin_session');

describe('signing in', () => {
  test('a session that somebody has planted is not taken over', async () => {
    const planted = 'ses_0123456789abcdef_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';
    await context.addCookies([{ name: 'dunlin_session', value: planted, domain: 'localhost', path: '/', httpOnly: true, secure: true, sameSite: 'Strict' }]);
    const token = (await server.claimLink()).split('/').at(-1);
    await page.goto(`${origin}/#/claim/${token}`);
    await page.getByLabel('New password').fill(PASSWORD);
    await page.getByLabel('The same again').fill(PASSWORD);
    await page.getByRole('button', { name: /Set password/ }).click();
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    const first = await cookieOf();
    assert.notEqual(first.value, planted);
    assert.equal((await server.request('GET', '/api/things', { tls: true, cookie: `dunlin_session=${planted}` })).status, 401);
    // Signing in again makes another session and ends the one that was shown with it; signing out ends that one too.
    const signIn = async (cookie) => {
      const answer = await server.request('POST', '/api/session', { tls: true, csrf: true, cookie, body: { user: 'admin', password: PASSWORD } });
      return answer.headers['set-cookie'][0].match(/dunlin_session=[^;]+/)[0];
    };
    const ask = async (cookie) => (await server.request('GET', '/api/things', { tls: true, cookie })).status;
    const second = await signIn();
    const third = await signIn(second);
    assert.equal(new Set([`dunlin_session=${first.value}`, second, third]).size, 3);
    assert.deepEqual([await ask(second), await ask(third)], [401, 200]);
    await server.request('DELETE', '/api/session', { tls: true, csrf: true, cookie: third });
    assert.deepEqual([await ask(third), await ask(`dunlin_session=${first.value}`)], [401, 200]);
  });

  test('the cookie is kept from scripts, from plain text and from other sites', async () => {
    const cookie = await cookieOf();
    assert.deepEqual([cookie.httpOnly, cookie.secure, cookie.sameSite, cookie.path, cookie.domain], [true, true, 'Strict', '/', 'localhost']);
    assert.equal(await page.evaluate(() => document.cookie), '');
    const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
    assert(!kept.includes(cookie.value));
  });
});

/** Certificates whose subjects are script: an authority of others, and devices of it, one that waits and one whose name is none. */
async function evilCertificates() {
  const file = (name) => join(folder, name);
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  await openssl('req', '-x509', ...key, '-subj', `/CN=${level('authority')}/O=${level('organisation')}`, '-days', '5', '-keyout', file('x.key'), '-out', file('x.pem'));
  const issue = async (name, subject) => {
    await openssl('req', '-new', ...key, '-subj', subject, '-keyout', file(`${name}.key`), '-out', file(`${name}.csr`));
    const sign = ['-CA', file('x.pem'), '-CAkey', file('x.key'), '-CAcreateserial', '-days', '5'];
    await openssl('x509', '-req', '-in', file(`${name}.csr`), ...sign, '-out', file(`${name}.pem`));
    return { cert: file(`${name}.pem`), key: file(`${name}.key`) };
  };
  const { code } = await server.api('POST', '/api/authorities/code', {});
  const proof = await issue('proof', `/CN=${code}`);
  const texts = { certificate: readFileSync(file('x.pem'), 'utf8'), proof: readFileSync(proof.cert, 'utf8') };
  await server.api('POST', '/api/authorities', { ...texts, label: all('label').slice(0, 120), auto_registration: true, approval: 'queue' });
  for (const [name, subject] of [['waits', `/CN=saw-01/O=${level('subject')}`], ['nameless', `/CN=${level('name')}`]]) {
    const who = await issue(name, subject);
    await assert.rejects(connect(server, who, { clientId: 'saw-01', transport: 'tls' }));
  }
}

describe('script in what devices send', () => {
  let device;
  before(async () => {
    const attributes = { site: all('site'), model: all('attribute'), note: all('note') };
    const thing = await server.thing(NAME, { type: 'machine', attributes });
    await server.api('PUT', '/api/rules/evil', {
      sql: "SELECT * FROM 'demo/+/machine/+/note'",
      description: all('rule'),
      actions: [{ alarm: { name: 'evil', severity: 'critical', message: '${value}' } }],
    });
    device = await connect(server, thing, { clientId: `${NAME}/${level('client')}` });
    const send = (topic, payload, options) => device.publishAsync(topic, payload, { qos: 1, ...options });
    const at = (channel) => `demo/plant1/machine/${NAME}/${channel}`;
    await send(at('temperature'), JSON.stringify({ value: 21, unit: level('unit'), quality: all('quality') }));
    await send(at('temperature'), JSON.stringify({ value: 21 }));
    await send(at('note'), JSON.stringify({ value: all('value') }));
    await send(at('word'), JSON.stringify(all('text')));
    await send(at('state'), all('payload'));
    await send(at(level('channel')), '21.5');
    await send(at('map'), JSON.stringify({ [all('member')]: 7 }));
    const properties = { contentType: all('content type'), responseTopic: level('response'), userProperties: { [all('name')]: all('property') } };
    await send(at(level('retained')), all('retained'), { retain: true, properties });
    const picture = `<svg xmlns="http://www.w3.org/2000/svg"><script>globalThis.ran='picture'</script></svg>`;
    await send(`demo/plant1/camera/${NAME}/frame`, picture);
    const reported = { [all('shadow key')]: all('shadow value'), deep: { [level('k')]: [all('shadow list')] } };
    await send(`$dunlin/things/${NAME}/shadow/update`, JSON.stringify({ state: { reported } }));
    const group = await connect(server, thing, { clientId: `${NAME}/group` });
    await group.subscribeAsync(`$share/${level('group')}/${at('jobs')}`, { qos: 1 });
    await evilCertificates();
    await server.api('POST', '/api/enrolment/codes', { thing: 'saw-02', label: all('label').slice(0, 120) });
    await server.api('PUT', '/api/policies/evil', { document: { description: all('policy'), statements: [] } });
    const refused = { name: all('user'), password: all('password') };
    await connect(server, refused, { clientId: level('stranger') }).catch(() => {});
    const headers = { 'User-Agent': all('agent'), Referer: all('referer') };
    await server.request('POST', '/api/session', { csrf: true, headers, body: { user: all('user'), password: all('password') } });
    await until(async () => (await server.api('GET', '/api/alarms')).alarms.length > 0, 'the alarm');
  });

  for (const hash of PAGES) {
    test(`page ${hash || 'overview'}`, async () => {
      await page.goto(`${origin}/#/${hash}`);
      await page.reload();
      await page.locator('main h1').waitFor();
      if (hash === 'trace') {
        await page.getByLabel('Topic filter (empty: all)').fill('demo/#');
        await page.getByLabel('Payloads').check();
        await page.getByRole('button', { name: 'Start' }).click();
        await device.publishAsync(`demo/plant1/machine/${NAME}/${level('traced')}`, all('traced'), { qos: 1 });
        await page.locator('tr', { hasText: 'traced' }).first().waitFor();
      }
      if (hash === 'retained') await page.getByRole('searchbox', { name: /Topic filter/ }).fill('demo/#');
      await page.waitForTimeout(700);
      await isHarmless(hash);
      // Every row's details too.
      const details = page.getByRole('button', { name: /^Details / });
      for (let i = 0, count = Math.min(await details.count(), 4); i < count; ++i) {
        await details.nth(i).click();
        await page.getByRole('dialog').waitFor();
        await page.waitForTimeout(200);
        await isHarmless(`${hash}: details`);
        await page.keyboard.press('Escape');
      }
    });
  }

  test('the texts were on the pages, as texts', async () => {
    const shown = {
      alarms: "globalThis.ran='value'",
      connections: level('client'),
      groups: level('group'),
      retained: level('retained'),
      rules: "globalThis.ran='rule'",
      enrolment: "globalThis.ran='label'",
      authorities: level('authority'),
      [`device/${NAME}`]: "globalThis.ran='shadow value'",
    };
    for (const [hash, text] of Object.entries(shown)) {
      await page.goto(`${origin}/#/${hash}`);
      await page.reload();
      await page.locator('main h1').waitFor();
      if (hash === 'retained') await page.getByRole('searchbox', { name: /Topic filter/ }).fill('demo/#');
      const isShown = (wanted) => {
        const hidden = [...document.querySelectorAll('input, [title]')].map((one) => `${one.value ?? ''} ${one.title}`);
        return [document.body.innerText, ...hidden].join('\n').includes(wanted);
      };
      await page.waitForFunction(isShown, text).catch(() => {
        throw new Error(`${hash} does not show ${text}`);
      });
    }
    await isHarmless('texts');
  });

  test('an acknowledged alarm is told without being run', async () => {
    await page.goto(`${origin}/#/alarms`);
    await page.locator('tr', { hasText: 'evil' }).getByRole('button', { name: 'Acknowledge' }).click();
    await page.getByText('Alarm acknowledged').waitFor();
    await isHarmless('toast');
  });

  test('no answer of the API is taken for a page', async () => {
    for (const path of ['/api/things', '/api/alarms', '/api/retained', '/api/audit', '/api/rules', `/api/things/${NAME}/shadow`, '/api/nothing/<script>']) {
      const { headers } = await server.request('GET', path, { tls: true, token: server.adminToken });
      assert.match(headers['content-type'], /^application\/json/, path);
      assert.equal(headers['x-content-type-options'], 'nosniff', path);
      assert.match(headers['content-security-policy'], /default-src 'none'.*script-src 'self'/, path);
    }
    await page.goto(`${origin}/api/alarms`);
    assert.equal(await page.evaluate(() => globalThis.ran), undefined);
  });
});

describe('another site', () => {
  const things = async () => (await server.api('GET', '/api/things')).things.map(({ name }) => name);
  let other;
  before(async () => {
    other = await context.newPage();
  });

  test('cannot post a form on behalf of who is signed in, though the browser sends the cookie', async () => {
    const sent = other.waitForRequest((request) => request.method() === 'POST' && request.url() === `${origin}/api/things`);
    await other.goto(`${evilOrigin}/form`);
    const request = await sent;
    const answer = await request.response();
    const { cookie } = await request.allHeaders();
    assert.match(cookie ?? '', /dunlin_session=/, 'the other server is the same site: the attack is real');
    assert.equal(answer.status(), 400, 'no form can send JSON as what it is');
    // And were it sent as JSON, the header that no form and no other origin can set would be missing.
    const value = cookie.match(/dunlin_session=[^;]+/)[0];
    const body = { name: 'csrf-form' };
    for (const [path, method] of [['/api/things', 'POST'], ['/api/session', 'DELETE'], ['/api/things/press-01', 'DELETE']]) {
      assert.equal((await server.request(method, path, { tls: true, cookie: value, body: method === 'POST' ? body : undefined })).status, 403, path);
    }
    assert(!(await things()).includes('csrf-form'));
  });

  test('cannot call the API by script, read it, or open the live channel', async () => {
    await other.goto(`${evilOrigin}/`);
    const attempts = await other.evaluate(async (target) => {
      const attempt = (options) => fetch(`${target}/api/things`, { credentials: 'include', ...options }).then((answer) => `${answer.type} ${answer.status}`, (error) => `refused: ${error.name}`);
      const body = JSON.stringify({ name: 'csrf-fetch' });
      return {
        read: await attempt({}),
        simple: await attempt({ method: 'POST', mode: 'no-cors', body, headers: { 'Content-Type': 'text/plain' } }),
        header: await attempt({ method: 'POST', body, headers: { 'Content-Type': 'application/json', 'X-Dunlin-Request': '1' } }),
        remove: await attempt({ method: 'DELETE' }),
        live: await new Promise((resolve) => {
          const socket = new WebSocket(`${target.replace('https', 'wss')}/api/live`);
          socket.onopen = () => resolve('open');
          socket.onerror = () => resolve('refused');
        }),
      };
    }, origin);
    const refused = 'refused: TypeError';
    assert.deepEqual(attempts, { read: refused, simple: refused, header: refused, remove: refused, live: 'refused' });
    assert(!(await things()).some((name) => name.startsWith('csrf')));
  });

  test('cannot put the dashboard into a frame', async () => {
    await other.goto(`${evilOrigin}/frame`);
    await sleep(500);
    const frame = other.frames().find((one) => one !== other.mainFrame());
    assert(!frame.url().startsWith(origin) || (await frame.evaluate(() => document.body?.innerText ?? '').catch(() => '')) === '', frame.url());
    assert.equal(await other.evaluate(() => { try { return document.getElementById('f').contentDocument; } catch { return null; } }), null);
    for (const path of ['/', '/index.html', '/api/status', '/nothing', '/api/session']) {
      const { headers } = await server.request('GET', path, { tls: true });
      assert.equal(headers['x-frame-options'], 'DENY', path);
      assert.match(headers['content-security-policy'], /frame-ancestors 'none'/, path);
    }
  });
});

describe('guessing passwords', () => {
  test('gets slow, says so, and does not keep the owner out', async () => {
    await page.goto(`${origin}/#/status`);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    const signIn = async (password) => {
      await page.getByLabel('Password').fill(password);
      const answered = page.waitForResponse((response) => response.url() === `${origin}/api/session` && response.request().method() === 'POST');
      await page.getByRole('button', { name: 'Sign in' }).click();
      return (await answered).status();
    };
    const statuses = [];
    for (let waits = 0; waits < 3; ) {
      statuses.push(await signIn(`guess number ${statuses.length}!`));
      assert(statuses.length < 40, statuses.join());
      if (statuses.at(-1) !== 429) continue;
      if (++waits < 3) await sleep(1000 * 2 ** waits);
    }
    assert(statuses.slice(0, 5).every((status) => status === 401), statuses.join());
    const told = await page.getByRole('alert').innerText();
    assert.match(told, /again|wait|second|too/i);
    // While the penalty lasts the right password is refused too: that a guess was right is not told.
    assert.equal(await signIn(PASSWORD), 429);
    await until(async () => (await signIn(PASSWORD)) === 200, 'the right password', { timeout: 60_000, interval: 1000 });
    await page.getByRole('heading', { name: 'Status' }).waitFor();
    assert((await server.cliJson('audit', 'list', '--action', 'session.login')).records.some(({ outcome }) => outcome === 'failed'));
  });
});
