// People: second factors with oathtool as the app, roles, narrower tokens, passwords, sessions on the web that are listed and ended.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import WebSocket from 'ws';
import { run, until } from './lib/program.mjs';
import { cutAll, RawClient } from './lib/raw_client.mjs';
import { start } from './lib/server.mjs';

const PASSWORD = 'calm sea at dawn';
let server;

before(async () => {
  server = await start();
});
after(cutAll);

const cookieOf = ({ headers }) => headers['set-cookie']?.[0].split(';')[0];
const post = (path, body, options = {}) => server.request('POST', path, { body, csrf: true, ...options });
const signIn = (user, more = {}, options = {}) => post('/api/session', { user, password: PASSWORD, ...more }, options);

async function codeNow(secret, ...args) {
  const { code, stdout, stderr } = await run('oathtool', ['--totp', '--base32', ...args, secret]);
  assert.equal(code, 0, stderr);
  return stdout.trim();
}

/** Waits until a code that was not used is shown: each counts once. */
async function nextCode(secret, last) {
  let code;
  await until(async () => (code = await codeNow(secret)) !== last, 'the next code', { timeout: 40_000, interval: 500 });
  return code;
}

/** A live page of whoever has the cookie; `closed` gives [code, reason]. */
async function livePage(cookie) {
  const page = new WebSocket(`ws://127.0.0.1:${server.ports.http}/api/live`, { headers: { Cookie: cookie } });
  page.closed = new Promise((resolve) => page.once('close', (code, reason) => resolve([code, reason.toString()])));
  await new Promise((resolve, reject) => page.once('open', resolve).once('error', reject));
  return page;
}

describe('a second factor', () => {
  let secret;
  let cookie;
  let recovery;
  let used;

  test('is enrolled by its user and confirmed with what the app shows', async () => {
    await server.cliJson('user', 'create', '--name', 'ada', '--password', PASSWORD, '--roles', '["viewer"]');
    cookie = cookieOf(await signIn('ada'));
    const begun = await post('/api/users/ada/totp', {}, { cookie });
    assert.equal(begun.status, 200, begun.text);
    ({ secret } = begun.json);
    assert(begun.json.uri.startsWith('otpauth://totp/Dunlin'));
    assert(begun.json.uri.includes(`secret=${secret}`));
    assert(begun.json.qr_svg.startsWith('<svg') && begun.json.qr_text.includes('█'));
    assert.equal((await signIn('ada')).json.signed_in, true, 'not before it is confirmed');
    assert.equal((await post('/api/users/ada/totp/confirm', { code: '000000' }, { cookie })).status, 401);
    used = await codeNow(secret);
    const confirmed = await post('/api/users/ada/totp/confirm', { code: used }, { cookie });
    assert.equal(confirmed.status, 200, confirmed.text);
    recovery = confirmed.json.recovery_codes;
    assert.equal(recovery.length, 10);
    assert.deepEqual(await server.cliJson('totp', 'show', 'ada'), { state: 'active', recovery_codes_left: 10 });
  });

  test('is asked for, and each code counts once', async () => {
    const asked = await signIn('ada');
    assert.deepEqual([asked.status, asked.json], [200, { signed_in: false, needs: 'code' }]);
    assert.equal(cookieOf(asked), undefined);
    assert.equal((await signIn('ada', { code: used })).status, 401, 'the code of the confirmation is used up');
    const code = await nextCode(secret, used);
    const entered = await signIn('ada', { code });
    assert.equal(entered.json.signed_in, true, entered.text);
    const again = await signIn('ada', { code });
    assert.equal(again.status, 401);
    assert.match(again.json.error.message, /used before/);
    assert.equal((await post('/api/session', { user: 'ada', password: 'not the password', code })).status, 401);
  });

  test('a recovery code is good once', async () => {
    assert.equal((await signIn('ada', { code: recovery[0].toLowerCase() })).json.signed_in, true);
    assert.equal((await signIn('ada', { code: recovery[0] })).status, 401);
    assert.deepEqual(await server.cliJson('totp', 'show', 'ada'), { state: 'active', recovery_codes_left: 9 });
  });

  test('the password alone opens MQTT no more', async () => {
    const client = new RawClient(server.ports.mqtt);
    const { reasonCode, properties } = await client.connect({ clientId: 'user-ada', username: 'ada', password: PASSWORD });
    assert.equal(reasonCode, 0x86);
    assert.match(properties.reasonString, /API token/);
    client.cut();
  });

  test('holds over a restart; its user removes it with a code, others with the right to', async () => {
    await server.stop();
    await server.start();
    assert.equal((await signIn('ada')).json.needs, 'code');
    const own = cookieOf(await signIn('ada', { code: recovery[1] }));
    const remove = (body, options) => post('/api/users/ada/totp/remove', body, options);
    assert.equal((await remove({}, { cookie: own })).status, 401, 'a session alone is not enough');
    await server.cliJson('user', 'create', '--name', 'eve', '--password', PASSWORD, '--roles', '["operator"]');
    assert.equal((await remove({}, { cookie: cookieOf(await signIn('eve')) })).status, 403);
    assert.equal((await remove({ code: recovery[2] }, { cookie: own })).status, 200);
    assert.equal((await signIn('ada')).json.signed_in, true);
    const { records } = await server.api('GET', '/api/audit?limit=100');
    for (const action of ['totp.enrol', 'totp.confirm', 'totp.remove'])
      assert(records.some((one) => one.action === action && one.object === 'ada'), action);
    assert(!server.log.includes(secret));
  });
});

