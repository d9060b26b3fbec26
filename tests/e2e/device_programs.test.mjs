// Programs of the shapes that device developers write, as they are: Paho and requests of Debian's packages, in device_programs/.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { as, published } from './lib/mosquitto.mjs';
import { Program, run, until } from './lib/program.mjs';
import { start } from './lib/server.mjs';

const PYTHON = process.env.DUNLIN_PAHO_PYTHON ?? '/usr/bin/python3'; // Debian's own, which has the packages
const PASSWORD = 'a password of the monitor';
const program = (name) => new URL(`./device_programs/${name}.py`, import.meta.url).pathname;
let server;
let setup;

before(async () => {
  server = await start();
  setup = { ...process.env, BROKER: 'localhost', PORT: String(server.ports.mqtts), CA_FILE: server.rootFile };
  await server.api('PUT', '/api/policies/sensors', { document: { statements: [
    { effect: 'allow', actions: ['mqtt:publish', 'mqtt:subscribe', 'mqtt:receive'], resources: ['topic/sensors/+/temperature'] },
    { effect: 'allow', actions: ['mqtt:connect'], resources: ['client/*'] }] } });
});

/** Starts the monitor, sends it a temperature, and gives what it has printed. */
async function watched(env, sender) {
  const monitor = new Program(PYTHON, [program('monitor')], { env: { ...setup, ...env } });
  await monitor.printed(/^subscribed \(1,\)$/m);
  await published(as(server, sender), '-i', sender.name, '-q', 1, '-t', 'sensors/kiln-7/temperature', '-m', '412.5');
  await monitor.printed(/^kiln-7: 412\.5$/m);
  await monitor.stop();
}

describe('Paho with user name and password over TLS', () => {
  let sender;
  before(async () => {
    sender = await server.thing('kiln-gateway');
    await server.cliJson('policy', 'attach', 'sensors', 'thing:kiln-gateway');
  });

  test('a person sees the temperatures of all sensors', async () => {
    await server.api('POST', '/api/users', { name: 'monitor', password: PASSWORD, permissions: [] });
    await server.cliJson('policy', 'attach', 'sensors', 'user:monitor');
    await watched({ MQTT_USER: 'monitor', MQTT_PASSWORD: PASSWORD }, sender);
  });

  test('a device does, with its name and token', async () => {
    const display = await server.thing('display-01');
    await server.cliJson('policy', 'attach', 'sensors', 'thing:display-01');
    await watched({ MQTT_USER: 'display-01', MQTT_PASSWORD: display.token, CLIENT_ID: 'display-01' }, sender);
  });

  test('a wrong password is refused with the reason that Paho knows', async () => {
    const env = { ...setup, MQTT_USER: 'monitor', MQTT_PASSWORD: 'another password' };
    const { stdout } = await run(PYTHON, [program('monitor')], { env, timeout: 30_000 });
    assert.match(stdout, /^refused: .*(not authorised|bad user name or password)/im);
  });
});

describe('a device with a certificate', () => {
  test('registers itself with requests and sends with an SSL context; its topic is a channel of the thing', async () => {
    await server.thing('temp-001');
    const { cert, key } = await server.certificate('temp-001');
    const env = { ...setup, CERT_FILE: cert, KEY_FILE: key, URL: `https://localhost:${server.ports.https}/api/devices/register` };
    const registered = await run(PYTHON, [program('register')], { env });
    assert.equal(registered.code, 0, registered.stderr);
    assert.match(registered.stdout, /^20[01] temp-001$/m);
    const sent = await run(PYTHON, [program('sensor')], { env, timeout: 60_000 });
    assert.equal(sent.code, 0, sent.stderr);
    assert.deepEqual(sent.stdout.trim().split('\n'), ['published 23.1', 'published 23.4', 'published 23.5']);
    const last = async () => (await server.api('GET', '/api/series/last?device=temp-001')).series;
    await until(async () => (await last()).some(({ value }) => value === 23.5), 'the last temperature is stored');
    const [series] = await last();
    assert.deepEqual([series.device, series.channel, series.unit], ['temp-001', 'temperature', 'Cel']);
    const thing = await server.api('GET', '/api/things/temp-001');
    assert.equal(thing.attributes.model, 'TS-100');
  });
});
