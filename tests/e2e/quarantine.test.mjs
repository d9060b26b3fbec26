// Devices that behave oddly, or say that somebody is at them, are put in quarantine; seen by unchanged clients.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Subscriber, as, publish, published } from './lib/mosquitto.mjs';
import { connect, disconnectAll, messages, publishRefused } from './lib/mqtt.mjs';
import { until } from './lib/program.mjs';
import { start, temporaryFolder } from './lib/server.mjs';

const data = temporaryFolder();
const telemetry = (name) => `demo/plant1/machine/${name}/temperature`;
const quarantine = async (name) => (await server.api('GET', `/api/things/${name}`)).quarantine;
const held = (name) => until(async () => (await quarantine(name)) !== undefined, `${name} in quarantine`, { timeout: 15_000 });
const alarms = async (thing) => (await server.api('GET', `/api/alarms?thing=${thing}&state=active`)).alarms.map((one) => one.name);

let server;
before(async () => {
  server = await start({ data });
  await server.api('PUT', '/api/behaviour/type:machine', { messages_per_second: 20, bytes_per_second: 20_000, message_bytes: 5000, refusals: 20, connects: 10 });
});
after(disconnectAll);

async function device(name) {
  const who = await server.thing(name);
  const client = await connect(server, who, { clientId: name });
  await until(async () => (await server.api('GET', `/api/things/${name}`)).lifecycle === 'operation', 'operation');
  return { who, client };
}

test('a device that floods is told of, loses its topics at once, and keeps its shadow and its status', async () => {
  const { client } = await device('wild-01');
  const { client: calm } = await device('calm-01');
  const reader = await connect(server, await server.user('reader'), { clientId: 'user-reader' });
  await reader.subscribeAsync('$dunlin/things/wild-01/#', { qos: 1 });
  for (let i = 0; i < 300; ++i) client.publish(telemetry('wild-01'), '{"value":1}', { qos: 0 });
  await held('wild-01');
  const why = await quarantine('wild-01');
  assert.match(why.reason, /messages_per_second \d+, the limit is 20/);
  assert.equal(why.by, 'behaviour');
  assert.deepEqual(await alarms('wild-01'), ['behaviour']);
  // Nobody asked for this quarantine, so no answer has waited for it.
  await until(() => publishRefused(client, telemetry('wild-01')).then(() => true, () => false), 'the refusal', { timeout: 1000 });
  await publishRefused(client, '$dunlin/things/wild-01/shadow/update');
  await client.publishAsync('$dunlin/things/wild-01/status', 'still here', { qos: 1 });
  await client.subscribeAsync('$dunlin/things/wild-01/shadow/get/+', { qos: 1 });
  await client.publishAsync('$dunlin/things/wild-01/shadow/get', '{}', { qos: 1 });
  await messages(client, 1);
  await until(() => reader.received.some(({ topic, payload }) => topic.endsWith('/lifecycle') && JSON.parse(payload).event === 'quarantined'), 'the event');
  await calm.publishAsync(telemetry('calm-01'), '{"value":1}', { qos: 1 });
  assert.equal(await quarantine('calm-01'), undefined);
  assert.equal(await server.metric('dunlin_registry_things_in_quarantine'), 1);
  assert.equal(await server.metric('dunlin_behaviour_quarantines_total'), 1);
});

