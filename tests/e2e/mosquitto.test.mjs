// mosquitto_pub and mosquitto_sub against the server, MQTT 3.1.1 and 5, plain with tokens and over TLS with certificates.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { as, publish, published, Subscriber } from './lib/mosquitto.mjs';
import { run, until } from './lib/program.mjs';
import { start, temporaryFolder } from './lib/server.mjs';

const BASE = 'demo/plant1/machine/press-01';
let server;
let press;
let press2;
let watcher;
let certificate;

before(async () => {
  server = await start();
  press = await server.thing('press-01', { attributes: { site: 'plant1' } });
  press2 = await server.thing('press-02');
  watcher = await server.user('watcher');
  certificate = await server.certificate('press-01');
});

for (const version of [3, 5]) {
  const tag = `MQTT ${version === 3 ? '3.1.1' : '5'}`;
  const pub = (...args) => published(as(server, press, version), '-i', 'press-01/pub', ...args);
  const sub = (name, ...args) => Subscriber.open(as(server, watcher, version), '-i', `user-${name}-${version}`, ...args);

  describe(tag, () => {
    test('delivers QoS 0, 1 and 2', async () => {
      const subscriber = await sub('qos', '-q', 2, '-t', `${BASE}/qos`);
      for (const qos of [0, 1, 2]) await pub('-q', qos, '-t', `${BASE}/qos`, '-m', `q${qos}`);
      await subscriber.received(...[0, 1, 2].map((qos) => `${BASE}/qos ${qos} 0 q${qos}`));
      await subscriber.stop();
    });

    test('gives a subscriber no more than the QoS it asked for', async () => {
      const subscriber = await sub('lower', '-q', 1, '-t', `${BASE}/lower`);
      await pub('-q', 2, '-t', `${BASE}/lower`, '-m', 'x');
      await subscriber.received(`${BASE}/lower 1 0 x`);
      await subscriber.stop();
    });

    test('keeps a retained message until an empty one deletes it', async () => {
      const topic = `${BASE}/retained${version}`;
      await pub('-q', 1, '-r', '-t', topic, '-m', 'first');
      await pub('-q', 1, '-r', '-t', topic, '-m', 'second');
      const subscriber = await sub('retained', '-q', 1, '-t', topic);
      await subscriber.received(`${topic} 1 1 second`);
      await subscriber.stop();
      await pub('-q', 1, '-r', '-t', topic, '-n');
      const late = await sub('retained', '-q', 1, '-t', topic);
      await pub('-q', 1, '-t', topic, '-m', 'live');
      await late.received(`${topic} 1 0 live`);
      await late.stop();
    });

    test('publishes the will of a client that is cut off, and not of one that says goodbye', async () => {
      const will = `${BASE}/will${version}`;
      const subscriber = await sub('will', '-q', 1, '-t', will);
      const args = ['-i', 'press-01/will', '--will-topic', will, '--will-qos', 1, '--will-payload'];
      const device = as(server, press, version);
      await published(device, ...args, 'not this', '-q', 1, '-t', `${BASE}/x`, '-m', '1');
      const cut = await Subscriber.open(device, ...args, 'gone', '-t', '$dunlin/things/press-01/shadow/+');
      cut.program.signal('SIGKILL');
      await subscriber.received(`${will} 1 0 gone`);
      if (version === 5) {
        // A signal makes mosquitto_sub leave with reason 0x04, "disconnect with will message".
        const leaving = await Subscriber.open(device, ...args, 'wished', '-t', '$dunlin/things/press-01/shadow/+');
        await leaving.stop();
        await subscriber.received(`${will} 1 0 gone`, `${will} 1 0 wished`);
      }
      await subscriber.stop();
    });

    test('matches wildcards', async () => {
      const one = await sub('plus', '-t', 'demo/+/machine/press-01/+', '-q', 1);
      const all = await sub('hash', '-t', `${BASE}/#`, '-q', 1);
      for (const end of ['a', 'b/c', 'd']) await pub('-q', 1, '-t', `${BASE}/${end}`, '-m', end);
      await all.received(...['a', 'b/c', 'd'].map((end) => `${BASE}/${end} 1 0 ${end}`));
      await one.received(...['a', 'd'].map((end) => `${BASE}/${end} 1 0 ${end}`));
      await one.stop();
      await all.stop();
    });

    test('keeps messages for a persistent session that is away', async () => {
      const topic = `${BASE}/kept${version}`;
      const lasting = ['-c', '-q', 2, '-t', topic, ...(version === 5 ? ['-x', 3600] : [])];
      const first = await sub('lasting', ...lasting);
      await first.stop();
      const expected = [];
      // First QoS 1, then 2: MQTT keeps the order of each, not between them.
      for (const [i, qos] of [1, 1, 1, 2, 2].entries()) {
        await pub('-q', qos, '-t', topic, '-m', `offline ${i}`);
        expected.push(`${topic} ${qos} 0 offline ${i}`);
      }
      const second = await sub('lasting', ...lasting);
      await second.received(...expected);
      await second.stop();
      const third = await sub('lasting', ...lasting);
      await pub('-q', 1, '-t', topic, '-m', 'last');
      await third.received(`${topic} 1 0 last`);
      await third.stop();
    });

    test('lets a client in without a client id, and gives it one', async () => {
      await published(as(server, press, version), '-q', 1, '-t', `${BASE}/noid`, '-m', '1');
    });

    test('works over TLS with a client certificate alone', async () => {
      const subscriber = await sub('tls', '-t', `${BASE}/tls`, '-q', 1);
      await published(as(server, certificate, version), '-i', 'press-01/tls', '-q', 1, '-t', `${BASE}/tls`, '-m', 'sealed');
      await subscriber.received(`${BASE}/tls 1 0 sealed`);
      await subscriber.stop();
    });

    test('refuses a wrong password', async () => {
      const wrong = { ...press2, token: `${press2.token.slice(0, -2)}xx` };
      const { code, stderr } = await publish(as(server, wrong, version), '-i', 'press-02/x', '-t', 'demo/a/b/press-02/x', '-m', '1');
      assert.notEqual(code, 0);
      assert.match(stderr, /not authori[sz]ed|bad user ?name or password/i);
    });

    test('refuses a client that shows nothing', async () => {
      const anonymous = as(server, press, version).slice(0, 6);
      const { code, stderr } = await publish(anonymous, '-i', 'press-01/x', '-t', `${BASE}/x`, '-m', '1');
      assert.notEqual(code, 0);
      assert.match(stderr, /refused|not authori[sz]ed|bad user name/i);
    });

    test('refuses the client id of another thing', async () => {
      const { code, stderr } = await publish(as(server, press, version), '-i', 'press-02', '-t', `${BASE}/x`, '-m', '1');
      assert.notEqual(code, 0);
      assert.match(stderr, /not authori[sz]ed/i);
    });

    test('refuses a certificate of another authority', async () => {
      const folder = temporaryFolder('other-ca');
      const file = (name) => `${folder}/${name}`;
      const openssl = async (...args) => assert.equal((await run('openssl', args)).code, 0, args.join(' '));
      const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
      await openssl('req', '-x509', ...ec, '-keyout', file('ca.key'), '-out', file('ca.pem'), '-subj', '/CN=Other', '-days', '30');
      await openssl('req', ...ec, '-keyout', file('key.pem'), '-out', file('csr.pem'), '-subj', '/CN=press-01');
      const sign = ['-CA', file('ca.pem'), '-CAkey', file('ca.key'), '-CAcreateserial', '-days', '30'];
      await openssl('x509', '-req', '-in', file('csr.pem'), '-out', file('cert.pem'), ...sign);
      const other = { cert: file('cert.pem'), key: file('key.pem'), ca: certificate.ca };
      const { code } = await publish(as(server, other, version), '-i', 'press-01/x', '-q', 1, '-t', `${BASE}/x`, '-m', '1');
      assert.notEqual(code, 0);
    });

    test('is not trusted by a client with another root', async () => {
      const folder = temporaryFolder('other-root');
      const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${folder}/k`];
      assert.equal((await run('openssl', [...args, '-out', `${folder}/ca.pem`, '-subj', '/CN=Other'])).code, 0);
      const wary = { ...certificate, ca: `${folder}/ca.pem` };
      const { code, stderr } = await publish(as(server, wary, version), '-i', 'press-01/x', '-t', `${BASE}/x`, '-m', '1');
      assert.notEqual(code, 0);
      assert.match(stderr, /certificate verify failed|TLS error/i);
    });

    test('ends the session of a revoked certificate at once and refuses it from then on', async () => {
      const name = `revoked-${version}`;
      await server.thing(name);
      const doomed = await server.certificate(name);
      const connection = as(server, doomed, version);
      const subscriber = await Subscriber.open(connection, '-i', name, '-t', `demo/plant1/machine/${name}/#`);
      const before = (subscriber.program.stdout.match(/received CONNACK/g) ?? []).length;
      assert.equal(before, 1);
      await server.api('DELETE', `/api/certificates/${doomed.fingerprint}`);
      // mosquitto_sub comes back on its own; what ends it or its next CONNACK says is the refusal.
      await until(
        () => subscriber.program.hasEnded || /DISCONNECT|refused|error|CONNACK \((?!0)/i.test(subscriber.program.stdout + subscriber.program.stderr),
        'the end of the revoked session',
        { timeout: 5_000 },
      );
      subscriber.program.signal('SIGKILL');
      const { code } = await publish(connection, '-i', `${name}/again`, '-q', 1, '-t', `demo/plant1/machine/${name}/x`, '-m', '1');
      assert.notEqual(code, 0);
    });
  });
}

describe('policies', () => {
  const foreign = 'demo/plant1/machine/press-02/temperature';

  test('MQTT 5: a forbidden publish is answered with 0x87, and nobody gets it', async () => {
    const subscriber = await Subscriber.open(as(server, watcher), '-i', 'user-foreign', '-q', 2, '-t', foreign);
    for (const qos of [1, 2]) {
      const { stdout, stderr } = await publish(as(server, press), '-d', '-i', 'press-01/bad', '-q', qos, '-t', foreign, '-m', 'forged');
      assert.match(stdout + stderr, /RC:135|not authori[sz]ed/i);
    }
    await published(as(server, press2), '-i', 'press-02/good', '-q', 1, '-t', foreign, '-m', '21');
    await subscriber.received(`${foreign} 1 0 21`);
    await subscriber.stop();
  });

  test('MQTT 3.1.1: a forbidden publish is acknowledged and dropped, with a counter', async () => {
    const before = await server.metric('dunlin_mqtt_dropped_total', { reason: 'not_authorized' });
    await published(as(server, press, 3), '-i', 'press-01/bad', '-q', 1, '-t', foreign, '-m', 'forged');
    assert.equal(await server.metric('dunlin_mqtt_dropped_total', { reason: 'not_authorized' }), before + 1);
  });

  test('a forbidden subscription is refused with 0x87 or 0x80', async () => {
    for (const [version, code] of [
      [3, 128],
      [5, 135],
    ]) {
      const subscriber = new Subscriber(as(server, press, version), '-i', 'press-01/spy', '-t', 'demo/plant1/machine/press-02/#');
      await subscriber.program.printed(new RegExp(`^Subscribed \\(mid: \\d+\\): ${code}`, 'm'));
      await subscriber.stop();
    }
  });

  test('a user may subscribe and not publish', async () => {
    const { stdout, stderr } = await publish(as(server, watcher), '-d', '-i', 'user-loud', '-q', 1, '-t', foreign, '-m', '1');
    assert.match(stdout + stderr, /RC:135|not authori[sz]ed/i);
  });
});
