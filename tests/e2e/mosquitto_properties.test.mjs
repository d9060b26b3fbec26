// mosquitto's clients at full depth: every property that they can send, mosquitto_rr, session and will options.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { as, publish, published } from './lib/mosquitto.mjs';
import { Program, run } from './lib/program.mjs';
import { start } from './lib/server.mjs';

const NAME = 'lathe-01';
const BASE = `demo/plant1/machine/${NAME}`;
let server;
let device;

before(async () => {
  server = await start();
  device = await server.thing(NAME);
});

const me = (id, version = 5) => [...as(server, device, version), '-i', `${NAME}/${id}`];
/** mosquitto_sub that ends by itself after `count` messages; gives its lines. */
async function subscribed(args, count, format = '%j') {
  const program = new Program('stdbuf', ['-oL', 'mosquitto_sub', ...args, '-d', '-C', String(count), '-W', '20', '-F', `MESSAGE ${format}`].map(String));
  await program.printed(/^Subscribed|^Client .* received PUBLISH/m);
  return {
    program,
    lines: async () => {
      const { stdout } = await program.ended;
      return stdout.split('\n').filter((line) => line.startsWith('MESSAGE ')).map((line) => line.slice(8));
    },
  };
}
const property = (packet, name, ...values) => ['-D', packet, name, ...values];

