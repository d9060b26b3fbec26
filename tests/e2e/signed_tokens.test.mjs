// Things that prove themselves by signed tokens: JWTs made by OpenSSL's command line and by PyJWT, shown by mosquitto_pub and mqtt.js.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import mqtt from 'mqtt';
import { publish } from './lib/mosquitto.mjs';
import { run, until } from './lib/program.mjs';
import { cutAll, RawClient } from './lib/raw_client.mjs';
import { start, temporaryFolder } from './lib/server.mjs';

const NAME = 'press-01';
const PYTHON = process.env.DUNLIN_PAHO_PYTHON ?? '/usr/bin/python3'; // Debian's own, which has the package
const folder = temporaryFolder('keys');
const rsa = join(folder, 'rsa.pem');
const ec = join(folder, 'ec.pem');
let server;

const now = () => Math.floor(Date.now() / 1000);
const claims = (more = {}) => ({ aud: 'dunlin', iat: now(), exp: now() + 3600, ...more });
const encoded = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

async function openssl(...args) {
  const { code, stdout, stderr } = await run('openssl', args);
  assert.equal(code, 0, stderr);
  return stdout;
}
const publicOf = (key) => openssl('pkey', '-in', key, '-pubout');

/** RS256 as a shell script would make it: `openssl dgst -sign`. */
async function byOpenssl(payload, header = { alg: 'RS256', typ: 'JWT' }, key = rsa) {
  const text = `${encoded(header)}.${encoded(payload)}`;
  const [input, output] = [join(folder, 'in'), join(folder, 'out')];
  writeFileSync(input, text);
  await openssl('dgst', '-sha256', '-sign', key, '-out', output, input);
  return `${text}.${readFileSync(output).toString('base64url')}`;
}

/** By PyJWT. */
async function byPython(payload, algorithm = 'ES256', key = ec) {
  const script = 'import json,sys,jwt; print(jwt.encode(json.loads(sys.argv[1]), open(sys.argv[3]).read(), algorithm=sys.argv[2]))';
  const { code, stdout, stderr } = await run(PYTHON, ['-c', script, JSON.stringify(payload), algorithm, key]);
  assert.equal(code, 0, stderr);
  return stdout.trim();
}

const tell = (password, { user = 'unused', id = NAME, version = 'mqttv5' } = {}) =>
  publish(['-V', version, '-h', '127.0.0.1', '-p', String(server.ports.mqtt), '-i', id, '-u', user, '-P', password],
    '-q', 1, '-t', `demo/plant1/machine/${NAME}/speed`, '-m', '5');

/** What a CONNECT with that password is answered: [reason code, reason]. */
async function answer(password, clientId = NAME) {
  const client = new RawClient(server.ports.mqtt);
  const { reasonCode, properties } = await client.connect({ clientId, username: 'unused', password });
  client.cut();
  return [reasonCode, properties?.reasonString];
}

before(async () => {
  server = await start();
  await server.thing(NAME);
  await server.thing('press-02');
  await openssl('genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048', '-out', rsa);
  await openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', ec);
});
after(cutAll);

test('keys are registered, listed and limited', async () => {
  const made = await server.cliJson('key', 'add', NAME, '--key', await publicOf(rsa), '--label', 'line 3');
  assert.deepEqual([made.algorithm, made.label, made.expires_at], ['RS256', 'line 3', null]);
  const second = await server.api('POST', `/api/things/${NAME}/keys`, { key: await publicOf(ec), days: 30 });
  assert.equal(second.algorithm, 'ES256');
  const { keys } = await server.cliJson('key', 'list', NAME);
  assert.deepEqual(keys.map(({ id }) => id), [made.id, second.id]);
  const twice = await server.cli('key', 'add', NAME, '--key', await publicOf(rsa));
  assert.equal(twice.code, 1);
  assert.match(twice.stderr, /has this key already/);
  const secret = await server.cli('key', 'add', NAME, '--key', readFileSync(ec, 'utf8'));
  assert.match(secret.stderr, /private key/);
  const { records } = await server.api('GET', '/api/audit?limit=20');
  assert(records.some(({ action, object, detail }) => action === 'key.add' && object === NAME && detail.includes(made.id)));
});

test('mosquitto_pub shows a JWT that openssl has signed', async () => {
  for (const version of ['mqttv311', 'mqttv5']) {
    const { code, stderr } = await tell(await byOpenssl(claims()), { version });
    assert.equal(code, 0, stderr);
  }
  await until(async () => (await server.api('GET', `/api/series/last?device=${NAME}`)).series.length > 0, 'the sample');
});

