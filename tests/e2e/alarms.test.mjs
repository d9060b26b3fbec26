// Alarms from raising to clearing: by rules and by devices (mosquitto's own clients), shelved for a time, flapping, hidden behind a gateway that
// is offline, with comments, history and causes; over SIGKILL.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Subscriber, as, publish, published } from './lib/mosquitto.mjs';
import { connect, disconnectAll, publishRefused } from './lib/mqtt.mjs';
import { until } from './lib/program.mjs';
import { start, temporaryFolder } from './lib/server.mjs';

const data = temporaryFolder();
const set = ['alarms.flapping_within=20s', 'alarms.flapping_calm=3s', 'alarms.escalate_after=2s'];
let server;
let press;
before(async () => {
  server = await start({ data, set: set.slice(0, 2) });
  press = await server.thing('press-01');
  await server.api('PUT', '/api/rules/hot', {
    sql: "SELECT * FROM 'demo/+/machine/+/temperature' WHERE value > 90",
    actions: [{ alarm: { name: 'hot', severity: 'major', message: '${topic(4)} has ${value}', clear_when: 'value < 70' } }],
  });
});
after(disconnectAll);

const list = async (query = '') => (await server.api('GET', `/api/alarms${query}`)).alarms;
const path = (id, verb = '') => `/api/alarms/${encodeURIComponent(id)}${verb}`;
const get = (id) => server.api('GET', path(id));
const log = (id) => server.api('GET', path(id, '/history'));
const state = (id, wanted, timeout = 10_000) => until(async () => (await get(id)).state === wanted, `${id} ${wanted}`, { timeout });
const newest = (query) => until(async () => (await list(query))[0], `an alarm of ${query}`);
const say = (who, name, word, ...more) =>
  published(as(server, who), '-i', who.name, '-q', 1, '-t', `$dunlin/things/${who.name}/alarms/${name}`, '-m', typeof word === 'string' ? word : JSON.stringify(word), ...more);
const heat = (who, value) => published(as(server, who), '-i', who.name, '-q', 1, '-t', `demo/plant1/machine/${who.name}/temperature`, '-m', `{"value":${value}}`);
const restart = async (more = set.slice(0, 2)) => {
  await server.kill9();
  server = await start({ data, set: more });
};
const refusal = async (verb, body, id) => {
  const answer = await server.request('POST', path(id, verb), { token: server.adminToken, body });
  return `${answer.status} ${answer.text}`;
};