describe('mosquitto clients', () => {
  test('every property of PUBLISH reaches the subscriber', async () => {
    const subscriber = await subscribed([...me('s1'), '-q', 2, '-t', `${BASE}/p`, ...property('subscribe', 'subscription-identifier', 77)], 1);
    await published(
      me('p1'),
      ...['-q', 2, '-t', `${BASE}/p`, '-m', 'hello'],
      ...property('publish', 'payload-format-indicator', 1),
      ...property('publish', 'message-expiry-interval', 60),
      ...property('publish', 'content-type', 'text/plain'),
      ...property('publish', 'response-topic', `${BASE}/answer`),
      ...property('publish', 'correlation-data', 'c-1'),
      ...property('publish', 'topic-alias', 3),
      ...property('publish', 'user-property', 'b', '1'),
      ...property('publish', 'user-property', 'a', '2'),
    );
    const [line] = await subscriber.lines();
    const { payload, qos, properties } = JSON.parse(line);
    assert.deepEqual([payload, qos], ['hello', 2]);
    assert.equal(properties['payload-format-indicator'], 1);
    assert.equal(properties['content-type'], 'text/plain');
    assert.equal(properties['response-topic'], `${BASE}/answer`);
    assert.equal(properties['correlation-data'], 'c-1');
    assert.equal(properties['subscription-identifier'], 77);
    assert(properties['message-expiry-interval'] <= 60 && properties['message-expiry-interval'] > 50);
    assert.equal(JSON.stringify(properties['user-properties']), '{"b":"1","a":"2"}', 'in order');
  });

  test('every property of CONNECT is taken', async () => {
    await published(
      me('p2'),
      ...['-q', 1, '-t', `${BASE}/c`, '-m', 'x', '-k', 30, '-x', 100],
      ...property('connect', 'receive-maximum', 5),
      ...property('connect', 'maximum-packet-size', 1000),
      ...property('connect', 'topic-alias-maximum', 5),
      ...property('connect', 'request-response-information', 1),
      ...property('connect', 'request-problem-information', 0),
      ...property('connect', 'user-property', 'k', 'v'),
    );
    const { code } = await publish(me('p3'), '-t', `${BASE}/c`, '-m', 'x', ...property('connect', 'authentication-method', 'X-NONE'));
    assert.notEqual(code, 0, 'an unknown method is refused');
  });

  test('every property of a will, with its delay', async () => {
    const watcher = await subscribed([...me('s3'), '-q', 1, '-t', `${BASE}/w`], 1);
    const doomed = await subscribed(
      [
        ...me('s4'),
        ...['-q', 1, '-t', `${BASE}/none`, '--will-topic', `${BASE}/w`, '--will-payload', 'gone', '--will-qos', 1, '-x', 100],
        ...property('will', 'will-delay-interval', 1),
        ...property('will', 'content-type', 'text/plain'),
        ...property('will', 'response-topic', `${BASE}/answer`),
        ...property('will', 'correlation-data', 'c-2'),
        ...property('will', 'payload-format-indicator', 1),
        ...property('will', 'message-expiry-interval', 60),
        ...property('will', 'user-property', 'k', 'v'),
      ],
      1,
    );
    doomed.program.signal('SIGKILL');
    const { payload, properties } = JSON.parse((await watcher.lines())[0]);
    assert.equal(payload, 'gone');
    assert.equal(properties['content-type'], 'text/plain');
    assert.equal(properties['correlation-data'], 'c-2');
    assert.deepEqual(properties['user-properties'], { k: 'v' });
  });

  for (const version of [3, 5]) {
    test(`a session, its queue and --disable-clean-session, MQTT ${version}`, async () => {
      const lasting = [...me(`s5-${version}`, version), '-c', '-q', 2, '-t', `${BASE}/q${version}`, ...(version === 5 ? ['-x', 600] : [])];
      const first = await run('mosquitto_sub', [...lasting, '-E'].map(String));
      assert.equal(first.code, 0, first.stderr);
      for (let i = 0; i < 5; i++) await published(me('p5', version), '-q', 1 + (i % 2), '-t', `${BASE}/q${version}`, '-m', i);
      const { stdout } = await run('mosquitto_sub', [...lasting, '-C', 5, '-W', 20].map(String));
      // A QoS 2 message is printed at its PUBREL, behind the QoS 1 messages that came after it.
      assert.deepEqual(stdout.trim().split('\n').sort(), ['0', '1', '2', '3', '4']);
    });

    test(`retained: --retained-only, --remove-retained, -R, MQTT ${version}`, async () => {
      const topic = `${BASE}/r${version}`;
      await published(me('p6', version), '-q', 1, '-r', '-t', topic, '-m', 'kept');
      const kept = await run('mosquitto_sub', [...me('s6', version), '-t', topic, '--retained-only', '-C', 1, '-W', 10].map(String));
      assert.equal(kept.stdout, 'kept\n');
      await run('mosquitto_sub', [...me('s6', version), '-t', topic, '--remove-retained', '-W', 1].map(String));
      const none = await run('mosquitto_sub', [...me('s6', version), '-t', topic, '-W', 1].map(String));
      assert.equal(none.stdout, '');
    });
  }

  test('--retain-as-published', async () => {
    const topic = `${BASE}/o`;
    const flagged = await subscribed([...me('s7'), '-q', 1, '-t', topic, '--retain-as-published'], 1, '%r %p');
    const plain = await subscribed([...me('s7b'), '-q', 1, '-t', topic], 1, '%r %p');
    await published(me('p7'), '-q', 1, '-r', '-t', topic, '-m', 'live');
    assert.deepEqual([await flagged.lines(), await plain.lines()], [['1 live'], ['0 live']]);
    await published(me('p7'), '-q', 1, '-r', '-t', topic, '-n');
  });

  test('mosquitto_rr asks and is answered', async () => {
    const asked = await subscribed([...me('answerer'), '-q', 1, '-t', `${BASE}/ask`], 1);
    const args = [...me('asker'), '-q', 1, '-t', `${BASE}/ask`, '-e', `${BASE}/answer`, '-m', '2+2', '-W', 20].map(String);
    const asking = new Program('mosquitto_rr', [...args, ...property('publish', 'correlation-data', 'id-9')]);
    const { properties, payload } = JSON.parse((await asked.lines())[0]);
    assert.deepEqual([payload, properties['response-topic'], properties['correlation-data']], ['2+2', `${BASE}/answer`, 'id-9']);
    await published(me('answerer'), '-q', 1, '-t', properties['response-topic'], '-m', '4', ...property('publish', 'correlation-data', 'id-9'));
    const { code, stdout } = await asking.ended;
    assert.deepEqual([code, stdout], [0, '4\n']);
  });

  test('a shared subscription gives each message to one', async () => {
    const [one, other] = await Promise.all(['a', 'b'].map((id) => subscribed([...me(`s8${id}`), '-q', 1, '-t', `$share/g/${BASE}/s`], 10, '%p')));
    for (let i = 0; i < 20; i++) await published(me('p8'), '-q', 1, '-t', `${BASE}/s`, '-m', i);
    const all = [...(await one.lines()), ...(await other.lines())].map(Number).sort((a, b) => a - b);
    assert.deepEqual(all, [...Array(20).keys()]);
  });

  test('a session expiry in DISCONNECT, and unsubscribing', async () => {
    const lasting = [...me('s9'), '-c', '-q', 1, '-x', 600, '-t', `${BASE}/d`];
    const { code } = await run('mosquitto_sub', [...lasting, '-E', ...property('disconnect', 'session-expiry-interval', 0)].map(String));
    assert.equal(code, 0);
    await published(me('p9'), '-q', 1, '-t', `${BASE}/d`, '-m', 'lost');
    const { stdout } = await run('mosquitto_sub', [...lasting, '-W', 1].map(String));
    assert.equal(stdout, '', 'the session had ended');
    const left = await run('mosquitto_sub', [...me('s10'), '-c', '-x', 60, '-q', 1, '-t', `${BASE}/u`, '-U', `${BASE}/u`, '-W', 1].map(String));
    assert(left.code === 0 || left.code === 27, left.stderr);
  });
});
