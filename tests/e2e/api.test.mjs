// The HTTP API by plain requests and curl: what its OpenAPI document promises, its refusals, sign-in, and the main flows.
import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { after, before, describe, test } from 'node:test';
import { request } from './lib/http.mjs';
import { connect, disconnectAll } from './lib/mqtt.mjs';
import { run, sleep, until } from './lib/program.mjs';
import { binary, start } from './lib/server.mjs';

const METHODS = ['get', 'put', 'post', 'patch', 'delete'];
const PASSWORD = 'six plain words are enough here';
let server;
let document;
let operations;

before(async () => {
  server = await start();
  document = (await server.request('GET', '/api/openapi.json')).json;
  const all = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
  );
  // What other protocols have over HTTP does not follow the API's rules: openapi.test.mjs.
  operations = all.filter(({ operation }) => !operation['x-protocol']);
});
after(disconnectAll);

const cookieOf = (answer) => answer.headers['set-cookie']?.[0]?.split(';')[0];
const errorCode = (answer) => answer.json.error.code;

describe('the OpenAPI document', () => {
  test('is complete in itself', () => {
    assert.match(document.openapi, /^3\.1/);
    assert(document.info.title && document.info.version);
    assert(operations.length >= 30, `${operations.length} operations`);
    const ids = new Set();
    for (const { path, method, operation } of operations) {
      const where = `${method} ${path}`;
      assert.match(path, /^\/api\//, where);
      assert(METHODS.includes(method), where);
      assert(operation.operationId && !ids.has(operation.operationId), `${where}: the id must be there once`);
      ids.add(operation.operationId);
      assert(operation.summary && (operation.responses['200'] ?? operation.responses['201']), where);
      const named = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();
      const inPath = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
      assert.deepEqual(inPath.map((parameter) => parameter.name).sort(), named, `${where}: parameters of the path`);
      for (const parameter of operation.parameters ?? []) {
        assert(['path', 'query', 'header'].includes(parameter.in) && parameter.schema, `${where}: ${parameter.name}`);
        if (parameter.in === 'path') assert.equal(parameter.required, true, `${where}: ${parameter.name}`);
      }
      if (operation.requestBody) {
        assert(!['get', 'delete'].includes(method), `${where}: a body`);
        const { content } = operation.requestBody;
        assert(content['application/json']?.schema.properties ?? content['application/octet-stream'], where);
      }
    }
  });

  test('refers only to what it defines', () => {
    const resolve = (reference) => reference.replace('#/', '').split('/').reduce((at, key) => at?.[key], document);
    JSON.stringify(document, (key, value) => {
      if (key === '$ref') assert(resolve(value), value);
      return value;
    });
  });
});

describe('every route', () => {
  const target = (path) => path.replaceAll(/\{(\w+)\}/g, 'nothing-of-this-name');

  test('answers 401 without credentials, unless it is public', async () => {
    for (const { path, method, operation } of operations) {
      const body = operation.requestBody ? {} : undefined;
      const { status, headers } = await server.request(method.toUpperCase(), target(path), { body });
      if (status === 401) assert.match(headers['www-authenticate'] ?? '', /^(Bearer|Basic) realm="/, `a 401 did not say how to sign in: ${method} ${path}`);
      const isPublic = operation.security?.length === 0;
      assert.equal(status === 401, !isPublic, `${method} ${path}: ${status}`);
    }
  });

  test('answers 401 to a wrong token and a wrong cookie', async () => {
    for (const { path, method, operation } of operations.filter(({ operation }) => operation.security?.length !== 0)) {
      const body = operation.requestBody ? {} : undefined;
      for (const credentials of [{ token: 'da_0000000000000000_no' }, { cookie: 'dunlin_session=ds_no_no', csrf: true }]) {
        const { status } = await server.request(method.toUpperCase(), target(path), { body, ...credentials });
        assert.equal(status, 401, `${method} ${path}`);
      }
    }
  });

  test('is there for the administrator', async () => {
    for (const { path, method, operation } of operations) {
      const fields = operation.requestBody ? {} : undefined;
      const answer = await server.request(method.toUpperCase(), target(path), { body: fields, token: server.adminToken });
      assert(answer.status !== 401 && answer.status !== 405 && answer.status < 500, `${method} ${path}: ${answer.status} ${answer.text}`);
      // A 404 may say that there is no such thing; never that there is no such route.
      if (answer.status === 404) assert.doesNotMatch(answer.text, /no such operation/, `${method} ${path}`);
      assert.match(answer.headers['content-type'], /^application\/json/, `${method} ${path}`);
    }
  });

  test('answers 405 with Allow to another method', async () => {
    for (const [path, item] of Object.entries(document.paths)) {
      if (Object.values(item).some((one) => one['x-protocol'])) continue;
      const other = METHODS.find((method) => !item[method]);
      if (!other) continue;
      const answer = await server.request(other.toUpperCase(), target(path), { token: server.adminToken });
      assert.equal(answer.status, 405, `${other} ${path}`);
      for (const method of Object.keys(item)) assert.match(answer.headers.allow, new RegExp(`\\b${method}\\b`, 'i'), `${other} ${path}`);
    }
  });
});

describe('refusals', () => {
  const post = (body, headers) => server.request('POST', '/api/things', { token: server.adminToken, body, headers });

  test('400 to what is not JSON', async () => {
    for (const body of ['{"name":', 'name=x', '[1]', '"x"', `${'['.repeat(200)}${']'.repeat(200)}`, '{"name":"x"}{}', '{"a":1e999}']) {
      const answer = await post(body);
      assert.equal(answer.status, 400, body.slice(0, 20));
      assert(errorCode(answer));
    }
  });

  test('400 to an unknown, missing or wrongly typed field, naming it', async () => {
    for (const [body, name] of [
      [{ name: 'a', colour: 'red' }, 'colour'],
      [{ type: 'machine' }, 'name'],
      [{ name: 7 }, 'name'],
      [{ name: 'a', attributes: 'x' }, 'attributes'],
      [{ name: 'a/b' }, 'name'],
    ]) {
      const answer = await post(body);
      assert.equal(answer.status, 400, answer.text);
      assert.match(answer.json.error.message, new RegExp(name));
    }
    const query = await server.request('GET', '/api/things?colour=red', { token: server.adminToken });
    assert.equal(query.status, 400);
    assert.match(query.text, /colour/);
  });

  test('400 to a body of another type', async () => {
    assert.equal((await post('{"name":"typed"}', { 'Content-Type': 'text/plain' })).status, 400);
  });

  test('413 to a body past the limit, told before it is read', async () => {
    const answer = await post(undefined, { 'Content-Type': 'application/json', 'Content-Length': String(3 << 20), Expect: '100-continue' });
    assert.equal(answer.status, 413);
    const { stdout } = await run('curl', [
      ...['-sS', '-o', '/dev/null', '-w', '%{http_code}', '-X', 'POST', '-H', 'Content-Type: application/json'],
      ...['-H', `Authorization: Bearer ${server.adminToken}`, '--data-binary', '@-', `http://127.0.0.1:${server.ports.http}/api/things`],
    ], { input: Buffer.alloc(2 << 20, 'x') });
    assert.equal(stdout, '413');
  });

  test('404 to an unknown route and thing', async () => {
    for (const path of ['/api/nothing', '/api', '/api/things/nobody']) {
      const answer = await server.request('GET', path, { token: server.adminToken });
      assert.equal(answer.status, 404, path);
      assert.equal(errorCode(answer), 'not_found');
    }
  });

  test('a path does not climb out of the dashboard', async () => {
    for (const path of ['/../admin.token', '/%2e%2e/admin.token', '/assets/..%2f..%2fadmin.token', '//etc/passwd', '/\\..\\x']) {
      const answer = await server.request('GET', path);
      assert(answer.status === 400 || answer.status === 404 || /<!doctype html/i.test(answer.text), `${path}: ${answer.status}`);
      assert(!answer.text.includes(server.adminToken) && !answer.text.includes('root:'), path);
    }
  });
});

describe('health', () => {
  test('/healthz, /readyz and /metrics', async () => {
    assert.equal((await server.request('GET', '/healthz')).text, 'ok\n');
    assert.equal((await server.request('GET', '/readyz')).text, 'ready\n');
    const metrics = await server.request('GET', '/metrics');
    assert.match(metrics.headers['content-type'], /^text\/plain; version=0\.0\.4/);
    for (const line of metrics.text.trimEnd().split('\n')) {
      assert.match(line, /^(# (HELP|TYPE) \w+ .+|\w+(\{(\w+="(\\.|[^"\\])*",?)+\})? [-+.\deE]+(Inf|NaN)?)$/, line);
    }
    assert.match(metrics.text, /^dunlin_mqtt_connections /m);
  });

  test('/metrics from elsewhere takes a permission, as a token or as a session', async () => {
    const [elsewhere] = Object.values(networkInterfaces()).flat().filter((one) => one.family === 'IPv4' && !one.internal);
    const read = async (from, access, token) => {
      const host = access === 'near' ? '127.0.0.1' : elsewhere.address;
      const answer = await request({ host, port: from.ports.https, ca: from.root, path: '/metrics', token });
      return answer.status === 200 ? /^dunlin_mqtt_connections /m.test(answer.text) : [answer.status, errorCode(answer)];
    };
    const make = async (on, name, permissions) => {
      await on.api('POST', '/api/users', { name, password: PASSWORD, permissions });
      return (await on.api('POST', '/api/tokens', { owner: name, permissions, days: 1 })).token;
    };
    const set = ['listen.https=0.0.0.0:0'];
    const careful = await start({ set: [...set, 'metrics.access=token'] });
    const may = await make(careful, 'prometheus', ['metrics:read']);
    const mayNot = await make(careful, 'other', ['things:read']);
    const signedIn = await careful.request('POST', '/api/session', { body: { user: 'prometheus', password: PASSWORD }, csrf: true });
    const bySession = await careful.request('GET', '/metrics', { cookie: cookieOf(signedIn) });
    assert.equal(bySession.status, 200);
    for (const access of elsewhere ? ['near', 'far'] : ['near']) {
      assert.deepEqual(await read(careful, access), [401, 'unauthenticated'], access);
      assert.deepEqual(await read(careful, access, mayNot), [403, 'permission_denied'], access);
      assert.equal(await read(careful, access, may), true, access);
    }
    await careful.stop();
    if (!elsewhere) return;
    const usual = await start({ set });
    assert.equal(await read(usual, 'near'), true);
    assert.deepEqual(await read(usual, 'far'), [401, 'unauthenticated']);
    await usual.stop();
    const open = await start({ set: [...set, 'metrics.access=open'] });
    assert.equal(await read(open, 'far'), true);
    await open.stop();
  });

  test('/.well-known/security.txt is there once a contact is configured', async () => {
    const none = await server.request('GET', '/.well-known/security.txt');
    assert.deepEqual([none.status, none.text], [404, 'this server names no contact for reports (security_txt.contact)\n']);
    const set = ['security_txt.contact=mailto:security@example.com,https://example.com/report', 'security_txt.policy=https://example.com/policy'];
    const told = await start({ set });
    for (const tls of [false, true]) {
      const answer = await told.request('GET', '/.well-known/security.txt', { tls });
      assert.equal(answer.headers['content-type'], 'text/plain; charset=utf-8');
      const [, expires] = answer.text.match(
        /^Contact: mailto:security@example\.com\nContact: https:\/\/example\.com\/report\nExpires: (\S+)\nPolicy: https:\/\/example\.com\/policy\n$/,
      );
      const days = (Date.parse(expires) - Date.now()) / 86_400_000;
      assert(days > 28 && days <= 30, `${days} days`);
    }
    await told.stop();
    const { code, stderr } = await run(binary, ['check-config', '--set', 'security_txt.contact=security@example.com']);
    assert.equal(code, 1);
    assert.match(stderr, /security_txt\.contact must name URIs/);
  });

  test('curl over TLS trusts the server by its root alone', async () => {
    const url = `https://localhost:${server.ports.https}`;
    const trusted = await run('curl', ['-sS', '--cacert', server.rootFile, `${url}/healthz`]);
    assert.deepEqual([trusted.code, trusted.stdout], [0, 'ok\n']);
    const { code } = await run('curl', ['-sS', `${url}/healthz`]);
    assert.equal(code, 60);
    const old = await run('curl', ['-sS', '--tls-max', '1.1', '--cacert', server.rootFile, `${url}/healthz`]);
    assert.equal(old.code, 35, old.stderr);
    const ca = await run('curl', ['-sS', '--cacert', server.rootFile, `${url}/api/ca`]);
    assert.equal(JSON.parse(ca.stdout).ca, server.root);
  });

  test('security headers are on every answer', async () => {
    for (const path of ['/', '/api/status', '/healthz', '/nothing', '/api/openapi.json']) {
      const { headers } = await server.request('GET', path, { tls: true });
      assert.match(headers['content-security-policy'] ?? '', /default-src 'none'/, path);
      assert.doesNotMatch(headers['content-security-policy'], /unsafe-/, path);
      assert.equal(headers['x-content-type-options'], 'nosniff', path);
      assert.equal(headers['x-frame-options'], 'DENY', path);
      assert.equal(headers['referrer-policy'], 'no-referrer', path);
    }
  });
});

describe('sign-in', () => {
  let claimToken;
  let cookie;

  test('the link claims the installation once', async () => {
    claimToken = (await server.claimLink()).split('/').at(-1);
    const claim = (fields, options = {}) => server.request('POST', '/api/session/claim', { body: fields, csrf: true, tls: true, ...options });
    assert.equal((await claim({ token: claimToken, password: PASSWORD }, { csrf: false })).status, 403);
    assert.equal((await claim({ token: `${claimToken.slice(0, -1)}~`, password: PASSWORD })).status, 401);
    assert.equal((await claim({ token: claimToken, password: 'short' })).status, 400);
    const claimed = await claim({ token: claimToken, password: PASSWORD });
    assert.equal(claimed.status, 200, claimed.text);
    assert.equal(claimed.json.user.name, 'admin');
    cookie = cookieOf(claimed);
    assert.equal((await claim({ token: claimToken, password: 'another long password' })).status, 401);
  });

  test('the cookie is closed to scripts, other sites and plain connections', async () => {
    const login = (tls) => server.request('POST', '/api/session', { body: { user: 'admin', password: PASSWORD }, csrf: true, tls });
    const secure = await login(true);
    const [set] = secure.headers['set-cookie'];
    for (const flag of [/^dunlin_session=\S+;/, /HttpOnly/, /SameSite=Strict/, /Secure/, /Path=\//, /Max-Age=\d+/]) assert.match(set, flag);
    const plain = await login(false);
    assert.doesNotMatch(plain.headers['set-cookie'][0], /Secure/);
    assert.match(plain.headers['set-cookie'][0], /HttpOnly/);
  });

  test('a change by cookie needs the request header', async () => {
    const create = (options) => server.request('POST', '/api/things', { body: { name: 'by-cookie', type: 't' }, cookie, tls: true, ...options });
    assert.equal((await create({})).status, 403);
    assert.equal((await create({ csrf: true })).status, 200);
    assert.equal((await server.request('GET', '/api/things', { cookie, tls: true })).status, 200);
  });

  test('signing out ends the session', async () => {
    const who = await server.request('GET', '/api/session', { cookie, tls: true });
    assert.deepEqual([who.json.signed_in, who.json.user.name], [true, 'admin']);
    assert.equal((await server.request('DELETE', '/api/session', { cookie, tls: true })).status, 403);
    assert.equal((await server.request('DELETE', '/api/session', { cookie, tls: true, csrf: true })).status, 200);
    assert.equal((await server.request('GET', '/api/things', { cookie, tls: true })).status, 401);
    const ended = await server.request('GET', '/api/session', { cookie, tls: true });
    assert.deepEqual([ended.status, ended.json], [200, { signed_in: false }]);
  });

  test('a page that asked who is signed in was answered with an error', async () => {
    const nobody = await server.request('GET', '/api/session', { tls: true });
    assert.deepEqual([nobody.status, nobody.json], [200, { signed_in: false }]);
    assert.equal((await server.request('GET', '/api/session', { token: 'at_0000000000000000_no' })).status, 401);
    const local = await server.request('GET', '/api/session', { token: server.adminToken });
    assert.deepEqual([local.status, local.json.signed_in], [200, true]);
  });

  test('a token has only the permissions it was given', async () => {
    const { token } = await server.api('POST', '/api/tokens', { owner: 'admin', permissions: ['things:read'] });
    const ask = (method, path, body) => server.request(method, path, { token, body });
    assert.equal((await ask('GET', '/api/things')).status, 200);
    assert.equal((await ask('POST', '/api/things', { name: 'x', type: 't' })).status, 403);
    assert.equal((await ask('GET', '/api/users')).status, 403);
  });

  test('secrets are not in the log', () => {
    for (const secret of [PASSWORD, server.adminToken]) assert(!server.log.includes(secret));
  });

  test('wrong passwords are slowed down, by user and address', async () => {
    const attempt = (user, password) => server.request('POST', '/api/session', { body: { user, password }, csrf: true, tls: true });
    const seen = [];
    for (let i = 0; i < 9; i++) seen.push((await attempt('admin', 'wrong wrong wrong')).status);
    assert.equal(seen[0], 401);
    assert(seen.includes(429), `statuses ${seen}`);
    assert.equal((await attempt('admin', PASSWORD)).status, 429);
    const right = await until(async () => {
      await sleep(500);
      const answer = await attempt('admin', PASSWORD);
      return answer.status === 200 && answer;
    }, 'the penalty to end', { timeout: 60_000 });
    assert(cookieOf(right));
  });
});

describe('flows', () => {
  test('a thing is made, changed, listed by pages and removed', async () => {
    const made = await server.api('POST', '/api/things', { name: 'pump-01', type: 'pump', attributes: { site: 'plant1', row: '3' } });
    assert.deepEqual([made.name, made.type, made.attributes.site], ['pump-01', 'pump', 'plant1']);
    const again = await server.request('POST', '/api/things', { token: server.adminToken, body: { name: 'pump-01', type: 'pump' } });
    assert.equal(again.status, 409);
    const changed = await server.api('PATCH', '/api/things/pump-01', { attributes: { row: null, floor: '2' }, version: made.version });
    assert.deepEqual(changed.attributes, { site: 'plant1', floor: '2' });
    const stale = await server.request('PATCH', '/api/things/pump-01', { token: server.adminToken, body: { type: 'x', version: made.version } });
    assert.equal(stale.status, 409);
    for (let i = 2; i < 8; i++) await server.api('POST', '/api/things', { name: `pump-0${i}`, type: 'pump' });
    const names = [];
    for (let after = ''; after !== undefined; ) {
      const page = await server.api('GET', `/api/things?type=pump&limit=3&after=${after}`);
      assert(page.things.length <= 3);
      names.push(...page.things.map((thing) => thing.name));
      after = page.next;
    }
    assert.deepEqual(names, [1, 2, 3, 4, 5, 6, 7].map((i) => `pump-0${i}`));
    await server.api('DELETE', '/api/things/pump-07');
    assert.equal((await server.request('GET', '/api/things/pump-07', { token: server.adminToken })).status, 404);
  });

  test('a removed thing and a deleted token let nobody in', async () => {
    const gone = await server.thing('short-lived');
    const { fingerprint } = await server.api('POST', '/api/certificates', { thing: 'short-lived' });
    const client = await connect(server, gone, { clientId: gone.name });
    const closed = new Promise((resolve) => client.once('close', resolve));
    await server.api('DELETE', '/api/things/short-lived');
    await closed;
    await assert.rejects(connect(server, gone, { clientId: gone.name }));
    assert.deepEqual((await server.api('GET', '/api/tokens?type=device&owner=short-lived')).tokens, []);
    const certificate = await server.api('GET', `/api/certificates/${fingerprint}`);
    assert.deepEqual([certificate.state, certificate.reason], ['revoked', 'thing_removed']);
    const kept = await server.thing('kept');
    const open = await connect(server, kept, { clientId: 'kept' });
    const ended = new Promise((resolve) => open.once('close', resolve));
    const { tokens } = await server.api('GET', '/api/tokens?type=device&owner=kept');
    assert(!JSON.stringify(tokens).includes(kept.token));
    await server.api('DELETE', `/api/tokens/${tokens[0].id}`);
    await ended;
    await assert.rejects(connect(server, kept, { clientId: 'kept' }));
  });

  test('a wish is seen by the device and confirmed in the shadow', async () => {
    const thing = await server.thing('fan-01');
    const device = await connect(server, thing, { clientId: 'fan-01' });
    const base = '$dunlin/things/fan-01/shadow';
    await device.subscribeAsync(`${base}/update/delta`, { qos: 1 });
    const wish = await server.api('PATCH', '/api/things/fan-01/shadow', { state: { desired: { speed: 3, light: { on: true } } } });
    assert.deepEqual(wish.state.delta, { speed: 3, light: { on: true } });
    const { payload } = await until(() => device.received[0], 'the delta');
    const delta = JSON.parse(payload);
    assert.deepEqual(delta.state, { speed: 3, light: { on: true } });
    await device.publishAsync(`${base}/update`, JSON.stringify({ state: { reported: delta.state } }), { qos: 1 });
    const settled = await until(async () => {
      const shadow = await server.api('GET', '/api/things/fan-01/shadow');
      return shadow.version > wish.version && shadow;
    }, 'the report');
    assert.deepEqual(settled.state.reported, { speed: 3, light: { on: true } });
    assert(!settled.state.delta || Object.keys(settled.state.delta).length === 0);
    const stale = await server.request('PATCH', '/api/things/fan-01/shadow', {
      token: server.adminToken,
      body: { state: { desired: { speed: 1 } }, version: wish.version },
    });
    assert.equal(stale.status, 409);
    await device.endAsync();
  });

  test('a rule raises an alarm, people acknowledge it, and the value clears it', async () => {
    const thing = await server.thing('oven-01');
    const device = await connect(server, thing, { clientId: 'oven-01' });
    const watcher = await connect(server, await server.user('alarm-watcher'), { clientId: 'user-alarms' });
    await watcher.subscribeAsync('alerts/#', { qos: 1 });
    await server.api('PUT', '/api/rules/too-hot', {
      sql: "SELECT value, topic(4) AS device FROM 'demo/+/machine/+/temperature' WHERE value > 80",
      actions: [
        { alarm: { name: 'too-hot', severity: 'major', message: '${topic(4)} has ${value}', clear_when: 'value < 70' } },
        { republish: { topic: 'alerts/${topic(4)}', qos: 1 } },
      ],
    });
    const topic = 'demo/plant1/machine/oven-01/temperature';
    await device.publishAsync(topic, '{"value":60}', { qos: 1 });
    await device.publishAsync(topic, '{"value":91.5,"unit":"Cel"}', { qos: 1 });
    const state = (wanted) => async () => (await server.api('GET', '/api/alarms?thing=oven-01')).alarms.find((alarm) => alarm.state === wanted);
    const alarm = await until(state('active'), 'the alarm');
    assert.deepEqual([alarm.name, alarm.severity, alarm.message], ['too-hot', 'major', 'oven-01 has 91.5']);
    const alert = await until(() => watcher.received[0], 'the republished message');
    assert.equal(alert.topic, 'alerts/oven-01');
    assert.equal(JSON.parse(alert.payload).value, 91.5);
    await server.api('POST', `/api/alarms/${encodeURIComponent(alarm.id)}/acknowledge`, {});
    assert.equal((await state('acknowledged')()).id, alarm.id);
    await device.publishAsync(topic, '{"value":65}', { qos: 1 });
    await until(state('cleared'), 'the alarm to clear');
    assert.equal(watcher.received.length, 1);
    for (const [sql, what] of [["SELECT FROM 'x'", /sql/], ['DROP TABLE things', /sql/]]) {
      const bad = await server.request('PUT', '/api/rules/bad', { token: server.adminToken, body: { sql, actions: [{ alarm: { name: 'a' } }] } });
      assert.equal(bad.status, 400);
      assert.match(bad.text, what);
    }
    await device.endAsync();
    await watcher.endAsync();
  });

  test('values become series with units, and ranges are downsampled', async () => {
    const thing = await server.thing('scale-01');
    const device = await connect(server, thing, { clientId: 'scale-01' });
    const begin = Date.now() - 60_000;
    for (let i = 0; i < 100; i++) {
      await device.publishAsync('demo/plant1/machine/scale-01/weight', JSON.stringify({ value: i, t: begin + i * 100, unit: 'kg' }), { qos: 1 });
    }
    const range = (points) => server.api('GET', `/api/series/range?device=scale-01&channel=weight&from=${begin}&to=${begin + 10_000}&points=${points}`);
    const all = await until(async () => {
      const answer = await range(1000).catch(() => undefined);
      return answer?.t.length === 100 && answer;
    }, 'a hundred values');
    assert.deepEqual(all.value, [...Array(100).keys()]);
    assert.equal(all.unit, 'kg');
    const few = await range(10);
    assert(few.t.length <= 10);
    assert.equal(few.count.reduce((sum, n) => sum + n), 100);
    assert.deepEqual([Math.min(...few.min), Math.max(...few.max)], [0, 99]);
    const last = await server.api('GET', '/api/series/last?device=scale-01');
    assert.equal(last.series[0].value, 99);
    await device.endAsync();
  });

  test('presence follows the connection', async () => {
    const thing = await server.thing('here-01');
    const presence = async () => (await server.api('GET', '/api/things/here-01/presence')).online;
    const device = await connect(server, thing, { clientId: 'here-01' });
    await until(async () => (await server.request('GET', '/api/things/here-01/presence', { token: server.adminToken })).status === 200 && presence(), 'online');
    await device.endAsync();
    await until(async () => !(await presence()), 'offline');
  });
});
