// Attacks that docs/security/threats.md speaks of: listening on the line, passing for somebody else, changing bytes on their way and at
// rest. Each attack is carried out, and where it can be, shown to work where the defence is missing.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import tls from 'node:tls';
import { after, before, describe, test } from 'node:test';
import { makeAuthority, makeIdentities } from './lib/identities.mjs';
import { connect, disconnectAll, messages } from './lib/mqtt.mjs';
import { run, sleep, until } from './lib/program.mjs';
import { binary, start, temporaryFolder } from './lib/server.mjs';
import { TcpProxy } from './lib/tcp_proxy.mjs';

const MARKER = 'marker-7f3b-never-in-the-clear';
const folder = temporaryFolder('threats');
const topic = (name, channel) => `demo/plant1/machine/${name}/${channel}`;
let server;
let press;
let reader; // a user who sees everything that arrives

before(async () => {
  server = await start();
  press = await server.thing('press-01');
  reader = await connect(server, await server.user('reader'), { clientId: 'user-reader' });
  await reader.subscribeAsync('demo/#', { qos: 1 });
});
after(async () => {
  disconnectAll();
  await server?.stop();
});

/** mqtt.js by TLS through the proxy's port. */
const through = (proxy, who, options) => connect({ ...server, root: server.root, ports: { ...server.ports, mqtts: proxy.port, mqtt: proxy.port } }, who, options);

function filesOf(path) {
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? filesOf(join(path, entry.name)) : entry.isFile() ? [join(path, entry.name)] : []));
}

