// Sessions, subscriptions, retained messages, traces and explanations, by API and command line, with real clients.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { connect, disconnectAll, messages } from './lib/mqtt.mjs';
import { Program, until } from './lib/program.mjs';
import { binary, start } from './lib/server.mjs';

const MANY = 80; // more than the queue holds, less than the server's Receive Maximum
let server;
let press;
let mixer;
let watcher;

before(async () => {
  server = await start({ set: ['mqtt.max_queued_messages=50'] });
  press = await server.thing('press-01');
  mixer = await server.thing('mixer-01');
  watcher = await server.user('watcher');
});
after(disconnectAll);

const topicOf = (thing, channel) => `demo/plant1/machine/${thing}/${channel}`;
const sessions = (query) => server.api('GET', `/api/sessions?${new URLSearchParams(query)}`);
const show = (client) => server.api('GET', `/api/sessions/${encodeURIComponent(client)}`);
const explain = (client, query) =>
  server.api('GET', `/api/sessions/${encodeURIComponent(client)}/explain?${new URLSearchParams(query)}`);
const asPress = (options) => connect(server, press, { clientId: 'press-01', ...options });
const asWatcher = (clientId, options) => connect(server, watcher, { clientId, ...options });

/** A subscriber that takes one message and never answers it. */
async function slowClient(clientId, filter, qos = 1) {
  const client = await asWatcher(clientId, { properties: { receiveMaximum: 2 } });
  client.handleMessage = () => {};
  await client.subscribeAsync(filter, { qos });
  return client;
}

