// Policies that change under connected clients of others: MQTT.js and mosquitto's.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Subscriber, as, published } from './lib/mosquitto.mjs';
import { connect, disconnectAll } from './lib/mqtt.mjs';
import { until } from './lib/program.mjs';
import { start } from './lib/server.mjs';

const everything = (topics) => ({ document: { statements: [
  { effect: 'allow', actions: ['mqtt:connect'], resources: ['client/*'] },
  { effect: 'allow', actions: ['mqtt:*'], resources: topics.map((one) => `topic/${one}`) }] } });
let server;
let who;

before(async () => {
  server = await start();
  await server.api('PUT', '/api/policies/changing', everything(['a/#', 'b/#']));
  who = await server.user('someone', ['changing']);
});
after(disconnectAll);

test('a client that loses a subscription is told within a second; its publishes are refused at once', async () => {
  const reader = await connect(server, who, { clientId: 'user-reader', reconnectPeriod: 0 });
  const writer = await connect(server, who, { clientId: 'user-writer', reconnectPeriod: 0 });
  await reader.subscribeAsync('a/#', { qos: 1 });
  await writer.publishAsync('a/1', 'before', { qos: 1 });
  const told = new Promise((resolve) => reader.once('disconnect', (packet) => resolve({ packet, at: Date.now() })));
  await server.api('PUT', '/api/policies/changing', everything(['b/#']));
  const changed = Date.now();
  await assert.rejects(writer.publishAsync('a/2', 'after', { qos: 1 }), (error) => error.code === 135);
  const { subscriptions } = await server.api('GET', '/api/subscriptions?client_id=user-reader');
  assert.deepEqual(subscriptions, [], 'the answer to the change comes when every connection has been judged by it');
  const { packet, at } = await told;
  assert.equal(packet.reasonCode, 135);
  assert.match(packet.properties.reasonString, /no statement allows it/);
  assert(at - changed < 1000, `${at - changed} ms`);
  await writer.publishAsync('b/1', 'still allowed', { qos: 1 });
});

test('mosquitto_sub with a lasting session comes back without the subscription', async () => {
  await server.api('PUT', '/api/policies/changing', everything(['a/#', 'b/#']));
  const lasting = await Subscriber.open(as(server, who), '-i', 'user-lasting', '-c', '-x', 3600, '-q', 1, '-t', 'a/#', '-t', 'b/#');
  await server.api('PUT', '/api/policies/changing', everything(['b/#']));
  await lasting.program.printed(/^Received DISCONNECT \(135\)/m);
  const { subscriptions } = await server.api('GET', '/api/subscriptions?client_id=user-lasting');
  assert.deepEqual(subscriptions.map((one) => one.filter), ['b/#']);
  await published(as(server, who), '-i', 'user-p', '-q', 1, '-t', 'b/1', '-m', 'kept');
  const again = await Subscriber.open(as(server, who), '-i', 'user-lasting', '-c', '-x', 3600, '-q', 1, '-t', 'b/#');
  await again.received('b/1 1 0 kept');
  await again.stop();
});