describe('eavesdropping', () => {
  const talk = async (client, name) => {
    await client.subscribeAsync(topic(name, 'answer'), { qos: 1 });
    await client.publishAsync(topic(name, MARKER), MARKER, { qos: 1, properties: { userProperties: { [MARKER]: MARKER } } });
    await client.endAsync();
  };

  test('what passes over TLS tells no payload, topic, name or token; without TLS it would', async () => {
    const plain = await TcpProxy.start(server.ports.mqtt);
    await talk(await through(plain, press, { clientId: `press-01/${MARKER}` }), 'press-01');
    for (const text of [MARKER, press.token, topic('press-01', MARKER)]) assert(plain.bytes.includes(text), `the attack works where nothing defends: ${text}`);
    await plain.stop();
    const line = await TcpProxy.start(server.ports.mqtts);
    await talk(await through(line, press, { clientId: `press-01/${MARKER}`, transport: 'tls' }), 'press-01');
    const certificate = await server.certificate('press-01');
    await talk(await through(line, certificate, { clientId: 'press-01', transport: 'tls' }), 'press-01');
    const seen = line.bytes;
    assert(seen.length > 4000, `${seen.length} bytes were captured`);
    // In TLS 1.3 the device's certificate is encrypted too, so a listener does not learn which device speaks.
    for (const text of [MARKER, press.token, 'press-01', 'demo/', 'plant1']) assert(!seen.includes(text), text);
    await line.stop();
  });

  test('nor does the API, over HTTPS', async () => {
    const line = await TcpProxy.start(server.ports.https);
    const ask = await fetchThrough(line.port, `/api/things/press-01?note=${MARKER}`);
    assert.match(ask, /^HTTP\/1.1 /);
    for (const text of [MARKER, server.adminToken, 'press-01', 'Authorization']) assert(!line.bytes.includes(text), text);
    await line.stop();
  });

  for (const listener of ['mqtts', 'https']) {
    test(`${listener} refuses old protocols and ciphers without forward secrecy or authentication`, async () => {
      const handshake = async (...args) => {
        const { stdout, stderr } = await run('openssl', ['s_client', '-connect', `localhost:${server.ports[listener]}`, '-CAfile', server.rootFile, '-servername', 'localhost', ...args], { input: '' });
        const text = stdout + stderr;
        return { done: !/Cipher is \(NONE\)/.test(text) && /Cipher is /.test(text), text };
      };
      const weak = (protocol, ciphers = 'ALL') => handshake(protocol, '-cipher', `${ciphers}:@SECLEVEL=0`);
      for (const good of [['-tls1_3'], ['-tls1_2']]) {
        const { done, text } = await handshake(...good, '-verify_return_error');
        assert(done, text);
      }
      for (const protocol of ['-tls1', '-tls1_1']) {
        const { done, text } = await weak(protocol);
        assert(!done, protocol);
        assert.match(text, /alert protocol version|no protocols available|unsupported protocol/, protocol);
      }
      for (const ciphers of ['AES128-SHA', 'AES256-GCM-SHA384', 'ECDHE-ECDSA-AES128-SHA', 'ECDHE-ECDSA-AES256-SHA384', 'aNULL', 'eNULL', 'PSK']) {
        const { done } = await weak('-tls1_2', ciphers);
        assert(!done, ciphers);
      }
      const renegotiation = await run('openssl', ['s_client', '-connect', `localhost:${server.ports[listener]}`, '-tls1_2', '-CAfile', server.rootFile], { input: 'R\n' });
      assert.doesNotMatch(renegotiation.stdout + renegotiation.stderr, /verify return:1\n[^]*RENEGOTIATING\n[^]*verify return:1/);
    });
  }

  test('secrets are in no log, and in the data folder only as hashes, or in files of their owner', async () => {
    const password = `secret-${MARKER}`;
    await server.api('POST', '/api/users', { name: 'eve', password, permissions: ['things:read'] });
    const { token } = await server.api('POST', '/api/tokens', { owner: 'eve', permissions: ['things:read'], days: 1 });
    const session = await server.request('POST', '/api/session', { csrf: true, body: { user: 'eve', password } });
    const cookie = session.headers['set-cookie'][0].match(/dunlin_session=([^;]+)/)[1];
    await server.request('POST', '/api/session', { csrf: true, body: { user: 'eve', password: `wrong-${MARKER}` } });
    await connect(server, { name: 'press-01', token: `wrong-${MARKER}` }, { clientId: 'press-01' }).catch(() => {});
    // What follows the prefix and the id; the secret is base64url and may hold "_" itself.
    const secretPart = (text) => text.match(/^[a-z]+_[0-9a-f]+_(.+)$/)[1];
    const secrets = [password, `wrong-${MARKER}`, secretPart(token), secretPart(cookie), secretPart(press.token)];
    for (const secret of secrets) assert(!server.log.includes(secret), 'a secret is in the log');
    for (const path of filesOf(server.data)) {
      const bytes = readFileSync(path);
      for (const secret of secrets) assert(!bytes.includes(secret), `a secret is in ${path}`);
      if (!/pki\/.*\.pem$/.test(path)) assert.equal(statSync(path).mode & 0o077, 0, path);
    }
  });
});

