// Shared subscriptions with mqtt.js and mosquitto's clients: everybody gets a part, nothing is lost when members or the server go.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { as, Subscriber } from './lib/mosquitto.mjs';
import { connect, disconnectAll } from './lib/mqtt.mjs';
import { until } from './lib/program.mjs';
import { start } from './lib/server.mjs';

const TOPIC = 'demo/plant1/machine/orders/new';
const FILTER = 'demo/plant1/machine/orders/#';
let server;
let orders;
let watcher;

before(async () => {
  server = await start();
  orders = await server.thing('orders');
  watcher = await server.user('watcher');
});
after(disconnectAll);

const publisher = () => connect(server, orders, { clientId: 'orders' });
const member = (name, options) => connect(server, watcher, { clientId: `user-watcher-${name}`, ...options });
const lasting = { clean: false, properties: { sessionExpiryInterval: 3600 } };
const payloads = (clients) => clients.flatMap((client) => client.received.map((m) => m.payload.toString()));
const numbers = (from, count) => [...Array(count).keys()].map((i) => String(from + i));
const sorted = (texts) => [...texts].sort((a, b) => Number(a) - Number(b));

async function publishAll(client, texts, qos) {
  await Promise.all(texts.map((text) => client.publishAsync(TOPIC, text, { qos })));
}

for (const qos of [0, 1, 2]) {
  test(`members of every kind share QoS ${qos} evenly`, async () => {
    const group = `$share/even${qos}/${FILTER}`;
    const members = [await member('a'), await member('b', { version: 3 })];
    for (const client of members) await client.subscribeAsync(group, { qos });
    const third = await Subscriber.open(as(server, watcher, 5), '-i', 'user-watcher-c', '-q', qos, '-t', group);
    const from = await publisher();
    await publishAll(from, numbers(0, 30), qos);
    const all = () => [...payloads(members), ...third.messages.map((line) => line.split(' ')[3])];
    await until(() => all().length >= 30, '30 messages');
    assert.deepEqual(sorted(all()), numbers(0, 30));
    for (const client of members) assert.equal(client.received.length, 10);
    await third.stop();
    for (const client of [from, ...members]) await client.endAsync();
  });
}

test('what a member has not acknowledged goes to another when it is cut off', async () => {
  const group = `$share/leaving/${FILTER}`;
  const stuck = await member('stuck', { properties: { receiveMaximum: 5 } });
  stuck.handleMessage = () => undefined; // never done: no PUBACK
  await stuck.subscribeAsync(group, { qos: 1 });
  const from = await publisher();
  await publishAll(from, numbers(0, 5), 1);
  const other = await member('other');
  await other.subscribeAsync(group, { qos: 1 });
  await publishAll(from, numbers(5, 5), 1);
  await until(() => other.received.length === 5, 'the five for which the other has no room');
  stuck.stream.destroy();
  await until(() => other.received.length === 10, 'all ten');
  assert.deepEqual(sorted(payloads([other])), numbers(0, 10));
  await other.endAsync();
  await from.endAsync();
});

test('the right to subscribe is that of the filter', async () => {
  const device = await connect(server, orders, { clientId: 'orders' });
  const refused = await device.subscribeAsync('$share/mine/demo/+/+/others/#', { qos: 1 }).catch((error) => error);
  assert.match(String(refused.message ?? JSON.stringify(refused)), /135|Not authorized/i);
  await device.endAsync();
});

describe('over SIGKILL of the server', () => {
  for (const qos of [1, 2]) {
    test(`QoS ${qos} waits for members that are away, and reaches one of them`, async () => {
      const group = `$share/kept${qos}/${FILTER}`;
      for (const name of ['x', 'y'].map((text) => text + qos)) {
        const client = await member(name, lasting);
        await client.subscribeAsync(group, { qos });
        await client.endAsync();
      }
      let from = await publisher();
      await publishAll(from, numbers(0, 40), qos);
      await from.endAsync();
      await server.kill9();
      await server.start();
      from = await publisher();
      const members = [await member(`x${qos}`, lasting), await member(`y${qos}`, lasting)];
      await publishAll(from, numbers(40, 10), qos);
      await until(() => payloads(members).length >= 50, 'all fifty');
      assert.deepEqual(sorted(payloads(members)), numbers(0, 50));
      for (const client of [from, ...members]) await client.endAsync();
    });
  }
});

test('a group that an operator has ended does not come back, after SIGKILL either', async () => {
  const group = `$share/ended/${FILTER}`;
  const path = `/api/shared/${encodeURIComponent(group)}`;
  const gone = await member('gone', lasting);
  await gone.subscribeAsync(group, { qos: 1 });
  await gone.endAsync();
  const from = await publisher();
  await publishAll(from, numbers(0, 20), 1);
  await from.endAsync();
  assert.equal((await server.api('GET', path)).queued, 20);
  assert.deepEqual(await server.api('DELETE', path), { name: group, messages: 20, members: 1 });
  await server.kill9();
  await server.start();
  assert.equal((await server.api('GET', '/api/shared')).shared.filter((one) => one.name === group).length, 0);
  const back = await member('gone', lasting);
  assert.equal(back.connack.sessionPresent, true, 'the session is there, its subscription is not');
  const later = await publisher();
  await publishAll(later, ['nobody'], 1);
  const shown = await server.api('GET', '/api/sessions/user-watcher-gone');
  assert.deepEqual(shown.subscription_list, []);
  assert.deepEqual(back.received, []);
  await later.endAsync();
  await back.endAsync();
});
