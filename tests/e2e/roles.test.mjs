// Roles of one's own, through the command line, the API and a browser's session: what they give, to whom, from when on; who may give
// them; what they outlive.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import WebSocket from 'ws';
import { connect, disconnectAll } from './lib/mqtt.mjs';
import { start } from './lib/server.mjs';

const PASSWORD = 'calm sea at dawn';
let server;

before(async () => {
  server = await start();
});
after(disconnectAll);

const cookieOf = ({ headers }) => headers['set-cookie']?.[0].split(';')[0];
const signIn = async (user) => cookieOf(await server.request('POST', '/api/session', { body: { user, password: PASSWORD }, csrf: true }));
const as = (cookie) => (method, path, body) => server.request(method, path, { cookie, csrf: true, body });
const user = (name, ...more) => server.cliJson('user', 'create', '--name', name, '--password', PASSWORD, ...more);

describe('a role', () => {
  test('is made, shown and given on the command line', async () => {
    const made = await server.cliJson('role', 'create', '--name', 'line-lead', '--about', 'leads a line', '--permissions', '["things:read","things:write","series:read"]');
    assert.deepEqual([made.name, made.about, made.built_in], ['line-lead', 'leads a line', false]);
    const { roles } = await server.cliJson('role', 'list');
    assert.deepEqual(roles.map((one) => [one.name, one.built_in]), [['admin', true], ['operator', true], ['viewer', true], ['line-lead', false]]);
    assert.deepEqual((await server.cliJson('role', 'get', 'line-lead')).permissions, ['things:read', 'things:write', 'series:read']);
    const ann = await user('ann', '--roles', '["line-lead"]');
    assert.deepEqual([ann.roles, ann.permissions], [['line-lead'], []]);
    const { stdout } = await server.cli('role', '--help');
    for (const verb of ['create', 'update', 'delete', 'get', 'list']) assert.match(stdout, new RegExp(`^ +${verb}\\b`, 'm'));
  });

  test('that changes counts at once: in a live session, in a token, and on open connections', async () => {
    const ann = as(await signIn('ann'));
    assert.equal((await ann('POST', '/api/things', { name: 'by-ann' })).status, 200);
    const { token } = await server.cliJson('token', 'create', '--owner', 'ann', '--roles', '["line-lead"]');
    const byToken = (method, path, body) => server.request(method, path, { token, body });
    assert.equal((await byToken('POST', '/api/things', { name: 'by-token' })).status, 200);
    const page = new WebSocket(`ws://127.0.0.1:${server.ports.http}/api/live`, { headers: { Cookie: await signIn('ann') } });
    const pageClosed = new Promise((resolve) => page.once('close', resolve));
    await new Promise((resolve, reject) => page.once('open', resolve).once('error', reject));
    const client = await connect(server, { name: 'ann', token }, { clientId: 'user-ann' });
    const clientClosed = new Promise((resolve) => client.once('close', resolve));

    await server.cliJson('role', 'update', 'line-lead', '--permissions', '["things:read","series:read"]');
    assert.equal(await pageClosed, 1008);
    await clientClosed;
    for (const ask of [ann, byToken]) {
      const refused = await ask('POST', '/api/things', { name: 'no-more' });
      assert.equal(refused.status, 403);
      assert.match(refused.text, /things:write/);
      assert.equal((await ask('GET', '/api/things')).status, 200);
    }
    await server.cliJson('role', 'update', 'line-lead', '--permissions', '["things:read","things:write","rules:read","series:read"]');
    for (const ask of [ann, byToken]) assert.equal((await ask('GET', '/api/rules')).status, 200);
    const { records } = await server.api('GET', '/api/audit?object=line-lead');
    assert.deepEqual(records.map(({ action, detail, actor }) => [action, detail, actor]), [
      ['role.update', '+things:write +rules:read', 'local-admin'],
      ['role.update', '-things:write', 'local-admin'],
      ['role.create', '+things:read +things:write +series:read', 'local-admin'],
    ]);
  });

  test('is there after a kill, and so is who has it', async () => {
    await server.kill9();
    await server.start();
    const ann = as(await signIn('ann'));
    assert.equal((await ann('GET', '/api/rules')).status, 200);
    assert.equal((await ann('GET', '/api/users')).status, 403);
  });

  test('that somebody has is not removed, and the refusal says who', async () => {
    const refused = await server.request('DELETE', '/api/roles/line-lead', { token: server.adminToken });
    assert.equal(refused.status, 409);
    assert.match(refused.json.error.message, /in use by users or tokens of ann: take it from them first/);
    await server.cliJson('user', 'update', 'ann', '--roles', '["viewer"]');
    assert.equal((await server.request('DELETE', '/api/roles/line-lead', { token: server.adminToken })).status, 409, 'the token has it');
    const { tokens } = await server.cliJson('token', 'list', '--owner', 'ann');
    assert.deepEqual(tokens[0].roles, ['line-lead']);
    await server.cliJson('token', 'delete', tokens[0].id);
    await server.cliJson('role', 'delete', 'line-lead');
    assert.equal((await server.request('GET', '/api/roles/line-lead', { token: server.adminToken })).status, 404);
    const gone = await server.cli('user', 'update', 'ann', '--roles', '["line-lead"]');
    assert.notEqual(gone.code, 0);
    assert.match(gone.stderr, /there is no role "line-lead"/);
  });
});