describe('sessions', () => {
  test('are listed, searched and shown', async () => {
    const client = await asWatcher('user-watcher-list/1', { keepalive: 33 });
    await client.subscribeAsync([topicOf('press-01', '+'), 'demo/#'], { qos: 1 });
    const { sessions: found } = await sessions({ contains: 'list/' });
    assert.deepEqual(found.map((one) => one.client_id), ['user-watcher-list/1']);
    assert.equal(found[0].state, 'online');
    assert.equal((await sessions({ topic: topicOf('press-01', 'x'), prefix: 'user-' })).matched, 1);
    assert.equal((await sessions({ thing: 'nobody' })).matched, 0);
    const shown = await show('user-watcher-list/1');
    assert.equal(shown.thing, 'watcher');
    assert.equal(shown.version, '5.0');
    assert.equal(shown.transport, 'tcp');
    assert.equal(shown.keep_alive_seconds, 33);
    assert.deepEqual(shown.subscription_list.map((one) => one.filter).sort(), ['demo/#', topicOf('press-01', '+')]);
    const { back_pressure: pressure } = shown;
    assert.equal(pressure.state, 'none');
    assert.equal(pressure.qos0.policy, 'drop_oldest');
    assert.equal(pressure.hold.policy, 'hold_publishers');
    assert(pressure.refuse.messages >= pressure.hold.messages);
    assert.equal(shown.held_since, null);
    const who = await server.api('GET', `/api/subscriptions?topic=${encodeURIComponent(topicOf('press-01', 'x'))}`);
    assert.equal(who.subscriptions.filter((one) => one.client_id === 'user-watcher-list/1').length, 2);
    await client.endAsync();
    assert.equal((await server.request('GET', '/api/sessions/user-watcher-list%2F1', { token: server.adminToken })).status, 404);
  });

  test('pages follow each other', async () => {
    const clients = await Promise.all([1, 2, 3, 4, 5].map((i) => asWatcher(`user-watcher-page${i}`)));
    const seen = [];
    let after;
    do {
      const page = await sessions({ prefix: 'user-watcher-page', limit: 2, ...(after ? { after } : {}) });
      seen.push(...page.sessions.map((one) => one.client_id));
      after = page.next;
    } while (after);
    assert.deepEqual(seen, [1, 2, 3, 4, 5].map((i) => `user-watcher-page${i}`));
    for (const client of clients) await client.endAsync();
  });

  test('a slow client is in the list with the reason, and gets 0x98 when it is ended', async () => {
    const topic = topicOf('press-01', 'slow');
    const slow = await slowClient('user-watcher-slow', topic);
    const publisher = await asPress();
    const sent = Array.from({ length: MANY }, (_, i) => publisher.publishAsync(topic, `${i}`, { qos: 1 }));
    const row = await until(async () => (await sessions({ state: 'slow' })).sessions.find((one) => one.client_id === 'user-watcher-slow'), 'a slow session');
    assert.equal(row.in_flight_out, 2);
    assert.match(row.slow_reason, /Receive Maximum 2/);
    assert(row.queued > 50 && row.holds === 1, JSON.stringify(row));
    const [first] = (await sessions({ order: 'state' })).sessions;
    assert.equal(first.client_id, 'user-watcher-slow');
    assert.equal((await show('press-01')).held_by, 1);
    assert.equal(await server.metric('dunlin_hub_publishers_held'), 1);
    assert.equal(await server.metric('dunlin_hub_sessions_holding'), 1);
    const { verdict, summary } = await explain('user-watcher-slow', { topic, qos: 1 });
    assert.equal(verdict, 'delayed');
    assert.match(summary, /wait for its acknowledgement/);

    const reason = new Promise((resolve) => slow.on('disconnect', (packet) => resolve(packet)));
    const closed = new Promise((resolve) => slow.once('close', resolve));
    const ended = await server.api('DELETE', '/api/sessions/user-watcher-slow?reason=too+slow');
    assert.equal(ended.was, 'slow');
    // A client that handles no message reads no DISCONNECT either: at least it is cut off.
    const packet = await Promise.race([reason, closed.then(() => undefined)]);
    if (packet) assert.equal(packet.reasonCode, 0x98);
    await Promise.all(sent);
    assert.equal(await server.metric('dunlin_hub_publishers_held'), 0);
    await publisher.endAsync();
  });

  test('an idle client that is ended reads 0x98 and the reason', async () => {
    const client = await asWatcher('user-watcher-idle');
    const told = new Promise((resolve) => client.once('disconnect', resolve));
    await server.api('DELETE', '/api/sessions/user-watcher-idle?reason=maintenance');
    const packet = await told;
    assert.equal(packet.reasonCode, 0x98);
    assert.equal(packet.properties.reasonString, 'maintenance');
  });

  test('a kept session is forgotten on demand only', async () => {
    const clientId = 'user-watcher-kept';
    const lasting = { clean: false, properties: { sessionExpiryInterval: 3600 } };
    const client = await asWatcher(clientId, lasting);
    await client.subscribeAsync('demo/kept', { qos: 1 });
    await client.endAsync();
    assert.equal((await show(clientId)).state, 'offline');
    const refused = await server.request('DELETE', `/api/sessions/${clientId}`, { token: server.adminToken });
    assert.equal(refused.status, 409);
    assert.equal((await server.api('DELETE', `/api/sessions/${clientId}?forget=true`)).forgotten, true);
    const again = await asWatcher(clientId, lasting);
    assert.equal(again.connack.sessionPresent, false);
    await again.endAsync();
  });

  test('permissions are asked for', async () => {
    await server.api('POST', '/api/users', { name: 'reader', password: 'calm sea at dawn', permissions: ['sessions:read'] });
    const { token } = await server.api('POST', '/api/tokens', { owner: 'reader', permissions: ['sessions:read'] });
    assert.equal((await server.request('GET', '/api/sessions', { token })).status, 200);
    assert.equal((await server.request('DELETE', '/api/sessions/x', { token })).status, 403);
    assert.equal((await server.request('GET', '/api/retained', { token })).status, 403);
  });
});

