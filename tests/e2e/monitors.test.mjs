// Monitors of a running server: what devices send is judged as it arrives, also across SIGKILL.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import mqtt from 'mqtt';
import { until } from './lib/program.mjs';
import { start } from './lib/server.mjs';

const NAME = 'monitored-01';
let server;
let device;

/** Sends values at QoS 1, a second of the device's clock apart, until each is acknowledged. */
let seconds = 0;
async function send(values) {
  const client = await mqtt.connectAsync({
    host: '127.0.0.1', port: server.ports.mqtt, protocolVersion: 5, clientId: NAME, username: device.name, password: device.token,
  });
  for (const value of values) {
    const t = Date.UTC(2026, 0, 1) + 1000 * ++seconds;
    await client.publishAsync(`demo/plant1/machine/${NAME}/temperature`, JSON.stringify({ value, t }), { qos: 1 });
  }
  await client.endAsync();
}
async function json(...words) {
  const { code, stdout, stderr } = await server.cli(...words, '--json');
  assert.equal(code, 0, `${words.join(' ')}: ${stderr}`);
  return JSON.parse(stdout);
}
const alarms = async () => (await json('alarm', 'list')).alarms.map(({ name, thing, state }) => `${name} ${thing} ${state}`);
const wait = (expected) => until(async () => JSON.stringify(await alarms()) === JSON.stringify(expected), `the alarms ${expected}`);

before(async () => {
  server = await start();
  device = await server.thing(NAME);
});
after(() => server?.stop());

describe('monitors', { concurrency: false }, () => {
  test('are made by the command line, and refused where they make no sense', async () => {
    const made = await json('monitor', 'put', 'hot', '--channel', 'temperature', '--kind', 'threshold', '--severity', 'major',
      '--options', '{"high":80,"hysteresis":5,"hold_seconds":10}');
    assert.deepEqual([made.name, made.kind, made.severity, made.options.high], ['hot', 'threshold', 'major', 80]);
    await json('monitor', 'put', 'odd', '--channel', 'temperature');
    assert.deepEqual((await json('monitor', 'list')).monitors.map(({ name }) => name), ['hot', 'odd']);
    const wrong = await server.cli('monitor', 'put', 'none', '--channel', 'temperature', '--kind', 'threshold');
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /a lower or an upper limit is needed/);
  });

  test('raise an alarm with its reason, and count across SIGKILL', async () => {
    await send([20, 90, 90, 90, 90, 90]);
    await server.kill9();
    server = await start({ data: server.data });
    await send([90, 90, 90, 90, 90]);
    assert.deepEqual(await alarms(), [], 'nine seconds');
    await send([91]);
    await wait([`hot ${NAME} active`]);
    const [alarm] = (await json('alarm', 'list')).alarms;
    assert.match(alarm.message, /^temperature is 91, expected at most 80 \(threshold, since 2026-01-01T00:00:02/);
    await send([60]);
    await wait([`hot ${NAME} cleared`]);
  });

  test('find what is unusual without settings, and show it', async () => {
    await send(Array.from({ length: 500 }, (_, i) => 20 + 5 * Math.sin(i / 10) + 0.1 * (i % 3)));
    await json('monitor', 'delete', 'hot');
    await send([300]);
    await until(async () => (await alarms()).includes(`odd ${NAME} active`), 'the anomaly');
    const [state] = (await json('monitor', 'state', 'odd')).states;
    assert.deepEqual([state.device, state.raised, state.value], [NAME, true, 300]);
    assert(state.score >= 0.5 && state.expected_high < 300, JSON.stringify(state));
    await json('monitor', 'delete', 'odd');
    await until(async () => (await alarms()).includes(`odd ${NAME} cleared`), 'its end');
  });
});
