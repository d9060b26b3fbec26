// `dunlin bench mqtt` on our server over every transport, on mosquitto and on its own null forwarder; ended by Ctrl+C; and refused.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import net from 'node:net';
import { Program, run, sleep, until } from './lib/program.mjs';
import { binary, start, temporaryFile } from './lib/server.mjs';

const bench = (...args) => run(binary, ['bench', 'mqtt', ...args.map(String)]);

/** A load that must end without a fault; gives its report. */
async function load(...args) {
  const { code, stdout, stderr } = await bench('--json', '--seconds', 1, ...args);
  assert.equal(code, 0, `${args.join(' ')}: ${stderr}${stdout}`);
  const report = JSON.parse(stdout);
  assert.equal(report.faultless, true);
  assert.equal(report.lost + report.doubled + report.reordered + report.failed_connections, 0);
  return report;
}

function assertMessages(report, receivers = 1) {
  assert(report.sent > 0);
  assert.equal(report.delivered, report.sent * receivers);
  const { count, p50, p90, p99, p999, max } = report.latency_us;
  assert.equal(count, report.delivered);
  assert(p50 > 0 && p50 <= p90 && p90 <= p99 && p99 <= p999 && p999 <= max, JSON.stringify(report.latency_us));
}

describe('our server', () => {
  let server, secret;
  before(async () => {
    server = await start();
    secret = temporaryFile('token', `${(await server.thing('loader')).token}\n`);
    // Else so much of one thing is odd behaviour, and it is put in quarantine.
    await server.api('PUT', '/api/behaviour/thing:loader', { response: 'none' });
  });
  // What a thing's own policy allows: its client identifiers and its topics.
  const as = (topic = 'demo/plant1/machine/loader') => ['--username', 'loader', '--token-file', secret, '--client-id', 'loader/load', '--topic', topic];

  test('pairs over TCP, with the CPU time and memory of its process', async () => {
    const report = await load('--server', `mqtt://127.0.0.1:${server.ports.mqtt}`, '--qos', 1, '--server-pid', server.pid, ...as());
    assertMessages(report);
    assert(report.cpu_us_per_message > 0 && report.resident_open > 0);
  });

  test('the same over TLS, WebSocket and secure WebSocket, in both versions', async () => {
    for (const [url, version, ...more] of [
      [`mqtts://localhost:${server.ports.mqtts}`, '5', '--ca', server.rootFile],
      [`ws://127.0.0.1:${server.ports.http}/mqtt`, '3.1.1'],
      [`wss://localhost:${server.ports.https}/mqtt`, '5', '--ca', server.rootFile],
    ]) {
      const report = await load('--server', url, '--qos', 2, '--rate', 500, '--version', version, ...more, ...as());
      assertMessages(report);
      assert.equal(report.sent, 500, url);
      assert.equal(report.send_delay_us.count, 500);
    }
  });

  test('fan-out, fan-in, idle, churn and retained', async () => {
    const where = ['--server', `mqtt://127.0.0.1:${server.ports.mqtt}`, ...as()];
    assertMessages(await load('--mode', 'fan-out', '--publishers', 1, '--subscribers', 20, ...where), 20);
    assertMessages(await load('--mode', 'fan-in', '--publishers', 20, '--subscribers', 1, '--qos', 1, ...where));
    assert.equal((await load('--mode', 'idle', '--connections', 50, ...where)).connections, 50);
    assert((await load('--mode', 'churn', '--connections', 5, ...where)).connects > 5);
    const retained = await load('--mode', 'retained', '--retained', 200, '--subscribers', 3, ...where);
    assert.deepEqual([retained.sent, retained.delivered], [200, 600]);
  });

  test('Ctrl+C ends it with the figures so far', async () => {
    const words = ['bench', 'mqtt', '--json', '--seconds', '3600', '--qos', '1', '--server', `mqtt://127.0.0.1:${server.ports.mqtt}`, ...as()];
    const program = new Program(binary, words);
    await until(async () => (await server.metric('dunlin_mqtt_connections')) > 0, 'its connections');
    await sleep(500);
    program.signal('SIGINT');
    const { code, stdout, stderr } = await program.ended;
    assert.equal(code, 0, stderr);
    const report = JSON.parse(stdout);
    assert.equal(report.interrupted, true);
    assertMessages(report);
  });

  test('says what is wrong', async () => {
    const wrong = temporaryFile('password', 'wrong\n');
    const refused = await bench('--server', `mqtt://127.0.0.1:${server.ports.mqtt}`, '--username', 'loader', '--password-file', wrong);
    assert.deepEqual([refused.code, refused.stdout], [1, '']);
    assert.match(refused.stderr, /dunlin: the server answers CONNECT: (bad_user_name_or_password|not_authorized)/);
    const elsewhere = await bench('--server', `mqtt://127.0.0.1:${server.ports.mqtt}`, ...as('demo/plant1/machine/another'));
    assert.equal(elsewhere.code, 1);
    assert.match(elsewhere.stderr, /the server answers SUBSCRIBE: not_authorized/);
    const nobody = await bench('--server', 'mqtt://127.0.0.1:1');
    assert.equal(nobody.code, 1);
    assert.match(nobody.stderr, /cannot connect to 127\.0\.0\.1:1: Connection refused/);
    const { cert } = await other();
    const untrusted = await bench('--server', `mqtts://localhost:${server.ports.mqtts}`, '--ca', cert, ...as());
    assert.equal(untrusted.code, 1);
    assert.match(untrusted.stderr, /certificate/);
    for (const [words, why] of [
      [['--payload', 8], /16 to/],
      [['--mode', 'fast'], /there is no mode "fast"/],
      [['--server', '127.0.0.1:1883'], /mqtt:\/\/host:1883/],
      [['--server', 'mqtts://localhost'], /CA file/],
      [['--server', 'mqtt://192.0.2.1', '--password-file', secret], /mqtts:\/\/ or wss:\/\/ only/],
      [['--publishers', 100000], /at most 19000 connections/],
      [['--qos', 3], /--qos/],
    ]) {
      const { code, stderr } = await bench(...words);
      assert.equal(code, 2, stderr);
      assert.match(stderr, why);
    }
  });

  /** A root certificate that signed nothing here. */
  async function other() {
    const stranger = await start();
    const cert = temporaryFile('root.pem', stranger.root);
    await stranger.stop();
    return { cert };
  }
});