describe('sessions on the web', () => {
  test('are listed and ended one by one; a live page ends with them', async () => {
    await server.cliJson('user', 'create', '--name', 'bob', '--password', PASSWORD, '--roles', '["viewer"]');
    const first = cookieOf(await signIn('bob'));
    const second = cookieOf(await signIn('bob'));
    assert.notEqual(first, second);
    const page = await livePage(first);
    const list = (await server.request('GET', '/api/web-sessions', { cookie: second })).json.sessions;
    assert.equal(list.length, 2);
    assert.deepEqual([list[0].user, list[0].address], ['bob', '127.0.0.1']);
    const gone = list.find(({ id }) => first.includes(id));
    const eve = cookieOf(await signIn('eve'));
    const end = (id, options) => server.request('DELETE', `/api/web-sessions/${id}`, { csrf: true, ...options });
    assert.equal((await end(gone.id, { cookie: eve })).status, 404, 'not of others');
    assert.equal((await end(gone.id, { cookie: second })).status, 200);
    assert.equal((await page.closed)[0], 1008);
    assert.equal((await server.request('GET', '/api/session', { cookie: first })).json.signed_in, false);
    assert.equal((await server.request('GET', '/api/session', { cookie: second })).json.signed_in, true);
    const { sessions } = await server.cliJson('websession', 'list', '--user', 'bob');
    assert.equal(sessions.length, 1);
    await server.cliJson('websession', 'end', sessions[0].id);
    assert.equal((await server.request('GET', '/api/session', { cookie: second })).json.signed_in, false);
    assert.equal((await server.request('GET', '/api/web-sessions?user=ada', { cookie: eve })).status, 403);
  });

  test('a new one at each sign-in, and the old one of that browser ends', async () => {
    const planted = cookieOf(await signIn('bob'));
    const entered = await signIn('bob', {}, { cookie: planted });
    const cookie = cookieOf(entered);
    assert.notEqual(cookie, planted);
    assert.equal((await server.request('GET', '/api/session', { cookie: planted })).json.signed_in, false);
    assert.equal((await server.request('GET', '/api/session', { cookie })).json.signed_in, true);
    const made_up = await signIn('bob', {}, { cookie: 'dunlin_session=ss_0000000000000000_made-up' });
    assert(!cookieOf(made_up).includes('made-up'));
  });

  test('end when the password changes', async () => {
    const cookie = cookieOf(await signIn('bob'));
    const page = await livePage(cookie);
    const change = (body) => post('/api/users/bob/password', body, { cookie });
    assert.equal((await change({ password: 'another calm sea' })).status, 401, 'the old one is needed');
    assert.equal((await change({ password: 'short', current: PASSWORD })).status, 400);
    assert.equal((await change({ password: 'another calm sea', current: PASSWORD })).status, 200);
    assert.equal((await page.closed)[0], 1008);
    assert.equal((await server.request('GET', '/api/session', { cookie })).json.signed_in, false);
    assert.equal((await signIn('bob')).status, 401);
    assert.equal((await signIn('bob', { password: 'another calm sea' })).json.signed_in, true);
    await server.cliJson('user', 'password', 'bob', '--password', PASSWORD);
    assert.equal((await signIn('bob')).json.signed_in, true);
  });
});

describe('rights', () => {
  test('roles give permissions from the next request on', async () => {
    const cookie = cookieOf(await signIn('eve'));
    const make = (name) => post('/api/things', { name }, { cookie });
    assert.equal((await make('thing-1')).status, 200);
    assert.equal((await server.request('GET', '/api/users', { cookie })).status, 403);
    await server.cliJson('user', 'update', 'eve', '--roles', '["viewer"]');
    assert.equal((await make('thing-2')).status, 403);
    assert.equal((await server.request('GET', '/api/things', { cookie })).status, 200);
    const { roles } = await server.cliJson('role', 'list');
    assert.deepEqual(roles.map(({ name }) => name), ['admin', 'operator', 'viewer']);
  });

  test('nobody manages who may more', async () => {
    await server.cliJson('user', 'create', '--name', 'boss', '--password', PASSWORD, '--roles', '["admin"]');
    await server.cliJson('user', 'create', '--name', 'clerk', '--password', PASSWORD, '--permissions', '["users:write","users:read"]');
    const cookie = cookieOf(await signIn('clerk'));
    assert.equal((await post('/api/users/boss/password', { password: 'taken over by me' }, { cookie })).status, 403);
    assert.equal((await post('/api/users/boss/totp', {}, { cookie })).status, 403);
    const promote = await server.request('PATCH', '/api/users/clerk', { cookie, csrf: true, body: { roles: ['admin'] } });
    assert.equal(promote.status, 403);
    const boss = cookieOf(await signIn('boss'));
    assert.equal((await post('/api/users/clerk/password', { password: 'given by the boss' }, { cookie: boss })).status, 200);
  });

  test('a token is narrowed, never widened', async () => {
    const { id, token } = await server.cliJson('token', 'create', '--owner', 'boss', '--permissions', '["things:read","series:read"]');
    const get = (path) => server.request('GET', path, { token });
    assert.equal((await get('/api/things')).status, 200);
    await server.cliJson('token', 'narrow', id, '--permissions', '["series:read"]');
    assert.equal((await get('/api/things')).status, 403);
    const wider = await server.cli('token', 'narrow', id, '--permissions', '["things:read"]');
    assert.equal(wider.code, 1);
    const { tokens } = await server.cliJson('token', 'list', '--owner', 'boss');
    assert.deepEqual(tokens.find((one) => one.id === id).permissions, ['series:read']);
  });
});
