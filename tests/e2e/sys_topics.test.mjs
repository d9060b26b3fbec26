// $SYS with mosquitto's clients: the figures are there, for who may see them, and nobody writes them.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { as, publish } from './lib/mosquitto.mjs';
import { run, until } from './lib/program.mjs';
import { start } from './lib/server.mjs';

const NAME = 'lamp-01';
let server;
let device;
let watcher;

before(async () => {
  server = await start({ set: ['mqtt.sys_interval=200ms'] });
  device = await server.thing(NAME);
  watcher = await server.user('watcher');
});

async function figures(...filters) {
  const { stdout } = await run('mosquitto_sub', [...as(server, watcher), '-i', 'user-figures', '-v', '-W', '1', ...filters.flatMap((one) => ['-t', one])]);
  return new Map(stdout.split('\n').filter(Boolean).map((line) => [line.split(' ').slice(0, -1).join(' '), line.split(' ').at(-1)]));
}

test('mosquitto_sub reads the figures', async () => {
  for (let i = 0; i < 5; ++i) await publish(as(server, device), '-i', NAME, '-q', 1, '-t', `demo/plant1/machine/${NAME}/x`, '-m', 'hello');
  await until(async () => (await figures('$SYS/broker/publish/messages/received')).get('$SYS/broker/publish/messages/received') >= 5, 'the count');
  const all = await figures('$SYS/#');
  for (const name of ['clients/connected', 'clients/total', 'bytes/received', 'bytes/sent', 'messages/received', 'messages/sent', 'subscriptions/count',
    'retained messages/count', 'heap/current', 'load/messages/received/1min', 'load/connections/15min'])
    assert(all.has(`$SYS/broker/${name}`), name);
  assert(Number(all.get('$SYS/broker/bytes/received')) > 100);
  assert(Number(all.get('$SYS/broker/messages/sent')) > 10);
  assert(Number(all.get('$SYS/broker/load/messages/received/1min')) > 0);
});

test('wildcards at the beginning do not match them', async () => {
  const all = await figures('#', '+/broker/#');
  assert.deepEqual([...all.keys()].filter((topic) => topic.startsWith('$SYS')), []);
});

test('a device may not read them, and nobody may write them', async () => {
  const refused = await run('mosquitto_sub', [...as(server, device), '-i', NAME, '-t', '$SYS/#', '-W', '1', '-d']);
  assert.match(refused.stdout + refused.stderr, /denied|not authori[sz]ed|135/i);
  await server.api('PUT', '/api/policies/everything', { document: { statements: [
    { effect: 'allow', actions: ['mqtt:connect'], resources: ['client/*'] },
    { effect: 'allow', actions: ['mqtt:publish', 'mqtt:subscribe', 'mqtt:receive'], resources: ['topic/#', 'topic/$SYS/#'] }] } });
  const all = await server.user('allowed', ['everything']);
  const { stderr, stdout } = await publish(as(server, all), '-i', 'user-all', '-q', 1, '-t', '$SYS/broker/version', '-m', 'mine', '-r', '-d');
  assert.match(stderr + stdout, /rc135|RC:135|not authori[sz]ed/i);
  assert.match((await figures('$SYS/broker/version')).get('$SYS/broker/version dunlin version') ?? '', /^\d/);
});
