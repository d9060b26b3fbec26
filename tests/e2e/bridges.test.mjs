// Bridges: ours to mosquitto, mosquitto's to us, rings; with TLS, passwords, outages and SIGKILL.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { client, endClients, freePort, makeCertificates, Mosquitto } from './lib/mosquitto_server.mjs';
import { sleep, until } from './lib/program.mjs';
import { Server, start, temporaryFile } from './lib/server.mjs';

const OPEN = ['security.anonymous_on_loopback=true', 'threads.reactors=2'];
const brokers = [];
after(async () => {
  endClients();
  for (const broker of brokers) await broker.stop();
});

async function mosquitto(options) {
  const broker = await Mosquitto.start(options);
  brokers.push(broker);
  return broker;
}

/** A server with the bridges (objects with TOML values) in its configuration. */
function withBridges(bridges, more = {}) {
  const value = (v) => (Array.isArray(v) ? `[${v.map((x) => JSON.stringify(x)).join(', ')}]` : JSON.stringify(v));
  const text = bridges.map((b) => `[[bridge]]\n${Object.entries(b).map(([k, v]) => `${k} = ${value(v)}`).join('\n')}\n`);
  return start({ set: OPEN, config: temporaryFile('dunlin.toml', text.join('\n')), ...more });
}

const connected = (server, name) =>
  until(async () => (await server.api('GET', `/api/bridges/${name}`)).state === 'connected', `the bridge ${name}`);
const local = (server, id, more) => client(`mqtt://127.0.0.1:${server.ports.mqtt}`, id, more);
const texts = (one) => one.received.map(({ topic, payload }) => `${topic}=${payload}`);
const has = (one, text) => until(() => texts(one).includes(text), `${text} among ${texts(one)}`);
const counts = (list) => list.reduce((map, one) => map.set(one, (map.get(one) ?? 0) + 1), new Map());