describe('groups of shared subscriptions', () => {
  const name = `$share/workers/${topicOf('press-01', 'jobs')}`;
  const path = `/api/shared/${encodeURIComponent(name)}`;

  test('are listed, shown, explained, emptied and ended', async () => {
    const stuck = await asWatcher('user-watcher-stuck', { properties: { receiveMaximum: 2 } });
    stuck.handleMessage = () => {}; // never done: no PUBACK
    await stuck.subscribeAsync(name, { qos: 1 });
    const publisher = await asPress();
    for (let i = 0; i < 5; i++) await publisher.publishAsync(topicOf('press-01', 'jobs'), `${i}`, { qos: 1 });
    await until(async () => (await server.api('GET', path)).lent === 2, 'the window to be full');
    const { shared, matched } = await server.api('GET', '/api/shared?contains=workers&order=queued');
    assert.equal(matched, 1);
    const [{ members, connected, ready, queued, lent, given, strategy }] = shared;
    assert.deepEqual(
      { members, connected, ready, queued, lent, given, strategy },
      { members: 1, connected: 1, ready: 0, queued: 3, lent: 2, given: 2, strategy: 'round_robin' },
    );
    const [only] = (await server.api('GET', path)).member_list;
    assert.deepEqual([only.client_id, only.state, only.in_flight, only.window, only.filled], ['user-watcher-stuck', 'full', 2, 2, 1]);
    const alone = await explain('user-watcher-stuck', { topic: topicOf('press-01', 'jobs'), qos: 1 });
    assert.equal(alone.verdict, 'delayed');
    assert.match(alone.summary, /window is full: 2 of 2.*3 messages wait in the group/);

    const other = await asWatcher('user-watcher-other');
    await other.subscribeAsync(name, { qos: 1 });
    await messages(other, 3);
    // A message is lent until the server has its PUBACK, which leaves only after the test has seen the message.
    await until(async () => (await server.api('GET', path)).lent === 2, 'the other member to have acknowledged');
    const passed = await explain('user-watcher-stuck', { topic: topicOf('press-01', 'jobs'), qos: 1 });
    assert.equal(passed.verdict, 'shared_other');
    assert.equal(passed.arrives, false);
    assert.match(passed.summary, /another member gets it: "user-watcher-other"/);

    assert.equal((await server.cliJson('shared', 'clear', name)).messages, 2);
    assert.equal((await server.api('GET', path)).lent, 0);
    const listed = await server.cli('shared', 'list', '--topic', topicOf('press-01', 'jobs'));
    assert.match(listed.stdout, /workers .*round_robin/);
    assert.equal((await server.cliJson('shared', 'end', name)).members, 2);
    assert.equal((await server.request('GET', path, { token: server.adminToken })).status, 404);
    await publisher.publishAsync(topicOf('press-01', 'jobs'), 'for nobody', { qos: 1 });
    await publisher.endAsync();
    assert.deepEqual((await show('user-watcher-other')).subscription_list, []);
    assert.equal(other.received.length, 3);
    stuck.stream.destroy();
    await other.endAsync();
  });

  test('permissions are asked for, and words are checked', async () => {
    await server.api('POST', '/api/users', { name: 'looker', password: 'calm sea at dawn', permissions: ['sessions:read'] });
    const { token } = await server.api('POST', '/api/tokens', { owner: 'looker', permissions: ['sessions:read'] });
    assert.equal((await server.request('GET', '/api/shared', { token })).status, 200);
    assert.equal((await server.request('DELETE', path, { token })).status, 403);
    assert.equal((await server.request('POST', `${path}/clear`, { token, body: {} })).status, 403);
    assert.equal((await server.request('GET', '/api/shared?order=size', { token })).status, 400);
  });
});

describe('retained messages', () => {
  test('are listed, shown and removed', async () => {
    const publisher = await asPress();
    for (const channel of ['a', 'b', 'c']) {
      await publisher.publishAsync(topicOf('press-01', channel), `value ${channel}`, { qos: 1, retain: true });
    }
    const filter = topicOf('press-01', '+');
    const list = async () => (await server.api('GET', `/api/retained?filter=${encodeURIComponent(filter)}`)).retained;
    assert.deepEqual((await list()).map((one) => one.topic), ['a', 'b', 'c'].map((channel) => topicOf('press-01', channel)));
    const one = await server.api('GET', `/api/retained/message?topic=${encodeURIComponent(topicOf('press-01', 'b'))}`);
    assert.equal(one.payload, 'value b');
    assert.equal(one.publisher, 'press-01');
    const watching = await asWatcher('user-watcher-retained');
    await watching.subscribeAsync(topicOf('press-01', 'b'), { qos: 1 });
    const removed = await server.api('DELETE', `/api/retained?filter=${encodeURIComponent(topicOf('press-01', 'b'))}`);
    assert.deepEqual(removed, { removed: 1, left: false });
    const [, empty] = await messages(watching, 2);
    assert.equal(empty.payload.length, 0);
    assert.equal((await list()).length, 2);
    assert.equal((await server.api('DELETE', `/api/retained?filter=${encodeURIComponent(filter)}`)).removed, 2);
    assert.deepEqual(await list(), []);
    await publisher.endAsync();
    await watching.endAsync();
  });
});

