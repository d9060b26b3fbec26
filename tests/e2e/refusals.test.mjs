// The picture of an attack: what is refused to unchanged peers is counted under the right kind, address, device and user, and what an
// operator may do about it works. Peers: mosquitto_pub, openssl, curl, mqtt.js, raw sockets.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { makeAuthority, makeIdentities } from './lib/identities.mjs';
import { as, publish, published } from './lib/mosquitto.mjs';
import { connect, disconnectAll, publishRefused } from './lib/mqtt.mjs';
import { run, sleep, until } from './lib/program.mjs';
import { connectPacket, packet, publishPacket, RawConnection } from './lib/raw_mqtt.mjs';
import { start, temporaryFolder } from './lib/server.mjs';

const SECRET = 'never-to-be-seen-4711';
const telemetry = (name) => `demo/plant1/machine/${name}/temperature`;
let server;
after(disconnectAll);

const refusals = (query = '') => server.api('GET', `/api/security/refusals${query}`);
const count = async (kind) => (await refusals()).kinds.find((one) => one.kind === kind)?.count ?? 0;
const find = (rows, member, name) => rows.find((row) => row[member] === name);
/** How many more there are of a kind after `deed`, once there are any; and the metric says the same. */
async function more(kind, deed, expected) {
  const before = await count(kind);
  await deed();
  await until(async () => (await count(kind)) >= before + expected, `${expected} more of ${kind}`);
  await sleep(100);
  assert.equal((await count(kind)) - before, expected, kind);
  assert.equal(await server.metric('dunlin_refusals_total', { kind }), before + expected);
}
const newest = async () => (await refusals()).recent[0];
const times = async (n, deed) => {
  for (let i = 0; i < n; ++i) await deed(i);
};