test('mqtt.js shows one of PyJWT, and is told when it has expired', async () => {
  const password = await byPython(claims({ exp: now() + 4, iat: now() - 5, sub: NAME }));
  const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${server.ports.mqtt}`, {
    protocolVersion: 5, clientId: `${NAME}/js`, username: NAME, password, reconnectPeriod: 0,
  });
  const [packet] = await new Promise((resolve) => client.once('disconnect', (...args) => resolve(args)));
  assert.equal(packet.reasonCode, 0xa0);
  assert.match(packet.properties.reasonString, /expired/);
  assert(now() >= Number(JSON.parse(Buffer.from(password.split('.')[1], 'base64url')).exp));
  assert.equal(await server.metric('dunlin_mqtt_proofs_expired_total'), 1);
  client.end(true);
});

test('what is not right is refused with a reason', async () => {
  const own = claims();
  const forged = (await byOpenssl(own)).split('.');
  forged[1] = encoded({ ...own, exp: own.exp + 60 });
  const unsigned = `${encoded({ alg: 'none' })}.${encoded(own)}.`;
  const text = `${encoded({ alg: 'HS256' })}.${encoded(own)}`; // signed with what everybody may know
  const symmetric = `${text}.${createHmac('sha256', await publicOf(rsa)).update(text).digest('base64url')}`;
  const foreign = join(folder, 'foreign.pem');
  await openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', foreign);
  const cases = [
    [forged.join('.'), /not signed by a key of this thing/],
    [unsigned, /RS256 or ES256/],
    [symmetric, /RS256 or ES256/],
    [await byPython(own, 'ES256', foreign), /not signed/],
    [await byOpenssl(claims({ aud: 'elsewhere' })), /"aud"/],
  ];
  for (const [password, reason] of cases) {
    const [code, why] = await answer(password);
    assert.equal(code, 0x86, password);
    assert.match(why, reason);
  }
});

test('times, subjects and other things', async () => {
  const other = await start({ set: ['security.token_audiences=factory,dunlin'] });
  const [before_] = [server];
  server = other;
  await server.thing(NAME);
  await server.thing('press-02');
  await server.api('POST', `/api/things/${NAME}/keys`, { key: await publicOf(rsa) });
  for (const [more, reason] of [
    [{ exp: now() - 700, iat: now() - 800 }, /expired/],
    [{ iat: now() + 700 }, /future/],
    [{ nbf: now() + 700 }, /not valid yet/],
    [{ exp: now() + 90_000 }, /24 hours/],
    [{ sub: 'press-02' }, /"sub"/],
    [{ aud: 'elsewhere' }, /"aud"/],
  ]) {
    const [code, why] = await answer(await byOpenssl(claims(more)));
    assert.equal(code, 0x86);
    assert.match(why, reason);
  }
  assert.equal((await answer(await byOpenssl(claims({ aud: 'factory' }))))[0], 0x97, 'failures wait like wrong passwords');
  assert.equal((await answer(await byOpenssl(claims()), 'press-02'))[0], 0x86, 'another thing has another wait');
  await other.stop();
  await other.start();
  assert.equal((await answer(await byOpenssl(claims({ aud: ['x', 'factory'] }))))[0], 0, 'after a restart, with the key that was kept');
  assert(!other.log.includes('eyJ'), 'no token is logged');
  await other.stop();
  server = before_;
});

test('a removed key ends its sessions and lets nobody in', async () => {
  const fresh = await start();
  await fresh.thing(NAME);
  const { id } = await fresh.api('POST', `/api/things/${NAME}/keys`, { key: await publicOf(ec) });
  const client = new RawClient(fresh.ports.mqtt);
  const password = await byPython(claims());
  assert.equal((await client.connect({ clientId: NAME, username: NAME, password })).reasonCode, 0);
  await fresh.cliJson('key', 'remove', NAME, id);
  await client.ended();
  const again = new RawClient(fresh.ports.mqtt);
  assert.equal((await again.connect({ clientId: NAME, username: NAME, password })).reasonCode, 0x86);
  assert.deepEqual((await fresh.cliJson('key', 'list', NAME)).keys, []);
  await fresh.stop();
});

/** A SAS token as Azure's libraries make it, by Python's standard library. */
async function sasByPython(key, { resource = `dunlin/devices/${NAME}`, seconds = 3600 } = {}) {
  const script = `
import base64, hmac, sys, time, urllib.parse
key, resource, seconds = sys.argv[1], urllib.parse.quote_plus(sys.argv[2]), int(sys.argv[3])
expiry = int(time.time()) + seconds
signature = base64.b64encode(hmac.new(base64.b64decode(key), f'{resource}\\n{expiry}'.encode(), 'sha256').digest())
print('SharedAccessSignature ' + urllib.parse.urlencode({'sr': urllib.parse.unquote_plus(resource), 'sig': signature, 'se': str(expiry)}))`;
  const { code, stdout, stderr } = await run(PYTHON, ['-c', script, key, resource, String(seconds)]);
  assert.equal(code, 0, stderr);
  return stdout.trim();
}

/** The same by OpenSSL's command line. */
async function sasByOpenssl(key, { resource = `dunlin/devices/${NAME}`, expiry = now() + 3600 } = {}) {
  const encodedResource = encodeURIComponent(resource);
  const hex = Buffer.from(key, 'base64').toString('hex');
  const input = join(folder, 'sas');
  writeFileSync(input, `${encodedResource}\n${expiry}`);
  const output = join(folder, 'sas.mac');
  await openssl('dgst', '-sha256', '-mac', 'HMAC', '-macopt', `hexkey:${hex}`, '-binary', '-out', output, input);
  return `SharedAccessSignature sr=${encodedResource}&sig=${encodeURIComponent(readFileSync(output).toString('base64'))}&se=${expiry}`;
}

test('SAS tokens: two symmetric keys, changed one at a time', async () => {
  const { key, slot } = await server.cliJson('key', 'generate', NAME);
  assert.equal(slot, 'primary');
  assert.equal(Buffer.from(key, 'base64').length, 32);
  const second = (await server.cliJson('key', 'generate', NAME, '--slot', 'secondary')).key;
  assert.equal((await tell(await sasByPython(key), { user: 'host/press-01/?api-version=2021-04-12' })).code, 0);
  assert.equal((await tell(await sasByOpenssl(second), { version: 'mqttv311' })).code, 0);
  const { symmetric } = await server.cliJson('key', 'list', NAME);
  assert.deepEqual(symmetric.map((one) => one.slot), ['primary', 'secondary']);
  assert(!JSON.stringify(symmetric).includes(key));
  const live = new RawClient(server.ports.mqtt);
  assert.equal((await live.connect({ clientId: NAME, username: NAME, password: await sasByOpenssl(key) })).reasonCode, 0);
  const newer = (await server.cliJson('key', 'generate', NAME)).key;
  await live.ended();
  assert.equal((await answer(await sasByOpenssl(newer)))[0], 0);
  assert.equal((await answer(await sasByOpenssl(second)))[0], 0);
  const [code, why] = await answer(await sasByOpenssl(key));
  assert.equal(code, 0x86);
  assert.match(why, /not made with a key of this thing/);
  assert.equal((await server.cli('key', 'generate', NAME, '--slot', 'third')).code, 1);
});

test('a connection ends with its SAS token', async () => {
  const { key } = await server.cliJson('key', 'generate', 'press-02');
  const client = new RawClient(server.ports.mqtt);
  const resource = 'dunlin/devices/press-02';
  const password = await sasByOpenssl(key, { resource, expiry: now() + 3 });
  assert.equal((await client.connect({ clientId: 'press-02', password, username: 'x' })).reasonCode, 0);
  assert.equal((await client.next('disconnect')).reasonCode, 0xa0);
  await client.ended();
});

test('a thing of a group signs with the key derived from the group\'s', async () => {
  await server.cliJson('keygroup', 'create', '--name', 'line');
  const { key } = await server.cliJson('keygroup', 'key', 'line', '--registration_id', 'press-03');
  await server.cliJson('thing', 'create', '--name', 'press-03', '--attributes', '{"enrolled_by":"group:line"}');
  const password = await sasByPython(key, { resource: 'dunlin/devices/press-03' });
  assert.equal((await answer(password, 'press-03'))[0], 0);
  await server.cliJson('keygroup', 'delete', 'line');
  assert.equal((await answer(password, 'press-03'))[0], 0x86);
});

test('no key of a thing is in the database or the log', async () => {
  const { key } = await server.cliJson('key', 'generate', NAME);
  const bytes = readFileSync(join(server.data, 'records.sqlite')).toString('latin1') + readFileSync(join(server.data, 'records.sqlite-wal')).toString('latin1');
  assert(bytes.includes('"primary"'));
  assert(!bytes.includes(key));
  assert(!server.log.includes('SharedAccessSignature'));
});
