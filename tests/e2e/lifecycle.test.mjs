// The life of a thing, seen by unchanged clients: its stages, what each allows, decommissioning, and kills in between.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Subscriber, as, publish, published } from './lib/mosquitto.mjs';
import { connect, disconnectAll, messages, publishRefused } from './lib/mqtt.mjs';
import { sleep, until } from './lib/program.mjs';
import { start, temporaryFolder } from './lib/server.mjs';

const KILLS = Number(process.env.DUNLIN_KILLS ?? 8);
const lifecycle = async (server, name) => (await server.api('GET', `/api/things/${name}`)).lifecycle;
const move = (server, name, stage, reason = 'a test') => server.api('PUT', `/api/things/${name}/lifecycle/${stage}`, { reason });
const telemetry = (name) => `demo/plant1/machine/${name}/temperature`;

let server;
before(async () => {
  server = await start();
});
after(disconnectAll);

describe('stages', () => {
  test('made, given a token, connected: each step happens by itself and is told', async () => {
    const reader = await server.user('reader');
    const watcher = await connect(server, reader, { clientId: 'user-watcher' });
    await watcher.subscribeAsync('$dunlin/things/+/lifecycle');
    await server.api('POST', '/api/things', { name: 'walk-01', type: 'machine' });
    assert.equal(await lifecycle(server, 'walk-01'), 'provisioning');
    const { token } = await server.api('POST', '/api/things/walk-01/tokens', {});
    assert.equal(await lifecycle(server, 'walk-01'), 'activation');
    await published(as(server, { name: 'walk-01', token }), '-i', 'walk-01', '-q', 1, '-t', telemetry('walk-01'), '-m', '{"value":21.5}');
    await until(async () => (await lifecycle(server, 'walk-01')) === 'operation', 'operation');
    const told = (await messages(watcher, 2)).map(({ payload }) => JSON.parse(payload));
    assert.deepEqual(told.map(({ thing, from, to, by }) => [thing, from, to, by]),
      [['walk-01', 'provisioning', 'activation', 'system'], ['walk-01', 'activation', 'operation', 'system']]);
  });

  test('only the server tells of a thing\'s life', async () => {
    const liar = await connect(server, await server.thing('liar-01'), { clientId: 'liar-01' });
    await publishRefused(liar, '$dunlin/things/liar-01/lifecycle');
  });

  test('the command line moves, shows the history, and refuses what cannot be', async () => {
    const { code, stderr } = await server.cli('thing', 'move', 'walk-01', 'activation');
    assert.notEqual(code, 0);
    assert.match(stderr, /cannot go from operation to activation/);
    const moved = await server.cliJson('thing', 'move', 'walk-01', 'maintenance', '--reason', 'new bearings');
    assert.equal(moved.lifecycle, 'maintenance');
    const { events } = await server.cliJson('thing', 'history', 'walk-01');
    assert.deepEqual(events.map((one) => one.to), ['activation', 'operation', 'maintenance']);
    const last = events.at(-1);
    assert.deepEqual([last.by, last.reason, last.from], ['local-admin', 'new bearings', 'operation']);
    const { records } = await server.api('GET', '/api/audit?action=thing.move');
    assert(records.some((one) => one.object === 'walk-01' && one.detail === 'operation to maintenance: new bearings'), JSON.stringify(records[0]));
    await move(server, 'walk-01', 'operation');
  });

  test('in maintenance a live gateway may speak for itself only, and for its site again afterwards', async () => {
    const who = await server.thing('gate-01', { type: 'gateway', attributes: { site: 'plant1' } });
    const gate = await connect(server, who, { clientId: 'gate-01' });
    await until(async () => (await lifecycle(server, 'gate-01')) === 'operation', 'operation');
    await gate.publishAsync(telemetry('press-77'), '{"value":1}', { qos: 1 });
    const own = await connect(server, who, { clientId: 'gate-01/own' });
    await own.subscribeAsync('+/+/+/gate-01/#', { qos: 1 });
    const wide = await connect(server, who, { clientId: 'gate-01/wide' });
    await wide.subscribeAsync('demo/plant1/#', { qos: 1 });
    const told = new Promise((resolve) => wide.once('disconnect', resolve));
    await move(server, 'gate-01', 'maintenance');
    // The answer came behind the change on every connection: its rights are gone, and so is the wide subscription.
    await publishRefused(gate, telemetry('press-77'));
    const { subscriptions } = await server.api('GET', '/api/subscriptions?client_id=gate-01/wide');
    assert.deepEqual(subscriptions, []);
    const packet = await told;
    assert.equal(packet.reasonCode, 135);
    assert.match(packet.properties.reasonString, /maintenance/);
    await gate.publishAsync(telemetry('gate-01'), '{"value":1}', { qos: 1 });
    await messages(own, 1);
    await move(server, 'gate-01', 'operation');
    await gate.publishAsync(telemetry('press-77'), '{"value":2}', { qos: 1 });
  });

  test('what a gateway says for a thing is bound by the thing\'s own stage and quarantine, and costs the gateway nothing', async () => {
    const who = await server.thing('gate-02', { type: 'gateway', attributes: { site: 'plant1' } });
    const gate = await connect(server, who, { clientId: 'gate-02' });
    const reader = await connect(server, await server.user('hearer'), { clientId: 'user-hearer' });
    await reader.subscribeAsync('demo/plant1/machine/behind-2/#', { qos: 1 });
    const say = (name = 'behind-2') => gate.publishAsync(telemetry(name), '{"value":1}', { qos: 1 });
    for (const name of ['behind-2', 'behind-3', 'behind-4']) {
      await server.api('POST', '/api/things', { name, type: 'machine', gateway: 'gate-02' });
      await say(name);
      await until(async () => (await lifecycle(server, name)) === 'operation', 'operation');
    }
    await messages(reader, 1);
    // In quarantine: what the thing itself might say, and no more.
    await server.api('PUT', '/api/things/behind-2/quarantine', {});
    await publishRefused(gate, telemetry('behind-2'));
    await gate.publishAsync('$dunlin/things/behind-2/status', 'held', { qos: 1 });
    await publishRefused(gate, '$dunlin/things/behind-2/shadow/update');
    await server.api('DELETE', '/api/things/behind-2/quarantine');
    await say();
    // In maintenance it may say its own telemetry.
    await move(server, 'behind-2', 'maintenance');
    await say();
    await move(server, 'behind-2', 'operation');
    // One that has no credential yet, and no gateway.
    await server.api('POST', '/api/things', { name: 'early-2', type: 'machine' });
    await publishRefused(gate, telemetry('early-2'));
    // Decommissioned: refused at once, on a connection that has said it a moment ago, over MQTT 3.1.1 without an error, and after a restart.
    const heard = reader.received.length;
    await move(server, 'behind-2', 'decommission');
    for (let i = 0; i < 250; ++i) await publishRefused(gate, telemetry('behind-2'));
    await published(as(server, who, 3), '-i', 'gate-02/old', '-q', 1, '-t', telemetry('behind-2'), '-m', '1');
    await say('behind-3');
    assert.equal(reader.received.length, heard, 'nobody hears it');
    assert(await server.metric('dunlin_mqtt_dropped_total', { reason: 'spoken_for' }) >= 251);
    assert.equal((await server.api('GET', '/api/things/gate-02')).quarantine, undefined, 'it is not the gateway\'s fault');
    const { records } = await server.api('GET', '/api/audit?action=thing.speak&object=behind-2');
    assert(records.some((one) => one.actor === 'gate-02' && one.outcome === 'denied' && /in the name of behind-2: the thing is/.test(one.detail)), JSON.stringify(records));
    await gate.endAsync();
    await server.kill9();
    await server.start();
    const back = await connect(server, who, { clientId: 'gate-02' });
    await publishRefused(back, telemetry('behind-2'));
    await back.publishAsync(telemetry('behind-4'), '{"value":1}', { qos: 1 });
    await server.api('DELETE', '/api/things/behind-2');
    await back.publishAsync(telemetry('behind-2'), '{"value":1}', { qos: 1 });
  });

  test('a policy may name the stage', async () => {
    const statements = [{ effect: 'allow', actions: ['mqtt:*'], resources: ['client/*', 'topic/stage/${thing.lifecycle}/#', 'topic/+/+/+/${thing.name}/#'] }];
    await server.api('PUT', '/api/policies/device', { document: { statements } });
    const who = await server.thing('stage-01');
    const client = await connect(server, who, { clientId: 'stage-01' });
    await until(async () => (await lifecycle(server, 'stage-01')) === 'operation', 'operation');
    await client.publishAsync('stage/operation/x', '1', { qos: 1 });
    await publishRefused(client, 'stage/maintenance/x');
  });
});