describe('explain says why a client did not get a message', () => {
  test('no session, no subscription, a policy', async () => {
    assert.equal((await explain('nobody', { topic: 'demo/x' })).verdict, 'no_session');
    const client = await asPress();
    const none = await explain('press-01', { topic: topicOf('press-01', 'x') });
    assert.equal(none.verdict, 'no_subscription');
    await client.subscribeAsync(topicOf('press-01', 'speed'), { qos: 1 });
    const near = await explain('press-01', { topic: topicOf('press-01', 'power') });
    assert.equal(near.verdict, 'no_subscription');
    assert.equal(near.nearest.level, 5);
    assert.match(near.summary, /the filter wants "speed", the topic has "power"/);
    const [refused] = await client.subscribeAsync(topicOf('mixer-01', 'speed'), { qos: 1 }).catch((error) => [error]);
    assert(refused, 'the subscription is refused');
    const denied = await explain('press-01', { topic: topicOf('mixer-01', 'speed') });
    assert.equal(denied.verdict, 'policy_denied');
    assert.match(denied.summary, /press-01/);
    assert.equal((await explain('press-01', { topic: topicOf('press-01', 'speed') })).verdict, 'delivered');
    await client.endAsync();
  });

  test('away with a clean session, and with a kept one', async () => {
    const topic = topicOf('press-01', 'away');
    const clean = await asWatcher('user-watcher-clean');
    await clean.subscribeAsync(topic, { qos: 1 });
    await clean.endAsync();
    const gone = await explain('user-watcher-clean', { topic, qos: 1 });
    assert.equal(gone.verdict, 'no_session');
    assert.match(gone.summary, /clean session/);
    const kept = await asWatcher('user-watcher-away', { clean: false, properties: { sessionExpiryInterval: 600 } });
    await kept.subscribeAsync(topic, { qos: 1 });
    await kept.endAsync();
    assert.equal((await explain('user-watcher-away', { topic, qos: 1 })).verdict, 'queued');
    assert.equal((await explain('user-watcher-away', { topic, qos: 0 })).verdict, 'offline');
    await server.api('DELETE', '/api/sessions/user-watcher-away?forget=true');
  });

  test('no local', async () => {
    const topic = topicOf('press-01', 'own');
    const client = await asPress();
    await client.subscribeAsync(topic, { qos: 0, nl: true });
    assert.equal((await explain('press-01', { topic, publisher: 'press-01' })).verdict, 'no_local');
    assert.equal((await explain('press-01', { topic })).verdict, 'delivered');
    await client.endAsync();
  });

  test('a packet that the client does not take, with the drop', async () => {
    const topic = topicOf('press-01', 'large');
    const client = await asWatcher('user-watcher-small', { properties: { maximumPacketSize: 100 } });
    await client.subscribeAsync(topic, { qos: 0 });
    const publisher = await asPress();
    await publisher.publishAsync(topic, Buffer.alloc(500), { qos: 1 });
    const shown = await until(async () => {
      const now = await show('user-watcher-small');
      return now.dropped_by_reason.packet_too_large === 1 && now;
    }, 'the drop');
    assert.equal(shown.recent_drops[0].topic, topic);
    const answer = await explain('user-watcher-small', { topic, bytes: 500 });
    assert.equal(answer.verdict, 'packet_too_large');
    assert.match(answer.steps.find((step) => step.check === 'drops').text, /Maximum Packet Size/);
    await publisher.endAsync();
    await client.endAsync();
  });

  test('a full queue of QoS 0', async () => {
    const topic = topicOf('press-01', 'full');
    const client = await slowClient('user-watcher-full', topic, 0);
    const publisher = await asPress();
    const payload = Buffer.alloc(100_000);
    const full = await until(
      async () => {
        for (let i = 0; i < 40; ++i) await publisher.publishAsync(topic, payload, { qos: 0 });
        const answer = await explain('user-watcher-full', { topic });
        return answer.verdict === 'queue_full' && answer;
      },
      'a full queue',
      { interval: 50 },
    );
    assert.match(full.summary, /for every new message the oldest goes/);
    const dropped = await until(async () => {
      await publisher.publishAsync(topic, payload, { qos: 1 });
      const { recent_drops: drops } = await show('user-watcher-full');
      return drops.find((one) => one.reason === 'qos0_queue');
    }, 'a drop');
    assert.equal(dropped.topic, topic);
    client.stream.destroy();
    await publisher.endAsync();
  });
});

