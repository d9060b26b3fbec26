// Policies attached to things, static groups, certificates and users, under clients of others that stay connected.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Subscriber, as, publish, published } from './lib/mosquitto.mjs';
import { connect, disconnectAll } from './lib/mqtt.mjs';
import { until } from './lib/program.mjs';
import { start } from './lib/server.mjs';

const LAB = { document: { statements: [
  { effect: 'allow', actions: ['mqtt:publish', 'mqtt:subscribe', 'mqtt:receive'], resources: ['topic/lab/#', 'topic/cn/${certificate.common_name}'] }] } };
const SHUT = { document: { statements: [{ effect: 'deny', actions: ['mqtt:publish'], resources: ['topic/lab/shut'] }] } };
const FORBIDDEN = 135;
let server;
let press;
let certificate;

before(async () => {
  server = await start();
  await server.api('PUT', '/api/policies/lab', LAB);
  await server.api('PUT', '/api/policies/shut', SHUT);
  press = await server.thing('press-01');
  await server.thing('press-02');
  certificate = await server.certificate('press-02');
});
after(disconnectAll);

/** Whether a publish by the open connection is taken, by the answer to it. */
async function may(client, topic) {
  try {
    await client.publishAsync(topic, 'x', { qos: 1 });
    return true;
  } catch (error) {
    assert.equal(error.code, FORBIDDEN, error.message);
    return false;
  }
}

/** Until the open connection is answered so: it has to be within a second. */
async function soon(client, topic, expected) {
  const began = Date.now();
  await until(async () => (await may(client, topic)) === expected, `${topic} ${expected}`, { timeout: 5000 });
  assert(Date.now() - began < 1000, `${Date.now() - began} ms`);
}

describe('a connection that stays open', () => {
  let byToken;
  let byCertificate;
  before(async () => {
    byToken = await connect(server, press, { clientId: 'press-01/a', reconnectPeriod: 0 });
    byCertificate = await connect(server, certificate, { clientId: 'press-02/a', transport: 'tls', reconnectPeriod: 0 });
  });

  test('has what is attached to its thing, from then on and until it is detached', async () => {
    assert.equal(await may(byToken, 'lab/a'), false);
    const shown = await server.cliJson('policy', 'attach', 'lab', 'thing:press-01');
    assert.deepEqual([shown.to, shown.policies, shown.groups], ['thing:press-01', ['lab'], []]);
    await soon(byToken, 'lab/a', true);
    assert.equal(await may(byCertificate, 'lab/a'), false);
    await byToken.subscribeAsync('lab/#', { qos: 1 });
    const ended = new Promise((resolve) => byToken.once('disconnect', (packet) => resolve(packet)));
    const changed = Date.now();
    await server.cliJson('policy', 'detach', 'lab', 'thing:press-01');
    assert.equal((await ended).reasonCode, FORBIDDEN);  // it has lost a subscription
    assert(Date.now() - changed < 2000);
    byToken = await connect(server, press, { clientId: 'press-01/a', reconnectPeriod: 0 });
    assert.equal(await may(byToken, 'lab/a'), false);
  });

  test('has what is attached to its group, while it is a member', async () => {
    await server.cliJson('group', 'create', '--name', 'line-1', '--about', 'the first line');
    await server.cliJson('policy', 'attach', 'lab', 'group:line-1');
    assert.equal(await may(byToken, 'lab/a'), false);
    await server.cliJson('group', 'add', 'line-1', 'press-01');
    await server.cliJson('group', 'add', 'line-1', 'press-02');
    await soon(byToken, 'lab/a', true);
    await soon(byCertificate, 'lab/a', true);
    const group = await server.cliJson('group', 'get', 'line-1');
    assert.deepEqual([group.about, group.policies, group.things], ['the first line', ['lab'], ['press-01', 'press-02']]);
    const why = await server.cliJson('policy', 'test', '--thing', 'press-01', '--action', 'publish', '--on', 'lab/a');
    assert.equal(why.explanation, 'allowed by statement 0 of policy lab, attached to group line-1');
    assert.equal(why.from, 'group line-1');
    await server.cliJson('policy', 'attach', 'shut', 'thing:press-01');
    await soon(byToken, 'lab/shut', false);
    assert.equal(await may(byCertificate, 'lab/shut'), true);
    await server.cliJson('group', 'remove', 'line-1', 'press-02');
    await soon(byCertificate, 'lab/a', false);
    assert.equal(await may(byToken, 'lab/a'), true);
    await server.cliJson('policy', 'detach', '*', 'thing:press-01');
    await soon(byToken, 'lab/shut', true);
  });

  test('has what is attached to its certificate, with the variables of that', async () => {
    const colons = certificate.fingerprint.toUpperCase().match(/../g).join(':');
    const shown = await server.cliJson('policy', 'attach', 'lab', `certificate:${colons}`);
    assert.equal(shown.to, `certificate:${certificate.fingerprint}`);
    await soon(byCertificate, 'lab/a', true);
    assert.equal(await may(byCertificate, 'cn/press-02'), true);
    assert.equal(await may(byCertificate, 'cn/press-01'), false);
    assert.equal(await may(byToken, 'cn/press-01'), false);  // a token shows no certificate
    await server.cliJson('policy', 'detach', 'lab', `certificate:${certificate.fingerprint}`);
    await soon(byCertificate, 'lab/a', false);
  });
});