describe('decommission', () => {
  test('takes credentials, sessions, retained and queued messages; keeps the series; is final', async () => {
    const who = await server.thing('old-01');
    const files = await server.certificate('old-01');
    await server.api('POST', '/api/things/old-01/scram', {});
    const stays = await server.thing('old-02');
    const reader = await server.user('keeper');
    // Retained of its own, and of a namesake's neighbour that must stay.
    await published(as(server, who), '-i', 'old-01', '-q', 1, '-r', '-t', telemetry('old-01'), '-m', '{"value":7}');
    await published(as(server, stays), '-i', 'old-02', '-q', 1, '-r', '-t', telemetry('old-02'), '-m', '{"value":8}');
    // A session that lasts, with a message that waits, and one that is connected with a certificate.
    const away = await connect(server, who, { clientId: 'old-01/away', clean: false, properties: { sessionExpiryInterval: 3600 } });
    await away.subscribeAsync('+/+/+/old-01/#', { qos: 1 });
    await away.endAsync();
    await published(as(server, who), '-i', 'old-01/p', '-q', 1, '-t', telemetry('old-01'), '-m', '{"value":9}');
    const live = await connect(server, files, { transport: 'tls', clientId: 'old-01/live',
      will: { topic: 'demo/plant1/machine/old-01/last', payload: 'gone', qos: 1 } });
    const watcher = await connect(server, reader, { clientId: 'user-will' });
    await watcher.subscribeAsync('demo/plant1/machine/old-01/last', { qos: 1 });
    const ended = new Promise((resolve) => live.once('close', resolve));
    const began = Date.now();
    const answer = await move(server, 'old-01', 'decommission', 'scrapped');
    assert.equal(answer.lifecycle, 'decommission');
    assert.equal(answer.wiping, undefined);
    await ended;
    assert(Date.now() - began < 2000, 'the live connection ends at once');

    const { certificates } = await server.api('GET', '/api/certificates?thing=old-01');
    assert.deepEqual(certificates.map((one) => [one.state, one.reason]), [['revoked', 'cessationOfOperation']]);
    assert.deepEqual((await server.api('GET', '/api/tokens?type=device&owner=old-01')).tokens, []);
    const { credentials } = await server.api('GET', '/api/scram');
    assert(!credentials.some((one) => one.id === 'thing:old-01'));
    assert.deepEqual((await server.api('GET', '/api/sessions?thing=old-01')).sessions, []);
    const { retained } = await server.api('GET', '/api/retained');
    assert.deepEqual(retained.map((one) => one.topic).filter((topic) => topic.includes('old-0')), [telemetry('old-02')]);
    const { series } = await server.api('GET', '/api/series?device=old-01');
    assert(series.some((one) => one.channel === 'temperature'), 'what it has measured stays');
    assert.deepEqual(watcher.received, [], 'a decommissioned thing publishes nothing, not even its will');

    const again = await publish(as(server, who), '-i', 'old-01', '-q', 1, '-t', telemetry('old-01'), '-m', '1');
    assert.notEqual(again.code, 0);
    for (const [method, path, body] of [['POST', '/api/things/old-01/tokens', {}], ['POST', '/api/certificates', { thing: 'old-01' }],
      ['POST', '/api/things/old-01/scram', {}], ['PUT', '/api/things/old-01/lifecycle/operation', {}]]) {
      const { status, text } = await server.request(method, path, { token: server.adminToken, body });
      assert.equal(status, 409, `${method} ${path}: ${text}`);
    }
    const { records } = await server.api('GET', '/api/audit?object=old-01');
    const actions = records.map((one) => one.action);
    for (const action of ['thing.move', 'thing.wipe']) assert(actions.includes(action), actions.join(' '));
    await server.api('DELETE', '/api/things/old-01');
    await server.thing('old-01');
    assert.equal(await lifecycle(server, 'old-01'), 'activation');
  });
});

