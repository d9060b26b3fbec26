// SCRAM-SHA-256 over MQTT 5: mqtt.js with node's own cryptography as the client, and raw packets for what it would not do.
import assert from 'node:assert/strict';
import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import mqtt from 'mqtt';
import { messages } from './lib/mqtt.mjs';
import { until } from './lib/program.mjs';
import { cutAll, RawClient } from './lib/raw_mqtt.mjs';
import { start } from './lib/server.mjs';

const METHOD = 'SCRAM-SHA-256';
const NAME = 'pump-07';
const PASSWORD = 'oil, water = 2 x';
let server;

before(async () => {
  server = await start({ set: ['threads.reactors=2'] });
  await server.thing(NAME);
  await server.user('anna');
});
after(cutAll);

const hmac = (key, text) => createHmac('sha256', key).update(text).digest();
const fields = (message) => Object.fromEntries(message.split(',').map((field) => [field[0], field.slice(2)]));

/** The client's side of RFC 5802. */
class Scram {
  constructor(name, password, header = 'n,,') {
    this.password = password;
    this.header = header;
    this.nonce = randomBytes(18).toString('base64').replaceAll('/', '.');
    this.bare = `n=${name.replaceAll('=', '=3D').replaceAll(',', '=2C')},r=${this.nonce}`;
  }
  get first() {
    return Buffer.from(this.header + this.bare);
  }
  final(challenge) {
    const text = challenge.toString();
    const { r, s, i } = fields(text);
    assert(r.startsWith(this.nonce) && r.length > this.nonce.length);
    this.challenge = { salt: s, iterations: Number(i) };
    const salted = pbkdf2Sync(this.password, Buffer.from(s, 'base64'), Number(i), 32, 'sha256');
    const clientKey = hmac(salted, 'Client Key');
    const without = `c=${Buffer.from(this.header).toString('base64')},r=${r}`;
    const signed = `${this.bare},${text},${without}`;
    const signature = hmac(createHash('sha256').update(clientKey).digest(), signed);
    this.expected = `v=${hmac(hmac(salted, 'Server Key'), signed).toString('base64')}`;
    return Buffer.from(`${without},p=${Buffer.from(clientKey.map((byte, at) => byte ^ signature[at])).toString('base64')}`);
  }
}

/** mqtt.js calls `handleAuth` with each AUTH packet and sends what it is given. */
async function open(name, password, { clientId = name } = {}) {
  const scram = new Scram(name, password);
  const client = mqtt.connect(`mqtt://127.0.0.1:${server.ports.mqtt}`, {
    clientId,
    protocolVersion: 5,
    reconnectPeriod: 0,
    manualConnect: true,
    properties: { authenticationMethod: METHOD, authenticationData: scram.first },
  });
  client.handleAuth = (packet, callback) => {
    assert.equal(packet.reasonCode, 0x18);
    assert.equal(packet.properties.authenticationMethod, METHOD);
    const authenticationData = scram.final(packet.properties.authenticationData);
    callback(null, { cmd: 'auth', reasonCode: 0x18, properties: { authenticationMethod: METHOD, authenticationData } });
  };
  const answer = new Promise((resolve, reject) => {
    client.once('connect', resolve);
    client.once('error', reject);
    client.once('close', () => reject(new Error('closed')));
  });
  client.connect();
  try {
    const connack = await answer;
    assert.equal(connack.properties.authenticationMethod, METHOD);
    assert.equal(connack.properties.authenticationData.toString(), scram.expected, 'the server proves itself too');
    return client;
  } catch (error) {
    client.end(true);
    throw error;
  }
}

test('mqtt.js connects as a thing and as a user', async () => {
  const made = await server.cliJson('thing', 'scram', NAME, '--password', PASSWORD);
  assert.equal(made.id, `thing:${NAME}`);
  assert.equal(made.password, undefined);
  const { password } = await server.api('POST', '/api/users/anna/scram', {});
  assert(password.length >= 24);
  const watcher = await open('anna', password, { clientId: 'user-anna' });
  watcher.received = [];
  watcher.on('message', (topic, payload) => watcher.received.push({ topic, payload }));
  await watcher.subscribeAsync(`demo/plant1/machine/${NAME}/#`, { qos: 1 });
  const device = await open(NAME, PASSWORD);
  await device.publishAsync(`demo/plant1/machine/${NAME}/flow`, '7', { qos: 1 });
  const [{ payload }] = await messages(watcher, 1);
  assert.equal(payload.toString(), '7');
  await device.endAsync();
  await watcher.endAsync();
});

test('nothing that is stored or logged is the password', () => {
  const bytes = readFileSync(join(server.data, 'records.sqlite')).toString('latin1') + readFileSync(join(server.data, 'records.sqlite-wal')).toString('latin1');
  assert(bytes.includes('stored_key'));
  assert(!bytes.includes(PASSWORD));
  assert(!server.log.includes(PASSWORD));
});