/** A GET over TLS through a proxy, with the server's certificate checked. */
function fetchThrough(port, path) {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ca: server.root }, () => {
      socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${server.adminToken}\r\nConnection: close\r\n\r\n`);
    });
    let text = '';
    socket.on('data', (bytes) => (text += bytes));
    socket.on('end', () => resolve(text));
    socket.on('error', reject);
  });
}

describe('spoofing', () => {
  const refused = (who, options) => assert.rejects(connect(server, who, options), undefined, JSON.stringify(options));
  let other;
  before(async () => {
    other = await server.thing('press-02');
  });

  test('with one\'s own credentials nobody takes another\'s client id, name or topics', async () => {
    const victim = await connect(server, press, { clientId: 'press-01' });
    for (const clientId of ['press-01', 'press-01/2', 'user-reader']) await refused(other, { clientId });
    await refused({ name: 'press-01', token: other.token }, { clientId: 'press-01' });
    await refused({ name: 'press-02', token: press.token }, { clientId: 'press-02' });
    assert(victim.connected, 'the victim keeps its session');
    const thief = await connect(server, other, { clientId: 'press-02' });
    const before = reader.received.length;
    await assert.rejects(thief.publishAsync(topic('press-01', 'temperature'), '999', { qos: 1 }), /Not authorized/i);
    await victim.publishAsync(topic('press-01', 'temperature'), '21', { qos: 1 });
    await messages(reader, before + 1);
    assert.deepEqual(reader.received.slice(before).map(({ payload }) => payload.toString()), ['21']);
    victim.end(true);
    thief.end(true);
  });

  test('a certificate counts only from the right authority, with its own key, unrevoked, and for its own name', async () => {
    const good = await server.certificate('press-01');
    (await connect(server, good, { clientId: 'press-01', transport: 'tls' })).end(true);
    const wrong = await makeAuthority(join(folder, 'wrong'), 'Dunlin intermediate');
    const [forged] = await makeIdentities(join(folder, 'forged'), ['press-01'], wrong);
    const files = (one, name) => {
      const made = { cert: join(folder, `${name}.pem`), key: join(folder, `${name}.key`), ca: server.rootFile };
      writeFileSync(made.cert, one.cert);
      writeFileSync(made.key, one.key);
      return made;
    };
    await refused(files(forged, 'forged'), { clientId: 'press-01', transport: 'tls' });
    // The right certificate with another key: possession cannot be proven.
    await refused({ ...good, key: files(forged, 'stolen').key }, { clientId: 'press-01', transport: 'tls' });
    await refused(good, { clientId: 'press-02', transport: 'tls' });
    const second = await server.certificate('press-01');
    await server.cli('cert', 'revoke', good.fingerprint);
    await refused(good, { clientId: 'press-01', transport: 'tls' });
    (await connect(server, second, { clientId: 'press-01', transport: 'tls' })).end(true);
  });

  test('a connection that was recorded and is played again does nothing', async () => {
    const line = await TcpProxy.start(server.ports.mqtts);
    const client = await through(line, press, { clientId: 'press-01', transport: 'tls' });
    const before = reader.received.length;
    await client.publishAsync(topic('press-01', 'valve'), 'open', { qos: 1 });
    await messages(reader, before + 1);
    await client.endAsync();
    await line.stop();
    const recorded = Buffer.concat(line.captured.toServer);
    const answered = await new Promise((resolve) => {
      let bytes = 0;
      const socket = net.connect(server.ports.mqtts, '127.0.0.1', () => socket.write(recorded));
      socket.on('data', (part) => (bytes += part.length));
      socket.on('error', () => {});
      socket.on('close', () => resolve(bytes));
      setTimeout(() => socket.destroy(), 8000).unref();
    });
    assert(answered > 0, 'a handshake was begun anew, with other keys');
    await sleep(300);
    assert.equal(reader.received.length, before + 1);
  });

  test('a false server is not believed', async () => {
    const authority = await makeAuthority(join(folder, 'false'), 'Dunlin root');
    const [impostor] = await makeIdentities(join(folder, 'impostor'), ['localhost'], authority);
    let heard = '';
    const fake = tls.createServer({ key: impostor.key, cert: impostor.cert }, (socket) => socket.on('data', (bytes) => (heard += bytes)));
    fake.on('tlsClientError', () => {});
    await new Promise((resolve) => fake.listen(0, '127.0.0.1', resolve));
    await assert.rejects(connect({ ...server, root: server.root, ports: { mqtts: fake.address().port } }, press, { clientId: 'press-01', transport: 'tls' }), /certificate/);
    const { code } = await run('mosquitto_pub', ['-h', 'localhost', '-p', String(fake.address().port), '--cafile', server.rootFile, '-u', 'press-01', '-P', press.token, '-t', 'x', '-m', 'x'], { timeout: 10_000 });
    assert.notEqual(code, 0);
    assert.equal(heard, '', 'no token was told to it');
    fake.close();
  });
});

describe('tampering', () => {
  test('a bit that flips on its way ends the connection, and no changed message arrives', async () => {
    const genuine = /^genuine-\d+$/;
    const before = reader.received.length;
    let acknowledged = 0;
    let broken = 0;
    let flips = 0;
    for (let i = 0; i < 40; ++i) {
      // Alternately in what the client and what the server sends, anywhere from the first byte of the handshake on.
      const victim = { toServer: i % 2 === 0, at: Math.floor(Math.random() * (i % 2 === 0 ? 1100 : 2600)), bit: 1 << (i % 8) };
      let flipped = false;
      const line = await TcpProxy.start(server.ports.mqtts, (bytes, { toServer, offset }) => {
        if (toServer !== victim.toServer || flipped || offset + bytes.length <= victim.at) return bytes;
        bytes[Math.max(0, victim.at - offset)] ^= victim.bit;
        flipped = true;
        return bytes;
      });
      try {
        const client = await through(line, press, { clientId: 'press-01', transport: 'tls', connectTimeout: 3000 });
        await Promise.race([
          (async () => {
            for (let n = 0; n < 5; ++n) {
              await client.publishAsync(topic('press-01', 'count'), `genuine-${i * 10 + n}`, { qos: 1 });
              ++acknowledged;
            }
          })(),
          new Promise((_, reject) => client.once('close', () => reject(new Error('closed')))),
          sleep(3000).then(() => Promise.reject(new Error('silent'))),
        ]);
        client.end(true);
      } catch {
        ++broken;
      }
      await line.stop();
      flips += flipped;
    }
    // The version in the header of a record that is not encrypted says nothing (RFC 8446 section 5.1): nobody looks at it.
    assert(flips >= 25 && broken >= flips - 4, `of ${flips} flips ${broken} were noticed`);
    await sleep(300);
    const arrived = reader.received.slice(before).map(({ payload }) => payload.toString());
    assert.deepEqual(arrived.filter((text) => !genuine.test(text)), []);
    assert(arrived.length >= acknowledged);
  });

  test('without TLS a flipped bit arrives as if it were meant: why plain listeners are for loopback only', async () => {
    const before = reader.received.length;
    const line = await TcpProxy.start(server.ports.mqtt, (bytes, { toServer }) => {
      const at = bytes.indexOf('genuine');
      if (toServer && at >= 0) bytes[at] ^= 1;
      return bytes;
    });
    const client = await through(line, press, { clientId: 'press-01' });
    await client.publishAsync(topic('press-01', 'count'), 'genuine-1', { qos: 1 });
    await messages(reader, before + 1);
    assert.equal(reader.received.at(-1).payload.toString(), 'fenuine-1');
    client.end(true);
    await line.stop();
    const { code, stderr } = await server.cli('check-config', '--set', 'listen.mqtt=0.0.0.0:1883');
    assert.equal(code, 1);
    assert.match(stderr, /loopback only/);
  });

  test('a bit that flips in the stored journal is found: the altered message is delivered to nobody', async () => {
    const own = await start({ set: ['threads.reactors=1'] });
    const device = await own.thing('press-09');
    const session = { clientId: 'press-09/away', clean: false, properties: { sessionExpiryInterval: 3600 } };
    const away = await connect(own, device, session);
    await away.subscribeAsync(topic('press-09', '#'), { qos: 1 });
    await away.endAsync();
    const sender = await connect(own, device, { clientId: 'press-09' });
    for (let i = 0; i < 20; ++i) await sender.publishAsync(topic('press-09', 'x'), `stored-marker-${i}`, { qos: 1 });
    sender.end(true);
    await own.kill9();
    const segment = filesOf(join(own.data, 'journal/0')).find((path) => path.endsWith('.segment') && readFileSync(path).includes('stored-marker-7'));
    const bytes = readFileSync(segment);
    bytes[bytes.indexOf('stored-marker-7')] ^= 1;
    writeFileSync(segment, bytes);
    // It does not start with what it cannot vouch for, and names the place.
    const { code, stderr } = await run(binary, ['serve', '--data', own.data, '--set', 'threads.reactors=1', ...['mqtt', 'mqtts', 'https', 'http'].flatMap((name) => ['--set', `listen.${name}=127.0.0.1:0`])], { timeout: 30_000 });
    assert.equal(code, 1);
    assert.match(stderr, /\.segment/);
    bytes[bytes.indexOf('rtored-marker-7')] ^= 1;
    writeFileSync(segment, bytes);
    await own.start();
    const back = await connect(own, device, session);
    const got = (await messages(back, 20)).map(({ payload }) => payload.toString());
    assert.deepEqual(got, Array.from({ length: 20 }, (_, i) => `stored-marker-${i}`));
    await own.stop();
  });
});