describe('nobody gives more than they have', () => {
  let clerk;
  before(async () => {
    await user('clerk', '--permissions', '["users:write","users:read","things:read"]');
    await server.cliJson('role', 'create', '--name', 'keys', '--permissions', '["certificates:write"]');
    await user('keeper', '--roles', '["keys"]');
    clerk = as(await signIn('clerk'));
  });

  test('neither in a role that they make or change, nor with one that is there', async () => {
    const tries = [
      ['POST', '/api/roles', { name: 'more', permissions: ['certificates:write'] }],
      ['POST', '/api/roles', { name: 'more', permissions: ['*'] }],
      ['PATCH', '/api/roles/keys', { permissions: ['things:read'] }],
      ['PATCH', '/api/roles/keys', { about: 'mine' }],
      ['DELETE', '/api/roles/keys'],
      ['PATCH', '/api/users/clerk', { roles: ['keys'] }],
      ['PATCH', '/api/users/clerk', { roles: ['admin'] }],
      ['PATCH', '/api/users/keeper', { roles: [] }],
      ['POST', '/api/users', { name: 'puppet', password: PASSWORD, roles: ['keys'] }],
      ['POST', '/api/tokens', { owner: 'keeper', roles: ['keys'] }],
    ];
    for (const [method, path, body] of tries) {
      const { status, text } = await clerk(method, path, body);
      assert.equal(status, 403, `${method} ${path} ${JSON.stringify(body)}: ${text}`);
      assert.match(text, /you do not have the permission/);
    }
    assert.equal((await clerk('POST', '/api/roles', { name: 'readers', permissions: ['things:read'] })).status, 200);
    assert.equal((await clerk('PATCH', '/api/roles/readers', { permissions: ['things:read', 'certificates:write'] })).status, 403);
    assert.equal((await clerk('PATCH', '/api/users/clerk', { roles: ['readers'] })).status, 200);
  });

  test('a token of a role that grew stays within its owner', async () => {
    await user('small', '--permissions', '["things:read"]');
    const { token } = await server.cliJson('token', 'create', '--owner', 'small', '--roles', '["readers"]');
    await server.cliJson('role', 'update', 'readers', '--permissions', '["things:read","things:write"]');
    assert.equal((await server.request('GET', '/api/things', { token })).status, 200);
    assert.equal((await server.request('POST', '/api/things', { token, body: { name: 'x' } })).status, 403);
  });

  test('the built-in ones stay as they are, and what is no role is refused', async () => {
    const admin = (method, path, body) => server.request(method, path, { token: server.adminToken, body });
    for (const name of ['admin', 'operator', 'viewer']) {
      for (const [method, body] of [['PATCH', { permissions: ['things:read'] }], ['DELETE']]) {
        const { status, text } = await admin(method, `/api/roles/${name}`, body);
        assert.equal(status, 403);
        assert.match(text, /built in/);
      }
      assert.equal((await admin('POST', '/api/roles', { name, permissions: ['things:read'] })).status, 409);
    }
    for (const body of [{ name: '', permissions: ['a:b'] }, { name: 'a b', permissions: ['a:b'] }, { name: 'none', permissions: [] }, { name: 'odd', permissions: ['<b>'] }, { name: 'n' }])
      assert.equal((await admin('POST', '/api/roles', body)).status, 400, JSON.stringify(body));
    assert.equal((await admin('PATCH', '/api/roles/never', { about: 'x' })).status, 404);
    assert.equal((await server.request('GET', '/api/roles')).status, 401);
  });
});