describe('mosquitto', () => {
  let port, mosquitto;
  before(async () => {
    port = await new Promise((resolve) => {
      const probe = net.createServer().listen(0, '127.0.0.1', () => {
        const found = probe.address().port;
        probe.close(() => resolve(found));
      });
    });
    const config = temporaryFile('mosquitto.conf', `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence false\nmax_queued_messages 0\n`);
    mosquitto = new Program('/usr/sbin/mosquitto', ['-c', config]);
    await until(() => mosquitto.hasEnded || listens(port), 'mosquitto');
    assert(!mosquitto.hasEnded, `mosquitto does not start; tools/setup installs it: ${mosquitto.stderr}`);
  });
  const listens = (at) =>
    new Promise((resolve) => {
      const socket = net.connect(at, '127.0.0.1', () => resolve(socket.destroy() && true)).on('error', () => resolve(false));
    });

  for (const [mode, ...more] of [['pairs', '--qos', 2], ['shared', '--qos', 1], ['pairs', '--version', '3.1.1', '--rate', 300]]) {
    test(`${mode} ${more.join(' ')}`, async () => {
      assertMessages(await load('--server', `mqtt://127.0.0.1:${port}`, '--mode', mode, '--server-pid', mosquitto.pid, ...more));
    });
  }
});

test('the null forwarder', async () => {
  const forwarder = new Program(binary, ['bench', 'mqtt', '--forward', '127.0.0.1:0']);
  const [, port] = await forwarder.printed(/^listening (\d+)$/m);
  assertMessages(await load('--server', `mqtt://127.0.0.1:${port}`, '--qos', 1));
  const { code, stdout } = await bench('--server', `mqtt://127.0.0.1:${port}`, '--seconds', 0.5);
  assert.equal(code, 0);
  assert.match(stdout, /^pairs on mqtt:/);
  assert.match(stdout, /lost 0, doubled 0, reordered 0/);
  const ended = await forwarder.stop();
  assert.deepEqual([ended.code, ended.signal], [0, null]);
  const open = await bench('--forward', '0.0.0.0:1883');
  assert.equal(open.code, 1);
  assert.match(open.stderr, /loopback/);
});

test('bench tls measures every kind of handshake on both sides', async () => {
  const { code, stdout, stderr } = await run(binary, ['bench', 'tls', '--json', '--rounds', '1', '--handshakes', '16']);
  assert.equal(code, 0, stderr);
  const report = JSON.parse(stdout);
  for (const kind of ['mutual', 'server-only', 'resumed']) {
    assert.equal(report[kind].handshakes_a_round, 16, kind);
    assert(report[kind].server.us > 0 && report[kind].in_memory.us > 0 && report[kind].ratio > 0, stdout);
  }
  const table = await run(binary, ['bench', 'tls', '--rounds', '1', '--handshakes', '8']);
  assert.match(table.stdout, /mutual .* us\).*%[\s\S]*goal: at least 80 %/);
  assert.notEqual((await run(binary, ['bench', 'tls', '--handshakes', '0'])).code, 0);
});

test('bench storm lets a fleet with certificates come back', async () => {
  const server = await start({ set: ['security.anonymous_on_loopback=true'] });
  const lines = [];
  for (let i = 0; i < 5; i++) {
    await server.thing(`storm-${i}`);
    const { certificate, private_key } = await server.api('POST', '/api/certificates', { thing: `storm-${i}` });
    lines.push(JSON.stringify({ name: `storm-${i}`, certificate, private_key }));
  }
  const words = (devices, ...more) => ['bench', 'storm', '--json', '--server', `mqtts://localhost:${server.ports.mqtts}`, '--ca', server.rootFile,
    '--devices', devices, '--live-server', `mqtt://127.0.0.1:${server.ports.mqtt}`, '--seconds', '0.5', '--spread', '0.1',
    '--server-pid', String(server.pid), ...more];
  const devices = temporaryFile('devices', `${lines.join('\n')}\n`);
  for (const resumption of ['when-possible', 'never']) {
    const { code, stdout, stderr } = await run(binary, words(devices, '--resumption', resumption));
    assert.equal(code, 0, stderr + stdout);
    const report = JSON.parse(stdout);
    assert.deepEqual([report.storm.connected, report.storm.refused, report.live.lost], [5, 0, 0]);
    assert(report.live.delivered > 0 && report.resident_after_storm > 0);
  }
  const wrong = await run(binary, words(temporaryFile('devices', '{}\n')));
  assert.notEqual(wrong.code, 0);
  assert.match(wrong.stderr, /line 1: no object with name, certificate and private_key/);
});