test('quarantine outlasts a kill; an operator releases on the command line, and the alarm is cleared', async () => {
  await server.kill9();
  server = await start({ data });
  assert.match((await quarantine('wild-01')).reason, /messages_per_second/);
  assert.equal(await server.metric('dunlin_registry_things_in_quarantine'), 1);
  const { token } = await server.api('POST', '/api/things/wild-01/tokens', {});
  const who = { name: 'wild-01', token };
  const client = await connect(server, who, { clientId: 'wild-01' });
  await publishRefused(client, telemetry('wild-01'));
  const [granted] = await client.subscribeAsync('+/+/+/wild-01/#', { qos: 1 }).catch((error) => [{ qos: error.code ?? 135 }]);
  assert(granted.qos >= 128, JSON.stringify(granted));
  const freed = await server.cliJson('thing', 'release', 'wild-01', '--reason', 'a loop in its program');
  assert.equal(freed.quarantine, undefined);
  assert.deepEqual(freed.events.slice(-2).map((one) => one.event), ['quarantined', 'released']);
  await client.publishAsync(telemetry('wild-01'), '{"value":1}', { qos: 1 });
  await until(async () => (await alarms('wild-01')).length === 0, 'no alarm');
  const { records } = await server.api('GET', '/api/audit?object=wild-01');
  const actions = records.map((one) => one.action);
  for (const action of ['thing.quarantine', 'thing.release']) assert(actions.includes(action), actions.join(' '));
});

test('size, refusals and reconnecting count, too', async () => {
  const { client: big } = await device('big-01');
  big.publish(telemetry('big-01'), 'x'.repeat(6000), { qos: 0 });
  const { client: curious } = await device('curious-01');
  for (let i = 0; i < 30; ++i) await publishRefused(curious, telemetry(`other-${i}`));
  const { who } = await device('churn-01');
  for (let i = 0; i < 12; ++i) await published(as(server, who), '-i', `churn-01/${i}`, '-q', 1, '-t', telemetry('churn-01'), '-m', '1');
  for (const [name, reason] of [['big-01', /message_bytes/], ['curious-01', /refusals/], ['churn-01', /connects/]]) {
    await held(name);
    assert.match((await quarantine(name)).reason, reason);
  }
});

test('a tamper event leads to quarantine within a second, from unchanged mosquitto_pub', async () => {
  const { who } = await device('lid-01');
  const watcher = await Subscriber.open(as(server, await server.user('guard')), '-i', 'user-guard', '-t', '$dunlin/alarms/tamper/+');
  const began = Date.now();
  await published(as(server, who), '-i', 'lid-01/sensor', '-q', 1, '-t', '$dunlin/things/lid-01/tamper', '-m', '{"reason":"the lid is open"}');
  await held('lid-01');
  assert(Date.now() - began < 1500, `${Date.now() - began} ms`);
  assert.match((await quarantine('lid-01')).reason, /the lid is open/);
  await watcher.program.printed(/MESSAGE \$dunlin\/alarms\/tamper\/lid-01 .*critical/);
  await watcher.stop();
  const { stderr } = await publish(as(server, who), '-i', 'lid-01', '-q', 1, '-t', telemetry('lid-01'), '-m', '1');
  assert.match(stderr, /Not authorized/);
});

test('a gateway that sends what it has kept is not slowed by the limits of devices', async () => {
  const gate = await server.thing('gate-01', { type: 'gateway', attributes: { site: 'plant1' } });
  const client = await connect(server, gate, { clientId: 'gate-01' });
  for (let round = 0; round < 10; ++round)
    await Promise.all(Array.from({ length: 40 }, (_, i) => client.publishAsync(`demo/plant1/machine/behind-${i % 5}/t`, '1', { qos: 1 })));
  assert.equal(await quarantine('gate-01'), undefined);
});

test('limits are set, shown and removed on the command line; a wrong one is refused with what is right', async () => {
  const put = await server.cliJson('behaviour', 'put', 'thing:calm-01', '--refusals', '5', '--response', 'alarm');
  assert.deepEqual(put.own, { refusals: 5, response: 'alarm' });
  assert.equal(put.in_force.connects, 10);
  const wrong = await server.cli('behaviour', 'put', 'things:calm-01', '--refusals', '5');
  assert.notEqual(wrong.code, 0);
  assert.match(wrong.stderr, /default, type:NAME or thing:NAME/);
  await server.cliJson('behaviour', 'delete', 'thing:calm-01');
  const { scopes } = await server.cliJson('behaviour', 'list');
  assert.deepEqual(scopes.map((one) => one.scope), ['type:machine']);
});