describe('kinds', () => {
  let press;
  before(async () => {
    server = await start({ set: ['mqtt.connect_deadline=3s', 'listen.tls_handshake_deadline=500ms', 'mqtt.max_packet_bytes=20000'] });
    press = await server.thing('press-01');
  });

  test('in the beginning there is nothing, and it says since when', async () => {
    const now = await refusals();
    assert.deepEqual([now.total, now.kinds, now.addresses, now.devices, now.users, now.recent, now.blocks], [0, [], [], [], [], [], []]);
    assert.deepEqual(now.history, { step_seconds: 10, kinds: {} });
  });

  test('a wrong password: address, device and user', async () => {
    const who = as(server, { name: 'ada', password: SECRET });
    await more('password', () => times(3, () => publish(who, '-i', 'user-press', '-t', 'a', '-m', '1')), 3);
    const now = await refusals();
    const address = find(now.addresses, 'address', '127.0.0.1');
    assert.deepEqual([address.count, address.uncertain, address.recent, address.last_kind, address.last_device], [3, 0, 3, 'password', 'user-press']);
    const device = find(now.devices, 'device', 'user-press');
    assert.deepEqual([device.count, device.proven, device.quarantine, device.last_address], [3, false, false, '127.0.0.1']);
    assert.equal(find(now.users, 'user', 'ada').count, 3);
    assert.deepEqual(now.recent.map((one) => [one.kind, one.user]), Array(3).fill(['password', 'ada']));
    assert.equal(now.history.kinds.password.reduce((sum, one) => sum + one), 3);
  });

  test('wrong tokens of every kind, and none at all', async () => {
    const shows = (token) => publish(as(server, { name: 'press-01', token }), '-i', 'press-01', '-t', telemetry('press-01'), '-m', '1');
    await more('token', () => shows(`dt_${'x'.repeat(16)}_${SECRET}`), 1);
    const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
    await more('jwt', () => shows(`${part({ alg: 'RS256', typ: 'JWT' })}.${part({ sub: 'press-01', aud: 'dunlin', exp: Math.floor(Date.now() / 1000) + 60 })}.${'A'.repeat(86)}`), 1);
    await more('sas_token', () => shows(`SharedAccessSignature sr=dunlin%2Fdevices%2Fpress-01&sig=${SECRET}&se=${Math.floor(Date.now() / 1000) + 600}`), 1);
    const nobody = ['-V', 'mqttv5', '-h', '127.0.0.1', '-p', String(server.ports.mqtt)];
    await more('no_credentials', () => publish(nobody, '-i', 'press-01', '-t', 'a', '-m', '1'), 1);
    assert.equal(find((await refusals()).devices, 'device', 'press-01').count, 4);
  });

  test('a name that is not one’s own', async () => {
    await more('client_id', () => publish(as(server, press), '-i', 'press-02', '-t', telemetry('press-02'), '-m', '1'), 1);
    assert.deepEqual([(await newest()).device, (await newest()).user], ['press-02', 'press-01']);
  });

  test('certificates: of another authority, revoked', async () => {
    const folder = temporaryFolder('strangers');
    const acme = await makeAuthority(join(folder, 'acme'), 'Acme Root');
    await makeIdentities(join(folder, 'acme'), ['press-01'], acme);
    const stranger = { ca: server.rootFile, cert: join(folder, 'acme/press-01.pem'), key: join(folder, 'acme/press-01.key') };
    await more('certificate_authority', () => publish(as(server, stranger), '-i', 'press-01', '-t', 'a', '-m', '1'), 1);
    await more('certificate_authority', () => run('openssl', ['s_client', '-connect', `localhost:${server.ports.mqtts}`, '-CAfile', server.rootFile, '-cert', stranger.cert, '-key', stranger.key, '-ign_eof'], { input: '' }), 1);
    const own = await server.certificate('press-01');
    await published(as(server, own), '-i', 'press-01', '-t', telemetry('press-01'), '-m', '1');
    await server.api('DELETE', `/api/certificates/${own.fingerprint}`);
    await more('certificate_revoked', () => publish(as(server, own), '-i', 'press-01', '-t', 'a', '-m', '1'), 1);
    assert.match((await newest()).reason, /revoked/);
  });

  test('bytes that are no handshake, and half a one', async () => {
    await more('tls_failed', async () => {
      const raw = await RawConnection.open(server.ports.mqtts);
      raw.send('GET / HTTP/1.1\r\n\r\n');
      await raw.untilClosed();
    }, 1);
    await more('tls_timeout', async () => {
      const raw = await RawConnection.open(server.ports.mqtts);
      raw.send([0x16, 0x03, 0x01, 0x02, 0x00]);
      await raw.untilClosed();
    }, 1);
  });

  test('silence, no packet, packets that may not be, and too large ones', async () => {
    const raw = async (...bytes) => {
      const one = await RawConnection.open(server.ports.mqtt);
      for (const part of bytes) one.send(part);
      return one.untilClosed();
    };
    await more('connect_timeout', () => raw(), 1);
    await more('malformed', () => raw([0x10, 0xff, 0xff, 0xff, 0xff, 0xff]), 1);
    await more('protocol_error', () => raw(packet(0xc0)), 1);
    const hello = connectPacket({ clientId: 'press-01', name: 'press-01', token: press.token });
    await more('protocol_error', () => raw(hello, hello), 1);
    assert.equal((await newest()).device, 'press-01');
    await more('packet_too_large', () => raw(hello, publishPacket(telemetry('press-01'), Buffer.alloc(30_000))), 1);
    const device = find((await refusals()).devices, 'device', 'press-01');
    assert(device.proven, 'its token has proven it');
    assert(device.kinds.includes('packet_too_large') && device.kinds.includes('jwt'));
  });

  test('what the policies do not allow: every publish and subscription counts', async () => {
    const client = await connect(server, press, { clientId: 'press-01' });
    await more('publish_denied', () => times(5, () => publishRefused(client, telemetry('press-99'))), 5);
    assert.deepEqual([(await newest()).device, (await newest()).reason], ['press-01', `may not publish to ${telemetry('press-99')}`]);
    await more('subscribe_denied', () => times(2, () => client.subscribeAsync('demo/#', { qos: 1 }).catch(() => {})), 2);
    await client.endAsync();
  });

  test('curl at the API: without a token, with a wrong one, without the right', async () => {
    const { token } = await server.api('POST', '/api/users', { name: 'viewer', password: 'calm sea at dawn', permissions: ['things:read'] }).then(() => server.api('POST', '/api/tokens', { owner: 'viewer', permissions: ['things:read'] }));
    const curl = async (...args) => (await run('curl', ['-s', '-o', '/dev/null', '-w', '%{http_code}', ...args, `http://127.0.0.1:${server.ports.http}/api/users`])).stdout;
    await more('http_unauthenticated', async () => assert.equal(await curl(), '401'), 1);
    await more('token', async () => assert.equal(await curl('-H', `Authorization: Bearer at_0123456789abcdef_${SECRET}`), '401'), 1);
    await more('http_forbidden', async () => assert.equal(await curl('-H', `Authorization: Bearer ${token}`), '403'), 1);
    assert.equal((await newest()).user, 'viewer');
    assert.match((await newest()).reason, /users:read/);
  });

  test('a wrong enrolment code, and a thing that says that somebody is at it', async () => {
    const [{ csr }] = await makeIdentities(temporaryFolder('enrol'), ['saw-01']);
    await more('enrolment', () => server.request('POST', '/api/enrol', { body: { code: 'AAAA-BBBB-CCCC-DDDD', csr } }), 1);
    const drill = await server.thing('drill-01');
    const client = await connect(server, drill, { clientId: 'drill-01' });
    await more('tamper', () => client.publishAsync('$dunlin/things/drill-01/tamper', '{"reason":"case open"}', { qos: 1 }), 1);
    const row = () => refusals().then((now) => find(now.devices, 'device', 'drill-01'));
    await until(async () => (await row()).quarantine, 'quarantine in the picture');
    assert.match((await row()).reason, /case open/);
    await server.api('DELETE', '/api/things/drill-01/quarantine');
    await until(async () => !(await row()).quarantine, 'its end');
  });

  test('names that would do harm are shown as text, cut and without control characters; no secret is there', async () => {
    const evil = `<img src=x onerror=alert(1)>${'x'.repeat(200)}`;
    await more('password', () => publish(as(server, { name: evil.slice(0, 60), password: SECRET }), '-i', evil, '-t', 'a', '-m', '1'), 1);
    const raw = await RawConnection.open(server.ports.mqtt);
    raw.send(connectPacket({ clientId: 'line\none\u0007', name: 'x', token: SECRET }));
    await raw.untilClosed();
    const now = await refusals('?limit=100');
    assert(find(now.devices, 'device', evil.slice(0, 64)), 'cut at 64 bytes');
    assert(find(now.devices, 'device', 'line?one?'));
    const text = JSON.stringify(now);
    for (const secret of [SECRET, press.token, server.adminToken]) assert(!text.includes(secret));
  });

  test('the command line shows it, and the query has limits', async () => {
    const now = await server.cliJson('security', 'refusals', '--limit', '2', '--span', 'day');
    assert.equal(now.addresses.length, 1);
    assert.equal(now.devices.length, 2);
    assert.equal(now.history.step_seconds, 60);
    const shown = await server.cli('security', 'refusals');
    assert.equal(shown.code, 0);
    for (const text of ['kinds', 'addresses', 'publish_denied', 'press-01', '127.0.0.1']) assert(shown.stdout.includes(text), text);
    for (const query of ['?limit=0', '?limit=101', '?span=year']) {
      assert.equal((await server.request('GET', `/api/security/refusals${query}`, { token: server.adminToken })).status, 400, query);
    }
  });
});