describe('ours to mosquitto', () => {
  test('over TLS with a password: both directions, prefixes, retain flags, state', async () => {
    const tls = makeCertificates();
    const broker = await mosquitto({ tls, user: { name: 'dunlin', password: 'a secret of theirs' } });
    const password = temporaryFile('password', 'a secret of theirs\n');
    const server = await withBridges([
      {
        name: 'm', address: `mqtts://localhost:${broker.port}`, username: 'dunlin', password_file: password, ca_file: tls.ca,
        topics: ['up/# out 1 here/ there/', 'down/# in 1 here/ there/', 'site1/hall2/# out 0 "" "" replace=site1/hall2:factory', 'plain/# out 1 retain=no'],
      },
    ]);
    await connected(server, 'm');
    const far = await client(broker.url, 'far');
    await far.subscribeAsync('#', { qos: 2, rap: true });
    const near = await local(server, 'near');
    await near.subscribeAsync('here/#', { qos: 2, rap: true });

    await near.publishAsync('here/up/1', 'hello', { qos: 1 });
    await has(far, 'there/up/1=hello');
    await near.publishAsync('site1/hall2/press', 'x');
    await has(far, 'factory/press=x');
    await far.publishAsync('there/down/1', 'answer', { qos: 1 });
    await has(near, 'here/down/1=answer');
    await near.publishAsync('here/up/kept', 'r', { qos: 1, retain: true });
    await near.publishAsync('plain/kept', 'r', { qos: 1, retain: true });
    await far.publishAsync('there/down/kept', 'r', { qos: 1, retain: true });
    await Promise.all([has(far, 'there/up/kept=r'), has(far, 'plain/kept=r'), has(near, 'here/down/kept=r')]);
    const flag = (one, topic) => one.received.find((m) => m.topic === topic).retain;
    assert.equal(flag(far, 'there/up/kept'), true);
    assert.equal(flag(far, 'plain/kept'), false);
    assert.equal(flag(near, 'here/down/kept'), true);

    const row = await server.api('GET', '/api/bridges/m');
    assert.equal(row.version, '5');
    assert.equal(row.out.refused + row.in.refused, 0);
    assert(!JSON.stringify(row).includes('a secret of theirs') && !server.log.includes('a secret of theirs'));
    const report = await server.cliJson('bridge', 'test', 'm');
    assert.equal(report.ok, true, JSON.stringify(report));
    assert(report.steps.some(({ detail }) => detail.includes('TLSv1.')), JSON.stringify(report));
    assert.equal((await server.api('GET', '/api/status')).counts.bridges_connected, 1);
    await server.stop();
  });

  test('a wrong password and an unknown authority are told in plain words', async () => {
    const tls = makeCertificates();
    const broker = await mosquitto({ tls, user: { name: 'dunlin', password: 'right' } });
    const server = await withBridges([
      { name: 'wrong', address: `mqtts://localhost:${broker.port}`, username: 'dunlin', password_file: temporaryFile('password', 'wrong'), ca_file: tls.ca, topics: ['# out'] },
      { name: 'stranger', address: `mqtts://localhost:${broker.port}`, topics: ['# out'] },
    ]);
    const fixed = await server.request('PATCH', '/api/bridges/wrong', { token: server.adminToken, body: { topics: ['# out'] } });
    assert.equal(fixed.status, 409, 'it is in the configuration');
    const wrong = await server.cliJson('bridge', 'test', 'wrong');
    assert.equal(wrong.ok, false);
    assert.match(wrong.steps.at(-1).step, /MQTT/);
    assert.match(wrong.steps.at(-1).detail, /not.authorized|password/i);
    const stranger = await server.cliJson('bridge', 'test', 'stranger');
    assert.equal(stranger.steps.at(-1).step, 'connection');
    assert.match(stranger.steps.at(-1).detail, /certificate/);
    await server.stop();
  });

  for (const version of ['5', '3.1.1']) {
    test(`MQTT ${version}: mosquitto stopped, our server killed: QoS 1 nothing lost, QoS 2 exactly once`, async () => {
      const broker = await mosquitto();
      const server = await withBridges([
        { name: 'm', address: broker.url, version, least_backoff: '100ms', most_backoff: '500ms', topics: ['out/# out 2', 'in/# in 2'] },
      ]);
      await connected(server, 'm');
      const far = await client(broker.url, 'far-watch');
      await far.subscribeAsync('out/#', { qos: 2 });
      const near = await local(server, 'near-watch');
      await near.subscribeAsync('in/#', { qos: 2 });
      const here = await local(server, 'here');
      const there = await client(broker.url, 'there');
      // What mqtt.js gives up when its connection breaks may or may not arrive; what was acknowledged must.
      const acknowledged = { 'out/1': new Set(), 'out/2': new Set(), 'in/1': new Set(), 'in/2': new Set() };
      const open = new Set();
      let going = true;
      const send = (one, topic, payload, qos) => {
        const under_way = one.publishAsync(topic, payload, { qos }).then(() => acknowledged[topic].add(payload), () => {}).then(() => open.delete(under_way));
        open.add(under_way);
      };
      const pour = async () => {
        for (let i = 0; going; ++i) {
          for (const qos of [1, 2]) {
            if (here.connected) send(here, `out/${qos}`, String(i), qos);
            if (there.connected) send(there, `in/${qos}`, String(i), qos);
          }
          await sleep(3);
        }
      };
      const poured = pour();
      for (let round = 0; round < 3; ++round) {
        await sleep(300 + 150 * round);
        await server.kill9();
        await server.start();
        await connected(server, 'm');
        await sleep(200);
        await broker.stop();
        await sleep(300);
        await broker.run();
        await connected(server, 'm');
      }
      going = false;
      await poured;
      await Promise.all(open);
      const seen = (one, topic) => counts(one.received.filter((m) => m.topic === topic).map((m) => m.payload));
      const missing = (one, topic) => [...acknowledged[topic]].filter((payload) => !seen(one, topic).has(payload));
      for (const [one, side] of [[far, 'out'], [near, 'in']]) {
        for (const qos of [1, 2]) {
          const topic = `${side}/${qos}`;
          assert(acknowledged[topic].size > 50, `${topic}: ${acknowledged[topic].size}`);
          await until(() => missing(one, topic).length === 0, topic).catch((error) => {
            throw new Error(`${error.message}: missing ${missing(one, topic).length} of ${acknowledged[topic].size}: ${missing(one, topic).slice(0, 20)}`);
          });
        }
        await sleep(500);
        const doubled = [...seen(one, `${side}/2`)].filter(([, times]) => times !== 1);
        assert.deepEqual(doubled.slice(0, 20), [], `${side}/2 more than once: ${doubled.length}`);
      }
      const { out } = await server.api('GET', '/api/bridges/m');
      assert.equal(out.dropped + out.refused, 0);
      await server.stop();
      endClients();
    });
  }

  test('what is published while mosquitto is away comes later, in order', async () => {
    const broker = await mosquitto();
    const server = await withBridges([{ name: 'm', address: broker.url, least_backoff: '100ms', most_backoff: '300ms', topics: ['o/# out 1'] }]);
    await connected(server, 'm');
    const far = await client(broker.url, 'far');
    await far.subscribeAsync('o/#', { qos: 1 });
    const here = await local(server, 'here');
    await broker.stop();
    for (let i = 0; i < 3000; ++i) here.publish('o/a', String(i), { qos: 1 });
    await here.publishAsync('o/a', 'last', { qos: 1 });
    assert((await server.api('GET', '/api/bridges/m')).out.waiting_records > 0);
    await server.kill9();
    await server.start();
    await broker.run();
    await until(() => far.received.length && far.received.at(-1).payload === 'last', 'the last message', { timeout: 60_000 });
    const firsts = [...new Set(far.received.map((m) => m.payload))];
    assert.deepEqual(firsts, [...Array(3000).keys(), 'last'].map(String));
    await server.stop();
    endClients();
  });
});