test("mosquitto's clients, by token and by certificate", async () => {
  await server.cliJson('policy', 'attach', 'lab', `certificate:${certificate.fingerprint}`);
  const reader = await Subscriber.open(as(server, certificate), '-i', 'press-02/r', '-q', 1, '-t', 'lab/#');
  await published(as(server, press), '-i', 'press-01/w', '-q', 1, '-t', 'lab/b', '-m', 'through the group');
  await reader.received('lab/b 1 0 through the group');
  await server.cliJson('policy', 'detach', 'lab', `certificate:${certificate.fingerprint}`);
  await reader.program.printed(/^Received DISCONNECT \(135\)/m);
  await server.cliJson('group', 'remove', 'line-1', 'press-01');
  const refused = await publish(as(server, press), '-i', 'press-01/w', '-q', 1, '-t', 'lab/b', '-m', 'no more');
  assert.match(refused.stdout + refused.stderr, /Not authorized/);
});

test('a user has what is attached to the user; who may not change the user gives nothing', async () => {
  const reader = await server.user('reader', ['user']);
  const client = await connect(server, reader, { clientId: 'user-reader', reconnectPeriod: 0 });
  assert.equal(await may(client, 'lab/a'), false);
  await server.api('PUT', '/api/policies/lab/attachments/user:reader');
  await soon(client, 'lab/a', true);

  await server.api('POST', '/api/users', { name: 'small', password: 'calm sea at dawn', permissions: ['policies:read', 'things:write'] });
  await server.api('POST', '/api/users', { name: 'middle', password: 'calm sea at dawn', permissions: ['policies:read', 'policies:write'] });
  const { token: small } = await server.api('POST', '/api/tokens', { owner: 'small', permissions: ['policies:read', 'things:write'] });
  const { token: middle } = await server.api('POST', '/api/tokens', { owner: 'middle', permissions: ['policies:read', 'policies:write'] });
  const ask = async (token, method, path, body) => (await server.request(method, path, { token, body })).status;
  for (const [method, path] of [['PUT', '/api/policies/lab/attachments/thing:press-01'], ['DELETE', '/api/policies/lab/attachments/user:reader'],
    ['PUT', '/api/groups/line-1/things/press-01'], ['DELETE', '/api/groups/line-1']]) {
    assert.equal(await ask(small, method, path), 403, path);
  }
  assert.equal(await ask(small, 'POST', '/api/groups', { name: 'mine' }), 403);
  assert.equal(await ask(small, 'GET', '/api/groups'), 200);
  assert.equal(await ask(middle, 'PUT', '/api/policies/lab/attachments/user:middle'), 403);
  assert.equal(await ask(middle, 'PUT', '/api/policies/lab/attachments/thing:press-01'), 200);
  assert.equal(await ask(middle, 'DELETE', '/api/policies/lab/attachments/thing:press-01'), 200);
  assert.equal(await may(client, 'lab/a'), true);
});

test('a refusal says what to do', async () => {
  const said = async (method, path, body) => {
    const { status, json } = await server.request(method, path, { token: server.adminToken, body });
    return [status, JSON.stringify(json)];
  };
  const [status, text] = await said('DELETE', '/api/policies/lab');
  assert.equal(status, 409);
  assert.match(text, /group:line-1, user:reader: detach it there first/);
  const { attached_to: where } = await server.api('GET', '/api/attachments?policy=lab');
  assert.deepEqual(where, ['group:line-1', 'user:reader']);
  for (const [path, code, words] of [['/api/policies/lab/attachments/press-01', 400, /thing:NAME/], ['/api/policies/lab/attachments/thing:nobody', 404, /there is no thing nobody/],
    ['/api/policies/nothing/attachments/thing:press-01', 404, /there is no policy nothing/], ['/api/groups/nothing/things/press-01', 404, /there is no group nothing/]]) {
    const [got, sentence] = await said('PUT', path);
    assert.equal(got, code, sentence);
    assert.match(sentence, words);
  }
});

test('what was acknowledged is there after a restart and after SIGKILL; what is removed leaves nothing to its namesake', async () => {
  await server.api('PUT', '/api/groups/line-1/things/press-01');
  await server.stop();
  await server.start();
  let client = await connect(server, press, { clientId: 'press-01/b', reconnectPeriod: 0 });
  assert.equal(await may(client, 'lab/a'), true);
  await server.api('PUT', '/api/policies/shut/attachments/thing:press-01');
  await server.kill9();
  await server.start();
  client = await connect(server, press, { clientId: 'press-01/b', reconnectPeriod: 0 });
  assert.deepEqual([await may(client, 'lab/a'), await may(client, 'lab/shut')], [true, false]);
  await server.api('DELETE', '/api/things/press-01');
  const again = await server.thing('press-01');
  client = await connect(server, again, { clientId: 'press-01/b', reconnectPeriod: 0 });
  assert.equal(await may(client, 'lab/a'), false);
  assert.deepEqual((await server.api('GET', '/api/groups/line-1')).things, []);
  await server.api('DELETE', '/api/groups/line-1');
  assert.deepEqual((await server.api('GET', '/api/groups')).groups, []);
  await server.api('DELETE', '/api/users/reader');
  await server.api('DELETE', '/api/policies/lab');
  const { records } = await server.api('GET', '/api/audit?limit=200');
  for (const action of ['policy.attach', 'policy.detach', 'group.create', 'group.add', 'group.remove', 'group.delete'])
    assert(records.some((one) => one.action === action), action);
});