describe('who waits', () => {
  before(async () => {
    server = await start();
  });
  const right = 'calm sea at dawn';
  const login = (password) => server.request('POST', '/api/session', { body: { user: 'ada', password }, csrf: true });

  test('a penalty is seen with its time, lifted by an operator, and that is written down', async () => {
    await server.api('POST', '/api/users', { name: 'ada', password: right });
    await times(6, () => login('wrong'));
    assert.equal((await login(right)).status, 429);
    assert.equal(await count('password'), 6);
    assert.equal(await count('penalty'), 1);
    let now = await refusals();
    assert(find(now.addresses, 'address', '127.0.0.1').penalty_seconds >= 1);
    assert(find(now.users, 'user', 'ada').penalty_seconds >= 1);
    await times(4, async () => {
      await until(async () => (await login('wrong')).status === 401, 'the end of the penalty', { interval: 100 });
    });
    assert.deepEqual(await server.cliJson('security', 'release', '--address', '127.0.0.1'), { penalties: 1, was_blocked: false });
    assert.deepEqual(await server.api('POST', '/api/security/release-user', { user: 'ada' }), { penalties: 1 });
    assert.equal((await login(right)).status, 200);
    now = await refusals();
    assert.equal(find(now.users, 'user', 'ada').penalty_seconds, undefined);
    const { records } = await server.api('GET', '/api/audit?action=security.release');
    assert.deepEqual(records.map(({ action, object, actor }) => [action, object, actor]), [['security.release-user', 'ada', 'local-admin'], ['security.release', '127.0.0.1', 'local-admin']]);
  });

  test('an operator sees it, a viewer does not, and only an admin releases', async () => {
    const token = async (name, role, permissions) => {
      await server.api('POST', '/api/users', { name, password: right, roles: [role] });
      return (await server.api('POST', '/api/tokens', { owner: name, permissions })).token;
    };
    const viewer = await token('vera', 'viewer', ['series:read']);
    const operator = await token('otto', 'operator', ['series:read', 'security:read']);
    const ask = async (who) => (await server.request('GET', '/api/security/refusals', { token: who })).status;
    assert.deepEqual([await ask(viewer), await ask(operator), await ask(undefined)], [403, 200, 401]);
    for (const path of ['release', 'block']) {
      assert.equal((await server.request('POST', `/api/security/${path}`, { token: operator, body: { address: '203.0.113.9' } })).status, 403);
    }
    // Live: the page of whoever may see it is told, with the newest.
    const heard = { viewer: [], operator: [] };
    const sockets = [];
    for (const [who, own] of [['viewer', viewer], ['operator', operator]]) {
      const { WebSocket } = await import('ws');
      const socket = new WebSocket(`ws://127.0.0.1:${server.ports.http}/api/live`, { headers: { Authorization: `Bearer ${own}` } });
      socket.on('message', (data, binary) => !binary && heard[who].push(JSON.parse(data)));
      await new Promise((resolve, reject) => socket.on('open', resolve).on('error', reject));
      sockets.push(socket);
    }
    await login('wrong');
    const news = await until(() => heard.operator.find((one) => one.type === 'refusals' && one.recent[0]?.kind === 'password'), 'the live event');
    assert.deepEqual([news.recent[0].user, news.total], ['ada', (await refusals()).total]);
    assert(!heard.viewer.some((one) => one.type === 'refusals'));
    for (const socket of sockets) socket.close();
  });

  test('a restart begins anew', async () => {
    assert((await refusals()).total > 0);
    await server.stop();
    server = await start({ data: server.data });
    assert.equal((await refusals()).total, 0);
  });
});