describe("mosquitto's bridge to us", () => {
  for (const secure of [false, true]) {
    for (const version of ['mqttv311', 'mqttv50']) {
      test(`${version}${secure ? ' over TLS' : ''}: both directions, retain flags, an outage, no echo`, async () => {
        const server = await start({ set: OPEN });
        const lines = [
          'connection up', `address 127.0.0.1:${secure ? server.ports.mqtts : server.ports.mqtt}`, 'remote_clientid bridge-peer', 'cleansession false',
          `bridge_protocol_version ${version}`, 'try_private true', 'notifications false', 'restart_timeout 1 2', 'keepalive_interval 5',
          'topic +/+/bridge-peer/# both 1',
        ];
        if (secure) lines.push(`bridge_cafile ${server.rootFile}`);
        const broker = await mosquitto({ more: `${lines.join('\n')}\n` });
        const topic = (last) => `p/s/bridge-peer/${last}`;
        const far = await client(broker.url, 'far');
        await far.subscribeAsync('#', { qos: 1, rap: true });
        const near = await local(server, 'near');
        await near.subscribeAsync('#', { qos: 1, rap: true });
        await until(async () => {
          await far.publishAsync(topic('hello'), 'x', { qos: 1 });
          await sleep(100);
          return texts(near).includes(`${topic('hello')}=x`);
        }, 'the bridge');
        far.received.length = near.received.length = 0;
        await near.publishAsync(topic('down'), '1', { qos: 1, retain: true });
        await far.publishAsync(topic('up'), '1', { qos: 1, retain: true });
        await has(far, `${topic('down')}=1`);
        await has(near, `${topic('up')}=1`);
        assert.equal(far.received.find((m) => m.topic === topic('down')).retain, true, 'retain down');
        assert.equal(near.received.find((m) => m.topic === topic('up')).retain, true, 'retain up');
        await sleep(500);
        for (const one of [far, near]) {
          for (const name of ['up', 'down']) assert.equal(texts(one).filter((t) => t === `${topic(name)}=1`).length, 1, `${name} once`);
        }
        await server.kill9();
        for (let i = 0; i < 50; ++i) await far.publishAsync(topic('late'), String(i), { qos: 1 });
        await server.start();
        await until(() => new Set(near.received.filter((m) => m.topic === topic('late')).map((m) => m.payload)).size === 50, 'the late ones');
        await server.stop();
        endClients();
      });
    }
  }
});