describe('the command line', () => {
  test('lists, explains and ends', async () => {
    const client = await asWatcher('user-watcher-cli');
    await client.subscribeAsync('demo/cli/+', { qos: 1 });
    const listed = await server.cli('session', 'list', '--prefix', 'user-watcher-cli');
    assert.equal(listed.code, 0);
    assert.match(listed.stdout, /client_id +thing +state/);
    assert.match(listed.stdout, /user-watcher-cli +watcher +online/);
    assert.match((await server.cli('session', 'show', 'user-watcher-cli')).stdout, /demo\/cli\/\+/);
    const who = await server.cliJson('subscription', 'list', '--topic', 'demo/cli/x');
    assert.deepEqual(who.subscriptions.map((one) => one.client_id), ['user-watcher-cli']);
    const { code, stdout } = await server.cli('explain', '--client', 'user-watcher-cli', '--topic', 'demo/other', '--qos', '1');
    assert.equal(code, 0);
    assert.match(stdout, /^no_subscription: /);
    assert.match(stdout, / STOP subscription: .*level 2/);
    const wrong = await server.cli('explain', '--client', 'user-watcher-cli', '--topic', 'demo/#');
    assert.equal(wrong.code, 1);
    const told = new Promise((resolve) => client.once('disconnect', resolve));
    assert.equal((await server.cliJson('session', 'end', 'user-watcher-cli')).was, 'online');
    assert.equal((await told).reasonCode, 0x98);
    const publisher = await asPress();
    await publisher.publishAsync(topicOf('press-01', 'cli'), 'kept', { qos: 1, retain: true });
    await publisher.endAsync();
    assert.match((await server.cli('retained', 'list')).stdout, /press-01\/cli/);
    assert.equal((await server.cliJson('retained', 'get', '--topic', topicOf('press-01', 'cli'))).payload, 'kept');
    assert.equal((await server.cliJson('retained', 'remove', '--filter', topicOf('press-01', 'cli'))).removed, 1);
  });

  test('traces a message from its publisher to its receiver', async () => {
    const topic = topicOf('press-01', 'traced');
    const trace = new Program(binary, ['trace', '--topic', topic, '--for', '20s', '--payload', '--json', '--data', server.data]);
    await until(() => /tracing for 20 s/.test(trace.stderr), 'the trace');
    const client = await asWatcher('user-watcher-trace');
    await client.subscribeAsync(topic, { qos: 1 });
    const publisher = await asPress();
    await publisher.publishAsync(topic, 'hello', { qos: 1 });
    await messages(client, 1);
    const events = await until(() => {
      const all = trace.stdout.trim().split('\n').filter(Boolean).map((line) => JSON.parse(line));
      return all.some((one) => one.event === 'acknowledged') && all;
    }, 'the acknowledgement');
    const of = (kind) => events.find((one) => one.event === kind);
    // Each shard says whom it gave the message.
    const kinds = [...new Set(events.map((one) => one.event))];
    assert.deepEqual(kinds, ['subscribed', 'published', 'routed', 'delivered', 'acknowledged']);
    const reached = events.filter((one) => one.event === 'routed').reduce((sum, one) => sum + one.sessions, 0);
    assert.equal(reached, 1);
    assert.equal(of('published').client, 'press-01');
    assert.equal(of('published').payload, 'hello');
    assert.equal(of('delivered').client, 'user-watcher-trace');
    assert.equal(of('delivered').publisher, 'press-01');
    await trace.stop();
    await publisher.endAsync();
    await client.endAsync();
  });

  test('a trace of a client shows refusals, and ends by itself', async () => {
    const trace = new Program(binary, ['trace', '--client', 'press-01', '--for', '3s', '--data', server.data]);
    await until(() => /tracing for 3 s/.test(trace.stderr), 'the trace');
    await assert.rejects(connect(server, { name: 'press-01', token: 'dt_wrong' }, { clientId: 'press-01' }));
    const client = await asPress();
    await client.publishAsync(topicOf('mixer-01', 'forbidden'), 'x', { qos: 1 }).catch(() => {});
    await client.subscribeAsync(topicOf('mixer-01', 'forbidden'), { qos: 1 }).catch(() => {});
    await client.endAsync();
    const { code, stdout } = await trace.ended;
    assert.equal(code, 0, trace.stderr);
    for (const kind of ['connect_refused', 'connected', 'publish_refused', 'subscribe_refused', 'disconnected']) {
      assert.match(stdout, new RegExp(`${kind} +press-01`), kind);
    }
  });
});