describe('kills', () => {
  test(`${KILLS} kills around decommissionings leave each thing as it was or wholly gone`, async () => {
    const data = temporaryFolder();
    let crashing = await start({ data });
    for (let round = 0; round < KILLS; ++round) {
      const name = `crash-${round}`;
      const who = await crashing.thing(name);
      const files = await crashing.certificate(name);
      const device = await connect(crashing, who, { clientId: name, clean: false, properties: { sessionExpiryInterval: 3600 } });
      device.on('error', () => {});
      await device.subscribeAsync(`+/+/+/${name}/#`, { qos: 1 });
      await Promise.all(Array.from({ length: 50 }, (_, i) => device.publishAsync(`demo/plant1/machine/${name}/c${i}`, '1', { qos: 1, retain: true })));
      await device.endAsync();
      await until(async () => (await lifecycle(crashing, name)) === 'operation', 'operation');
      let answered = false;
      const asked = crashing.request('PUT', `/api/things/${name}/lifecycle/decommission`, { token: crashing.adminToken, body: {} })
        .then(({ status }) => (answered = status === 200), () => {});
      await sleep(Math.random() * 25);
      await crashing.kill9();
      await asked;
      crashing = await start({ data });
      const stage = await lifecycle(crashing, name);
      assert(stage === 'operation' || stage === 'decommission', stage);
      if (answered) assert.equal(stage, 'decommission', 'what was answered stays');
      const { certificates } = await crashing.api('GET', `/api/certificates?thing=${name}`);
      const { tokens } = await crashing.api('GET', `/api/tokens?type=device&owner=${name}`);
      const fresh = await publish(as(crashing, who), '-i', `${name}/again`, '-q', 1, '-t', `demo/plant1/machine/${name}/c0`, '-m', '2');
      if (stage === 'operation') {
        assert.equal(certificates[0].state, 'active');
        assert.equal(fresh.code, 0, fresh.stderr);
        continue;
      }
      assert.equal(certificates[0].state, 'revoked');
      assert.equal(certificates[0].reason, 'cessationOfOperation');
      assert.deepEqual(tokens, []);
      assert.notEqual(fresh.code, 0);
      const byCertificate = await publish(as(crashing, files), '-i', name, '-q', 1, '-t', `demo/plant1/machine/${name}/c0`, '-m', '2');
      assert.notEqual(byCertificate.code, 0);
      await until(async () => !(await crashing.api('GET', `/api/things/${name}`)).wiping, 'the wipe', { timeout: 20_000 });
      const { retained } = await crashing.api('GET', `/api/retained?filter=${encodeURIComponent(`+/+/+/${name}/#`)}`);
      assert.deepEqual(retained, []);
      assert.deepEqual((await crashing.api('GET', `/api/sessions?thing=${name}`)).sessions, []);
    }
    const { code, stdout, stderr } = await crashing.cli('audit', 'verify');
    assert.equal(code, 0, stdout + stderr);
    await crashing.stop();
  });
});