describe('alarms', { concurrency: false }, () => {
  test('a device raises and clears its own, acknowledged with QoS 1, and they outlive SIGKILL', async () => {
    const reader = await Subscriber.open(as(server, await server.user('reader')), '-i', 'user-reader', '-t', '$dunlin/alarms/oil/+');
    await say(press, 'oil', { state: 'raised', severity: 'critical', message: 'the oil is low' });
    await restart();
    const alarm = await newest('?source=device&thing=press-01');
    assert.deepEqual([alarm.name, alarm.severity, alarm.state, alarm.count, alarm.message], ['oil', 'critical', 'active', 1, 'the oil is low']);
    assert.deepEqual(alarm.causes.map(({ kind, name, by }) => [kind, name, by]), [
      ['message', '$dunlin/things/press-01/alarms/oil', 'press-01'],
      ['device', 'press-01', undefined],
    ]);
    assert.match(alarm.causes[0].position, /^\d+\/\d+$/);
    await say(press, 'oil', { state: 'cleared', message: 'filled up' });
    await state(alarm.id, 'cleared');
    assert.equal((await get(alarm.id)).cleared_by, 'press-01');
    assert.deepEqual((await log(alarm.id)).history.map(({ what, by, why }) => [what, by, why]), [
      ['raised', 'press-01', 'the oil is low'],
      ['cleared', 'press-01', 'filled up'],
    ]);
    await reader.stop();
  });

  test('what a device says wrongly is refused with a reason on its own topic', async () => {
    const listener = await Subscriber.open(as(server, press), '-i', 'press-01/listener', '-t', '$dunlin/things/press-01/alarms/+/rejected');
    await say(press, 'oil', '{"state":"raised","severity":"huge"}');
    await listener.program.printed(/alarms\/oil\/rejected .*a severity is one of info, warning/);
    await say(press, 'oil', 'x'.repeat(5000));
    await listener.program.printed(/rejected .*4096 bytes/);
    await listener.stop();
    assert.equal(await server.metric('dunlin_alarm_device_refused_total'), 2);
  });

  test('no device speaks for another, nobody for the server', async () => {
    const client = await connect(server, press, { clientId: 'press-01/js' });
    await publishRefused(client, '$dunlin/things/other-01/alarms/oil');
    await publishRefused(client, '$dunlin/alarms/oil/press-01');
    await server.api('PUT', '/api/policies/all', {
      document: {
        statements: [
          { effect: 'allow', actions: ['mqtt:connect'], resources: ['client/*'] },
          { effect: 'allow', actions: ['mqtt:publish'], resources: ['topic/$dunlin/#'] },
        ],
      },
    });
    const user = await server.user('strong', ['all']);
    const { stderr } = await publish(as(server, user), '-i', 'user-strong', '-q', 1, '-t', '$dunlin/alarms/oil/press-01', '-m', '{}');
    assert.match(stderr, /Not authorized/);
  });

  test('a rule raises, people acknowledge and comment on the command line, the history says who and why', async () => {
    await heat(press, 95);
    const { id } = await newest('?name=hot&state=active');
    await server.cliJson('alarm', 'acknowledge', id, '--reason', 'on my way');
    await server.cliJson('alarm', 'comment', id, '--text', 'the fan stands still');
    await heat(press, 96);
    await until(async () => (await get(id)).count === 2, 'counted up');
    const { history, comments } = await server.cliJson('alarm', 'history', id);
    assert.deepEqual(history.map(({ what, why }) => [what, why]), [['raised', 'press-01 has 95'], ['acknowledged', 'on my way']]);
    assert.deepEqual(comments.map(({ why }) => why), ['the fan stands still']);
    const { causes } = await get(id);
    assert.deepEqual(causes.map(({ kind, name }) => [kind, name]), [['message', 'demo/plant1/machine/press-01/temperature'], ['rule', 'hot']]);
    const { records } = await server.api('GET', `/api/audit?object=${encodeURIComponent(id)}`);
    assert.deepEqual(records.map(({ action }) => action).sort(), ['alarm.acknowledge', 'alarm.comment']);
  });

  test('a shelved alarm is quiet, also when it is raised anew and over SIGKILL, and comes back', async () => {
    const { id } = await newest('?name=hot&state=acknowledged');
    const watcher = await Subscriber.open(as(server, await server.user('watcher')), '-i', 'user-watcher', '-t', '$dunlin/alarms/hot/+');
    const shelved = await server.cliJson('alarm', 'shelve', id, '--minutes', '1', '--reason', 'the fan is ordered');
    assert.equal(shelved.state, 'shelved');
    await heat(press, 97);
    await until(async () => (await get(id)).count === 3, 'counted up');
    await heat(press, 20);
    await state(id, 'cleared');
    await watcher.program.printed(/"change":"cleared"/);
    assert.deepEqual(watcher.messages.map((line) => JSON.parse(line.slice(line.indexOf('{'))).change), ['shelved', 'cleared']);
    await watcher.stop();
    await restart();
    await heat(press, 98);
    const again = await newest('?name=hot&state=shelved');
    assert.notEqual(again.id, id);
    assert.equal(again.shelved.reason, 'the fan is ordered');
    await state(again.id, 'active', 70_000);
    assert.deepEqual((await log(again.id)).history.map(({ what, by }) => [what, by]), [['raised', 'hot'], ['unshelved', 'time']]);
    await heat(press, 20);
    await state(again.id, 'cleared');
  });

  test('refuses what makes no sense, with the reason', async () => {
    const { id } = await newest('?name=hot&state=cleared');
    assert.match(await refusal('/shelve', { minutes: 5, reason: 'late' }, id), /^409 .*cleared already/);
    assert.match(await refusal('/shelve', { minutes: 0, reason: 'x' }, id), /^400 .*between 1 and 43200/);
    assert.match(await refusal('/shelve', { minutes: 5 }, id), /^400 .*reason/);
    assert.match(await refusal('/unshelve', {}, id), /^409 .*not shelved/);
    assert.match(await refusal('/comments', { text: 'y'.repeat(1025) }, id), /^400 .*1024/);
    assert.match(await refusal('/comments', { text: 'who' }, 'none'), /^404 /);
    const { code, stderr } = await server.cli('alarm', 'list', '--state', 'odd');
    assert.notEqual(code, 0);
    assert.match(stderr, /active, acknowledged, shelved, suppressed, cleared/);
    await server.cliJson('user', 'create', '--name', 'looker', '--password', 'calm sea at dawn', '--roles', '["viewer"]');
    const { token } = await server.cliJson('token', 'create', '--owner', 'looker', '--roles', '["viewer"]');
    assert.equal((await server.request('GET', path(id, '/history'), { token })).status, 200);
    for (const [verb, body] of [['/comments', { text: 'x' }], ['/acknowledge', {}], ['/clear', {}], ['/unshelve', {}], ['/shelve', { minutes: 5, reason: 'x' }]]) {
      const denied = await server.request('POST', path(id, verb), { token, body });
      assert.equal(denied.status, 403, verb);
      assert.match(denied.text, /alarms:write/);
    }
  });

  test('what comes and goes is one alarm that is held until it is steady', async () => {
    const lathe = await server.thing('lathe-01');
    for (let i = 0; i < 4; ++i) {
      await heat(lathe, 95);
      await heat(lathe, 20);
    }
    const flapping = await until(async () => (await list('?thing=lathe-01&state=open')).find((one) => one.flapping), 'flapping');
    assert.equal(flapping.flapping.present, false);
    assert.equal(await server.metric('dunlin_alarm_flapping'), 1);
    await state(flapping.id, 'cleared', 15_000);
    assert.deepEqual((await log(flapping.id)).history.map(({ what }) => what), ['raised', 'flapping', 'steady', 'cleared']);
    assert.equal((await list('?thing=lathe-01')).length, 3);
  });

  test('a gateway that is offline hides the alarms behind it, and they come back with it', async () => {
    const gate = await server.thing('gate-01', { type: 'gateway', attributes: { site: 'plant1' } });
    const open = async () => {
      const client = await connect(server, gate, { clientId: 'gate-01' });
      await client.publishAsync('$dunlin/things/behind-01/presence', '{"online":true}', { qos: 1 });
      await client.publishAsync('demo/plant1/machine/behind-01/temperature', '{"value":99}', { qos: 1 });
      return client;
    };
    let client = await open();
    const { id } = await newest('?thing=behind-01&state=active');
    await until(async () => (await server.api('GET', '/api/things/behind-01/presence')).gateway === 'gate-01', 'behind the gateway');
    await client.endAsync(true);
    await state(id, 'suppressed');
    const hidden = await get(id);
    assert.equal(hidden.suppressed.gateway, 'gate-01');
    await restart();
    assert.equal((await get(id)).state, 'suppressed', 'nothing is known of the gateway yet');
    client = await open();
    await state(id, 'active');
    assert.deepEqual((await log(id)).history.map(({ what, by }) => [what, by]).slice(-2), [['suppressed', 'gate-01'], ['resumed', 'gate-01']]);
    await client.endAsync();
  });

  test('what nobody takes care of becomes more severe', async () => {
    await restart(set);
    await say(press, 'slow', { state: 'raised', severity: 'minor' });
    const { id } = await newest('?name=slow');
    await until(async () => (await get(id)).severity === 'critical', 'critical', { timeout: 15_000 });
    assert.deepEqual((await log(id)).history.map(({ what, why }) => [what, why.split(':')[0]]), [['raised', ''], ['escalated', 'minor to major'], ['escalated', 'major to critical']]);
  });
});