async function begun(name, scram, more = {}) {
  const client = new RawClient(server.ports.mqtt);
  const first = await client.connect({ clientId: name, properties: { authenticationMethod: METHOD, authenticationData: scram.first }, ...more });
  return { client, first };
}
const answerWith = (client, authenticationData, reasonCode = 0x18) =>
  client.send({ cmd: 'auth', reasonCode, properties: { authenticationMethod: METHOD, authenticationData } });

test('authenticates again during the session, and ends it when that fails', async () => {
  const scram = new Scram(NAME, PASSWORD, 'y,,');
  const { client, first } = await begun(NAME, scram);
  answerWith(client, scram.final(first.properties.authenticationData));
  assert.equal((await client.next('connack')).reasonCode, 0);
  const again = new Scram(NAME, PASSWORD);
  answerWith(client, again.first, 0x19);
  answerWith(client, again.final((await client.next('auth')).properties.authenticationData));
  const done = await client.next('auth');
  assert.equal(done.reasonCode ?? 0, 0);
  assert.equal(done.properties.authenticationData.toString(), again.expected);
  const wrong = new Scram(NAME, 'something else again');
  answerWith(client, wrong.first, 0x19);
  answerWith(client, wrong.final((await client.next('auth')).properties.authenticationData));
  assert.equal((await client.next('disconnect')).reasonCode, 0x87);
  await client.ended();
});

test('a client that leaves the first message for later is asked for it', async () => {
  const scram = new Scram(NAME, PASSWORD);
  const client = new RawClient(server.ports.mqtt);
  const asked = await client.connect({ clientId: NAME, properties: { authenticationMethod: METHOD } });
  assert.deepEqual([asked.cmd, asked.properties.authenticationData], ['auth', undefined]);
  answerWith(client, scram.first);
  answerWith(client, scram.final((await client.next('auth')).properties.authenticationData));
  assert.equal((await client.next('connack')).reasonCode, 0);
  client.cut();
});

test('another method is refused with 0x8C', async () => {
  const client = new RawClient(server.ports.mqtt);
  const properties = { authenticationMethod: 'SCRAM-SHA-1', authenticationData: Buffer.from('n,,n=a,r=b') };
  assert.equal((await client.connect({ clientId: 'x', properties })).reasonCode, 0x8c);
  await client.ended();
});

test('channel binding, malformed messages and other identities are refused', async () => {
  for (const message of ['p=tls-unique,,n=a,r=b', 'n,,', 'garbage', `n,a=admin,n=${NAME},r=abc`]) {
    const client = new RawClient(server.ports.mqtt);
    const properties = { authenticationMethod: METHOD, authenticationData: Buffer.from(message) };
    const { cmd, reasonCode } = await client.connect({ clientId: 'x', properties });
    assert.deepEqual([cmd, reasonCode], ['connack', 0x86], message);
    await client.ended();
  }
});

test('an unknown user is asked like a known one, and refused at the proof, until it has to wait', async () => {
  const other = await start();
  await other.thing(NAME);
  await other.api('POST', `/api/things/${NAME}/scram`, { password: PASSWORD });
  const attempt = async (name) => {
    const client = new RawClient(other.ports.mqtt);
    const scram = new Scram(name, 'not the password');
    const first = await client.connect({ clientId: name, properties: { authenticationMethod: METHOD, authenticationData: scram.first } });
    if (first.cmd === 'connack') return { code: first.reasonCode };
    answerWith(client, scram.final(first.properties.authenticationData));
    const { reasonCode, properties } = await client.next('connack');
    return { code: reasonCode, why: properties.reasonString, ...scram.challenge };
  };
  const known = await attempt(NAME);
  const unknown = await attempt('nobody-1');
  assert.deepEqual([known.code, known.why, known.iterations], [unknown.code, unknown.why, unknown.iterations]);
  assert.equal(known.salt.length, unknown.salt.length);
  assert.equal((await attempt('nobody-1')).salt, unknown.salt, 'the same salt each time');
  await other.stop();
  await other.start();
  assert.equal((await attempt('nobody-1')).salt, unknown.salt, 'also after a restart');
  await until(async () => (await attempt('nobody-1')).code === 0x97, 'the penalty');
  await other.stop();
});

test('a removed credential ends its sessions and lets nobody in', async () => {
  const device = await open(NAME, PASSWORD);
  const closed = new Promise((resolve) => device.once('close', resolve));
  const { credentials } = await server.cliJson('scram', 'list');
  assert.deepEqual(credentials.map(({ id }) => id).sort(), [`thing:${NAME}`, 'user:anna']);
  assert(!JSON.stringify(credentials).includes('key'));
  await server.cliJson('scram', 'delete', `thing:${NAME}`);
  await closed;
  await assert.rejects(open(NAME, PASSWORD));
});