describe('other addresses, by a proxy', () => {
  before(async () => {
    server = await start({ set: ['listen.proxy_protocol.listeners=mqtt', 'listen.proxy_protocol.trusted=127.0.0.1', 'listen.max_connection_rate_per_address=20'] });
  });
  const from = async (address, ...bytes) => {
    const raw = await RawConnection.open(server.ports.mqtt);
    raw.socket.removeAllListeners('error').on('error', () => {});
    raw.send(`PROXY ${address.includes(':') ? 'TCP6' : 'TCP4'} ${address} ${address.includes(':') ? '2001:db8::7' : '198.51.100.7'} 50000 1883\r\n`);
    for (const part of bytes) raw.send(part);
    return raw;
  };
  const wrong = connectPacket({ clientId: 'press-01', name: 'press-01', token: `dt_${'x'.repeat(16)}_${SECRET}` });

  test('a flood is counted by its source, an IPv6 network as one', async () => {
    const flood = await Promise.all(Array.from({ length: 60 }, (_, i) => from(`2001:db8:0:5::${(i + 1).toString(16)}`)));
    await until(async () => (await count('connection_rate')) > 25, 'the flood in the picture');
    await sleep(300);
    flood.forEach((one) => one.destroy());
    const refused = await count('connection_rate');
    assert(refused <= 40, `20 of 60 come in at once, ${refused} are refused`);
    const row = find((await refusals()).addresses, 'address', '2001:db8:0:5::/64');
    assert.deepEqual([row.count, row.uncertain, row.kinds], [refused, 0, ['connection_rate']]);
    assert.equal(await server.metric('dunlin_net_rate_refused_total', { limit: 'address' }), refused);
    const flat = await from('203.0.113.8', wrong);
    await flat.untilClosed();
    assert.equal(find((await refusals()).addresses, 'address', '203.0.113.8').last_device, 'press-01');
  });

  test('a blocked address is not let in, and is again when released', async () => {
    const blocked = await server.cliJson('security', 'block', '--address', '203.0.113.8', '--minutes', '5');
    assert.deepEqual(blocked, { address: '203.0.113.8', blocked_seconds: 300 });
    const shut = await from('203.0.113.8', wrong);
    assert.equal((await shut.untilClosed()).length, 0, 'no CONNACK');
    await until(async () => (await count('address_blocked')) === 1, 'the block in the picture');
    const open = await from('203.0.113.9', wrong);
    assert((await open.untilClosed()).length > 0, 'another address is answered');
    let now = await refusals();
    assert.equal(now.blocks[0].address, '203.0.113.8');
    assert(find(now.addresses, 'address', '203.0.113.8').blocked_seconds > 290);
    assert.equal(await server.metric('dunlin_net_blocked_total'), 1);
    assert.deepEqual(await server.api('POST', '/api/security/release', { address: '203.0.113.8' }), { penalties: 1, was_blocked: true }, 'one wrong token, and the block');
    const again = await from('203.0.113.8', wrong);
    assert((await again.untilClosed()).length > 0);
    now = await refusals();
    assert.deepEqual(now.blocks, []);
    const { records } = await server.api('GET', '/api/audit?action=security.');
    assert.deepEqual(records.map(({ action, object }) => [action, object]), [['security.release', '203.0.113.8'], ['security.block', '203.0.113.8']]);
  });

  test('nobody shuts out himself or this machine', async () => {
    const block = async (address, minutes) => (await server.request('POST', '/api/security/block', { token: server.adminToken, body: { address, ...(minutes === undefined ? {} : { minutes }) } })).status;
    assert.equal(await block('127.0.0.1'), 409);
    for (const address of ['::1', '127.0.0.2', 'press-01', '10.0.0.0/8', '']) assert.equal(await block(address), 400, address);
    for (const minutes of [0, 43_201]) assert.equal(await block('203.0.113.8', minutes), 400);
  });
});
