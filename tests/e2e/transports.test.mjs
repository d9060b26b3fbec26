// The ways to the server: a Unix socket, one TLS port for all, behind a proxy, in a flood. Peers: mosquitto's clients, mqtt.js, raw sockets.
import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connect, disconnectAll, messages } from './lib/mqtt.mjs';
import { publish, published, Subscriber } from './lib/mosquitto.mjs';
import { run, until } from './lib/program.mjs';
import { binary, start, temporaryFolder } from './lib/server.mjs';

const NAME = 'valve-01';
const TOPIC = `demo/plant1/machine/${NAME}/value`;
after(disconnectAll);

describe('a Unix socket', () => {
  const path = join(temporaryFolder('socket'), 'mqtt.sock');
  let server;
  let device;
  const as = (who) => ['-V', 'mqttv5', '--unix', path, '-u', who.name, '-P', who.token ?? who.password];

  before(async () => {
    server = await start({ set: [`listen.mqtt_unix=${path}`] });
    device = await server.thing(NAME);
  });

  test('serves mosquitto_pub and mosquitto_sub', async () => {
    const watcher = await server.user('unix-watcher');
    const subscriber = await Subscriber.open(as(watcher), '-i', 'user-unix', '-q', 1, '-t', TOPIC);
    await published(as(device), '-i', NAME, '-q', 1, '-t', TOPIC, '-m', '21');
    await subscriber.received(`${TOPIC} 1 0 21`);
    await subscriber.stop();
    assert.equal(statSync(path).mode & 0o7777, 0o660);
  });

  test('names a refused peer by its process', async () => {
    const { code } = await publish(as({ name: NAME, token: 'wrong' }), '-i', NAME, '-t', TOPIC, '-m', '1');
    assert.notEqual(code, 0);
    assert.match(await until(() => /process="pid=\d+ uid=\d+ gid=\d+"/.test(server.log) && server.log, 'the refusal'), /peer="?unix:uid=\d+/);
  });

  test('is not taken from a living server, replaced after a crash, and removed at the end', async () => {
    const other = await run(binary, ['serve', '--data', temporaryFolder(), '--set', `listen.mqtt_unix=${path}`,
      ...['mqtt', 'mqtts', 'http', 'https'].flatMap((name) => ['--set', `listen.${name}=127.0.0.1:0`])]);
    assert.equal(other.code, 1);
    assert.match(other.stderr, /another process listens on/);
    await server.kill9();
    assert(existsSync(path));
    await server.start();
    await published(as(device), '-i', NAME, '-q', 1, '-t', TOPIC, '-m', '22');
    await server.stop();
    assert(!existsSync(path));
  });
});

describe('one TLS port', () => {
  let server;
  let device;
  let certificate;
  const where = () => ({ ports: { mqtts: server.ports.tls, https: server.ports.tls }, root: server.root });
  const as = (...more) => ['-V', 'mqttv5', '-h', 'localhost', '-p', server.ports.tls, '--cafile', server.rootFile, ...more].map(String);

  before(async () => {
    server = await start({ set: ['listen.tls=127.0.0.1:0', 'threads.reactors=2'] });
    device = await server.thing(NAME);
    certificate = await server.certificate(NAME);
  });

  for (const [what, alpn] of [['without ALPN', []], ['with ALPN', ['--tls-alpn', 'mqtt']]]) {
    test(`mosquitto_pub ${what}, by token and by certificate`, async () => {
      const end = ['-i', NAME, '-q', 1, '-t', TOPIC, '-m', '1'];
      await published(as('-u', NAME, '-P', device.token, ...alpn), ...end);
      await published(as('--cert', certificate.cert, '--key', certificate.key, ...alpn), ...end);
    });
  }

  test('curl, with HTTP by ALPN and without', async () => {
    for (const more of [[], ['--no-alpn'], ['--http1.1']]) {
      const asked = ['-sS', '--cacert', server.rootFile, ...more, `https://localhost:${server.ports.tls}/healthz`];
      // Several connections, so that each reactor has had one.
      for (let i = 0; i < 6; i++) {
        const { code, stderr } = await run('curl', ['-f', ...asked]);
        assert.equal(code, 0, stderr);
      }
    }
  });

  test('mqtt.js over TLS and over secure WebSocket', async () => {
    const watcher = await server.user('shared-watcher');
    const subscriber = await connect(where(), watcher, { transport: 'wss', clientId: 'user-shared' });
    await subscriber.subscribeAsync(TOPIC, { qos: 1 });
    for (const transport of ['tls', 'wss']) {
      const client = await connect(where(), device, { transport, clientId: NAME });
      await client.publishAsync(TOPIC, transport, { qos: 1 });
      await client.endAsync();
    }
    const got = await messages(subscriber, 2);
    assert.deepEqual(got.map(({ payload }) => payload.toString()), ['tls', 'wss']);
  });

  test('what is neither is refused', async () => {
    const socket = tls.connect({ port: server.ports.tls, host: '127.0.0.1', servername: 'localhost', ca: server.root });
    socket.on('error', () => {});
    socket.write('SSH-2.0-OpenSSH\r\n');
    await new Promise((resolve) => socket.on('close', resolve));
    assert.equal(await server.metric('dunlin_net_split_refused_total', { reason: 'bad' }), 1);
    assert((await server.metric('dunlin_net_split_total', { protocol: 'http' })) >= 18);
  });
});

describe('floods', () => {
  test('2,000 connections that never send a CONNECT do not keep honest clients out', async () => {
    const server = await start({ set: ['mqtt.max_waiting_connections=300', 'threads.reactors=2'] });
    const device = await server.thing(NAME);
    const honest = await connect(server, device, { clientId: NAME });
    const sockets = [];
    let answers = 0;
    for (let i = 0; i < 2000; i++) {
      const socket = net.connect(server.ports.mqtt, '127.0.0.1');
      socket.on('error', () => {});
      sockets.push(socket);
      if (i % 100 === 99) {
        await honest.publishAsync(TOPIC, String(i), { qos: 1 });
        answers++;
      }
    }
    await until(async () => (await server.metric('dunlin_mqtt_waiting_dropped_total')) >= 1400, 'the oldest to go');
    assert((await server.metric('dunlin_mqtt_waiting_connections')) <= 600);
    for (let i = 0; i < 5; i++) {
      const newcomer = await connect(server, device, { clientId: `${NAME}/new${i}` });
      await newcomer.publishAsync(TOPIC, 'in', { qos: 1 });
      await newcomer.endAsync();
    }
    assert(honest.connected);
    assert.equal(answers, 20);
    assert.match(server.log, /too many connections wait without a CONNECT/);
    for (const socket of sockets) socket.destroy();
    await honest.endAsync();
  });

  test('an address that comes too often is closed, and said so', async () => {
    const server = await start({ set: ['listen.max_connection_rate_per_address=3'] });
    const sockets = [...Array(20)].map(() => net.connect(server.ports.mqtts, '127.0.0.1'));
    const ends = sockets.map((socket) => new Promise((resolve) => socket.on('error', () => {}).on('close', resolve)));
    await Promise.any(ends);
    await until(async () => (await server.metric('dunlin_net_rate_refused_total', { limit: 'address' })) >= 15, 'refusals');
    assert.match(server.log, /too many new connections from this address/);
    for (const socket of sockets) socket.destroy();
  });
});

/** A load balancer that puts `header` before what each client sends; gives its port. */
async function balancer(port, header) {
  const front = net.createServer((client) => {
    const back = net.connect(port, '127.0.0.1', () => {
      back.write(header);
      client.pipe(back).pipe(client);
    });
    for (const socket of [client, back]) socket.on('error', () => [client, back].forEach((one) => one.destroy()));
  });
  await new Promise((resolve) => front.listen(0, '127.0.0.1', resolve));
  after(() => front.close());
  front.unref();
  return front.address().port;
}

describe('behind a load balancer', () => {
  const v1 = 'PROXY TCP4 203.0.113.9 198.51.100.7 50000 8883\r\n';
  const v2 = Buffer.concat([
    Buffer.from('0d0a0d0a000d0a515549540a2121', 'hex'),
    Buffer.from([0, 36]),
    Buffer.from('20010db8000000000000000000000001', 'hex'),
    Buffer.from('20010db8000000000000000000000002', 'hex'),
    Buffer.from([0x12, 0x34, 0x22, 0xb3]),
  ]);
  let server;
  let device;
  const as = (who, port) => ['-V', 'mqttv5', '-h', 'localhost', '-p', port, '--cafile', server.rootFile, '-u', who.name, '-P', who.token].map(String);

  before(async () => {
    server = await start({ set: ['listen.proxy_protocol.listeners=mqtts', 'listen.proxy_protocol.trusted=127.0.0.1'] });
    device = await server.thing(NAME);
  });

  for (const [what, header, peer] of [['version 1', v1, '203.0.113.9'], ['version 2', v2, '2001:db8::1']]) {
    test(`${what}: TLS passes, and the log names the client`, async () => {
      const port = await balancer(server.ports.mqtts, header);
      await published(as(device, port), '-i', NAME, '-q', 1, '-t', TOPIC, '-m', '1');
      await publish(as({ name: NAME, token: 'wrong' }, port), '-i', NAME, '-t', TOPIC, '-m', '1');
      await until(() => server.log.includes(`peer=${peer}`), `peer=${peer} in the log`);
    });
  }

  test('without a header there is no way in', async () => {
    const { code } = await publish(as(device, server.ports.mqtts), '-i', NAME, '-q', 1, '-t', TOPIC, '-m', '1');
    assert.notEqual(code, 0);
    assert((await server.metric('dunlin_net_proxy_refused_total', { reason: 'bad' })) > 0);
    assert.equal(await server.metric('dunlin_net_proxy_headers_total'), 4);
  });

  test('check-config refuses what cannot be', async () => {
    for (const [set, why] of [
      ['listen.proxy_protocol.trusted=10.0.0.1/8', /bits set after its first 8/],
      ['listen.proxy_protocol.listeners=mqtts', /trusted must name the proxies/],
      ['listen.proxy_protocol.listeners=smtp', /none of/],
      ['listen.mqtt_unix=relative.sock', /absolute path/],
      ['listen.mqtt_unix_mode=0990', /octal/],
    ]) {
      const { code, stderr } = await run(binary, ['check-config', '--set', set]);
      assert.equal(code, 1, set);
      assert.match(stderr, why);
    }
  });
});