describe('rings end', () => {
  const settled = async (one) => {
    let before = -1;
    while (before !== one.received.length && one.received.length < 1000) {
      before = one.received.length;
      await sleep(700);
    }
  };

  test('two servers with # both ways, each bridging to the other', async () => {
    const ports = [await freePort(), await freePort()];
    // The port is known beforehand: each names the other's.
    const bridgesOf = (name, other) => temporaryFile('dunlin.toml', `[[bridge]]\nname = "${name}"\naddress = "mqtt://127.0.0.1:${other}"\nleast_backoff = "100ms"\nmost_backoff = "300ms"\ntopics = ["# both 1"]\n`);
    const [a, b] = [new Server({ set: OPEN, config: bridgesOf('to-b', ports[1]) }), new Server({ set: OPEN, config: bridgesOf('to-a', ports[0]) })];
    [a.ports.mqtt, b.ports.mqtt] = ports;
    await Promise.all([a.start(), b.start()]);
    await Promise.all([connected(a, 'to-b'), connected(b, 'to-a')]);
    const watch = await local(b, 'watch');
    await watch.subscribeAsync('#', { qos: 1 });
    const here = await local(a, 'here');
    for (let i = 0; i < 10; ++i) await here.publishAsync('t', String(i), { qos: 1 });
    await has(watch, 't=9');
    await settled(watch);
    assert(watch.received.length <= 20, `${watch.received.length} messages of 10`);
    await a.stop();
    await b.stop();
    endClients();
  });

  test('a triangle of two of ours and mosquitto', async () => {
    const broker = await mosquitto();
    const both = ['# both 1'];
    const b = await withBridges([{ name: 'b-m', address: broker.url, topics: both }]);
    const a = await withBridges([
      { name: 'a-m', address: broker.url, topics: both },
      { name: 'a-b', address: `mqtt://127.0.0.1:${b.ports.mqtt}`, topics: both },
    ]);
    await Promise.all([connected(b, 'b-m'), connected(a, 'a-m'), connected(a, 'a-b')]);
    const watch = await client(broker.url, 'watch');
    await watch.subscribeAsync('#', { qos: 1 });
    const here = await local(a, 'here');
    for (let i = 0; i < 10; ++i) await here.publishAsync('t', String(i), { qos: 1 });
    await has(watch, 't=9');
    await settled(watch);
    assert(watch.received.length <= 60, `${watch.received.length} messages of 10`);
    await a.stop();
    await b.stop();
    endClients();
  });
});

describe('by the API and the command line', () => {
  test('a bridge is added, paused, resumed and removed, and outlives a restart', async () => {
    const broker = await mosquitto();
    const server = await start({ set: OPEN });
    assert.deepEqual(await server.cliJson('bridge', 'list'), { bridges: [] });
    mkdirSync(join(server.data, 'bridge-secrets'), { recursive: true });
    writeFileSync(join(server.data, 'bridge-secrets/word'), 'open sesame');
    const wish = { name: 'b1', address: broker.url, username: 'u', password_file: 'word', topics: ['# out 1'] };
    const refused = await server.request('POST', '/api/bridges', { token: server.adminToken, body: { ...wish, password_file: '/etc/passwd' } });
    assert.equal(refused.status, 400);
    assert.match(refused.text, /bridge-secrets/);
    await server.api('POST', '/api/bridges', wish);
    await connected(server, 'b1');
    const taken = await server.request('POST', '/api/bridges', { token: server.adminToken, body: wish });
    assert.equal(taken.status, 409);
    const far = await client(broker.url, 'far');
    await far.subscribeAsync('x/#', { qos: 1 });
    const here = await local(server, 'here');
    assert.equal((await server.cliJson('bridge', 'pause', 'b1')).state, 'paused');
    await here.publishAsync('x/1', 'while paused', { qos: 1 });
    await server.kill9();
    await server.start();
    assert.equal((await server.cliJson('bridge', 'show', 'b1')).state, 'paused');
    assert.deepEqual(texts(far), []);
    await server.cliJson('bridge', 'resume', 'b1');
    await has(far, 'x/1=while paused');
    await server.cliJson('bridge', 'pause', 'b1');
    await here.publishAsync('x/2', 'before the change', { qos: 1 });
    const changed = await server.cliJson('bridge', 'update', 'b1', '--topics', '["# out 1 \\"\\" far/", "back/# in 1"]', '--client_id', 'renamed');
    assert.equal(changed.state, 'paused', 'a change does not resume it');
    assert.equal(changed.settings.client_id, 'renamed');
    assert.equal(changed.settings.username, 'u', 'what is not named stays');
    await far.subscribeAsync('far/#', { qos: 1 });
    await server.cliJson('bridge', 'resume', 'b1');
    await has(far, 'far/x/2=before the change');
    await server.api('PATCH', '/api/bridges/b1', { topics: ['# out 1'] });
    await connected(server, 'b1');
    const wrong = await server.request('PATCH', '/api/bridges/b1', { token: server.adminToken, body: { topics: ['x sideways'] } });
    assert.equal(wrong.status, 400);
    const path = await server.request('PATCH', '/api/bridges/b1', { token: server.adminToken, body: { password_file: '../word' } });
    assert.equal(path.status, 400);
    const { code, stdout } = await server.cli('bridge', 'list');
    assert.equal(code, 0);
    assert.match(stdout, /b1/);
    await server.cliJson('bridge', 'remove', 'b1');
    assert.deepEqual(await server.cliJson('bridge', 'list'), { bridges: [] });
    const again = await server.cli('bridge', 'show', 'b1');
    assert.notEqual(again.code, 0);
    assert.match(again.stderr, /no bridge named/);
    await server.stop();
    endClients();
  });
});
