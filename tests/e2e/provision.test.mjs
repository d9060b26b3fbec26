// Devices that nobody knows yet: registration over mutual TLS with curl and Python, authorities of others, codes, EST with curl and
// openssl, claim certificates, groups with derived keys, the approval queue; and what is left after a SIGKILL at any moment.
import assert from 'node:assert/strict';
import { createHash, createHmac, X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { publish, published } from './lib/mosquitto.mjs';
import { connect, disconnectAll } from './lib/mqtt.mjs';
import { run, until } from './lib/program.mjs';
import { start, temporaryFolder } from './lib/server.mjs';

const folder = temporaryFolder('provision');
let server;
let acme;

async function openssl(...args) {
  const { code, stdout, stderr } = await run('openssl', args);
  assert.equal(code, 0, `openssl ${args.join(' ')}: ${stderr}`);
  return stdout;
}

const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
let files = 0;
const file = (name) => join(folder, `${++files}-${name}`);

/** A key and a request for it, as a device makes them: {key, csr}. */
async function request(name) {
  const made = { key: file('key.pem'), csr: file('request.pem') };
  await openssl('req', '-new', ...EC, '-subj', `/CN=${name}`, '-keyout', made.key, '-out', made.csr);
  return made;
}

/** An authority that somebody else runs. */
async function authority(name) {
  const made = { key: file('ca.key'), cert: file('ca.pem') };
  await openssl('req', '-x509', ...EC, '-subj', `/CN=${name}`, '-days', '30', '-keyout', made.key, '-out', made.cert);
  return made;
}

/** A device certificate of that authority: {key, cert, ca}. */
async function device(ca, name, days = 10) {
  const { key, csr } = await request(name);
  const cert = file('device.pem');
  await openssl('x509', '-req', '-in', csr, '-CA', ca.cert, '-CAkey', ca.key, '-set_serial', String(++files), '-days', String(days), '-out', cert);
  return { key, cert, ca: server.rootFile };
}

/** curl against the HTTPS listener: {status, headers, text, json}. */
async function curl(path, { who, args = [] } = {}) {
  const certificate = who ? ['--cert', who.cert, '--key', who.key] : [];
  const { code, stdout, stderr } = await run('curl', ['-sS', '-i', '--max-time', '20', '--cacert', server.rootFile, ...certificate, ...args, `https://localhost:${server.ports.https}${path}`]);
  assert.equal(code, 0, `curl ${path}: ${stderr}`);
  const [head, ...rest] = stdout.replace(/^HTTP\/1.1 100 Continue\r\n\r\n/, '').split('\r\n\r\n');
  const text = rest.join('\r\n\r\n');
  return { status: Number(head.split(' ')[1]), head, text, get json() { return JSON.parse(text); } };
}

const post = (path, body, { who, type = 'application/json', args = [] } = {}) => {
  const name = file('body');
  writeFileSync(name, typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body));
  return curl(path, { who, args: ['-H', `Content-Type: ${type}`, '--data-binary', `@${name}`, ...args] });
};

const registration = (who, name, more = {}) => ({
  device_id: name, firmware_version: '1.0.0', model: 'P9', capabilities: ['ota', 'shadow'], certificate: readFileSync(who.cert, 'utf8'), ...more,
});
const register = (who, name, more) => post('/api/devices/register', registration(who, name, more), { who });

/** mosquitto_pub over TLS with a certificate. */
const as = (who) => ['-V', 'mqttv5', '-h', 'localhost', '-p', String(server.ports.mqtts), '--cafile', server.rootFile, '--cert', who.cert, '--key', who.key];
const send = (who, name) => publish(as(who), '-i', name, '-q', 1, '-t', `demo/plant1/machine/${name}/x`, '-m', '1');
const sent = (who, name) => published(as(who), '-i', name, '-q', 1, '-t', `demo/plant1/machine/${name}/x`, '-m', '1');

async function registerAuthority(ca, fields = {}) {
  const { code } = await server.api('POST', '/api/authorities/code', {});
  const proof = await device(ca, code);
  return server.api('POST', '/api/authorities', {
    certificate: readFileSync(ca.cert, 'utf8'), proof: readFileSync(proof.cert, 'utf8'), auto_registration: true, ...fields,
  });
}
const things = async () => (await server.api('GET', '/api/things')).things.map((thing) => thing.name);

before(async () => {
  server = await start();
  acme = await authority('Acme CA');
  await registerAuthority(acme, { label: 'acme', type: 'machine' });
});
after(async () => {
  disconnectAll();
  await server.stop();
});

describe('POST /api/devices/register', () => {
  test('makes a thing of a device, once, and tells where to connect', async () => {
    const who = await device(acme, 'press-01');
    const first = await register(who, 'press-01');
    assert.equal(first.status, 201, first.text);
    assert.equal(first.json.thing, 'press-01');
    assert.deepEqual(first.json.mqtt, { host: 'localhost', port: server.ports.mqtts, tls: true, client_id: 'press-01' });
    assert.match(first.json.topics.telemetry, /\/press-01\//);
    const again = await register(who, 'press-01');
    assert.equal(again.status, 200, again.text);
    assert.equal(again.json.fingerprint, first.json.fingerprint);
    const thing = await server.api('GET', '/api/things/press-01');
    assert.equal(thing.type, 'machine');
    assert.equal(thing.attributes.model, 'P9');
    assert.equal(thing.attributes.firmware_version, '1.0.0');
    assert.equal(thing.attributes.capabilities, 'ota,shadow');
    await sent(who, 'press-01');
  });

  test('works with Python requests as it is', async () => {
    const who = await device(acme, 'python-01');
    const script = `
import json, requests, sys
answer = requests.post(sys.argv[2], json=json.loads(sys.argv[1]), cert=(sys.argv[3], sys.argv[4]), verify=sys.argv[5], timeout=20)
print(answer.status_code, answer.json()["thing"])
`;
    const url = `https://localhost:${server.ports.https}/api/devices/register`;
    const { code, stdout, stderr } = await run('python3', ['-c', script, JSON.stringify(registration(who, 'python-01')), url, who.cert, who.key, server.rootFile]);
    assert.equal(code, 0, stderr);
    assert.equal(stdout.trim(), '201 python-01');
  });

  test('a certificate of our own authority, given out by an operator, registers its thing', async () => {
    await server.thing('mixer-01');
    const who = await server.certificate('mixer-01');
    assert.equal((await register(who, 'mixer-01')).status, 201);
    assert.equal((await register(who, 'mixer-01')).status, 200);
    assert.equal((await register(who, 'mixer-02')).status, 403);
  });

  test('says why it refuses, and leaves nothing but the audit record', async () => {
    const before = await things();
    const good = await device(acme, 'press-10');
    const taken = await device(acme, 'press-01');
    const stranger = await device(await authority('Stranger'), 'press-11');
    const expired = await device(acme, 'press-12', 0);
    const refused = async (answer, status, reason) => {
      const { status: got, text } = await answer;
      assert.equal(got, status, text);
      assert.match(JSON.parse(text).error.message, reason);
    };
    await refused(post('/api/devices/register', registration(good, 'press-10')), 401, /no client certificate/);
    await refused(register(stranger, 'press-11'), 403, /not accepted|no authority/);
    await refused(register(expired, 'press-12'), 403, /expired/);
    await refused(register(taken, 'press-01'), 409, /there already/);
    await refused(register(good, 'press-13'), 403, /name/);
    await refused(post('/api/devices/register', registration(taken, 'press-10'), { who: good }), 403, /not the client certificate/);
    await refused(post('/api/devices/register', '{"device_id":', { who: good }), 400, /not JSON/);
    await refused(register(good, 'press-10', { model: 7 }), 400, /"model" must be a text/);
    await refused(register(good, 'press-10', { capabilities: 'ota' }), 400, /"capabilities" must be a list/);
    await refused(register(good, 'press-10', { shoe_size: 45 }), 400, /shoe_size/);
    await refused(register(good, 'press/10'), 400, /name/);
    await refused(register(good, 'press-10', { certificate: 'no PEM' }), 400, /certificate/);
    await refused(register(good, 'press-10', { model: 'x'.repeat(70_000) }), 413, /bytes/);
    assert.equal((await register(good, 'press-10', { model: 'x'.repeat(2_000_000) })).status, 413);
    assert.deepEqual(await things(), before);
    assert(await server.metric('dunlin_enrolments_total', { way: 'registration', outcome: 'refused' }) >= 12);
    assert.equal((await register(good, 'press-10')).status, 201, 'the device itself was not harmed');
  });
});

describe('registered authorities', () => {
  test('a device of one that nobody announced connects over MQTT and is a thing', async () => {
    const who = await device(acme, 'lathe-01');
    await sent(who, 'lathe-01');
    const thing = await server.api('GET', '/api/things/lathe-01');
    assert.equal(thing.type, 'machine');
    assert.match(thing.attributes.enrolled_by, /^authority:/);
  });

  test('is not trusted before it has proven its key, nor when it is disabled or gone', async () => {
    const other = await authority('Other CA');
    const who = await device(other, 'lathe-10');
    assert.notEqual((await send(who, 'lathe-10')).code, 0);
    const wrong = await server.request('POST', '/api/authorities', {
      token: server.adminToken, body: { certificate: readFileSync(other.cert, 'utf8'), proof: readFileSync(who.cert, 'utf8') },
    });
    assert.equal(wrong.status, 403, wrong.text);
    const { id } = await registerAuthority(other);
    await sent(who, 'lathe-10');
    await server.cliJson('authority', 'update', id, '--enabled', 'false');
    assert.notEqual((await send(who, 'lathe-10')).code, 0);
    await server.cliJson('authority', 'update', id, '--enabled', 'true');
    await sent(who, 'lathe-10');
    await server.cliJson('authority', 'delete', id);
    assert.notEqual((await send(who, 'lathe-10')).code, 0);
  });

  test('the queue keeps a device out until an operator lets it in', async () => {
    const other = await authority('Queue CA');
    await registerAuthority(other, { approval: 'queue', name_pattern: 'q-{cn}' });
    const who = await device(other, 'saw-01');
    const refused = await send(who, 'q-saw-01');
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr + refused.stdout, /not authori[sz]ed/i);
    const waiting = await post('/api/devices/register', registration(who, 'q-saw-01'), { who });
    assert.equal(waiting.status, 202, waiting.text);
    assert.match(waiting.head, /retry-after: \d+/i);
    assert.equal(await server.metric('dunlin_enrolment_waiting'), 1);
    const { waiting: queue } = await server.cliJson('enrolment', 'list');
    assert.deepEqual(queue.map((one) => [one.name, one.state]), [['q-saw-01', 'waiting']]);
    await server.cliJson('enrolment', 'approve', 'q-saw-01');
    await sent(who, 'q-saw-01');
    assert.equal(await server.metric('dunlin_enrolment_waiting'), 0);
    const second = await device(other, 'saw-02');
    assert.notEqual((await send(second, 'q-saw-02')).code, 0);
    await server.cliJson('enrolment', 'reject', 'q-saw-02');
    assert.equal((await post('/api/devices/register', registration(second, 'q-saw-02'), { who: second })).status, 403);
    assert(!(await things()).includes('q-saw-02'));
  });

  test('live connections of its devices end within a second when it is disabled or removed, with the reason', async () => {
    const other = await authority('Ending CA');
    const { id } = await registerAuthority(other, { label: 'ending', type: 'machine' });
    const theirs = await device(other, 'drill-01');
    const ours = await device(acme, 'drill-02');
    for (const [method, body, word] of [['PATCH', { enabled: false }, 'is disabled'], ['DELETE', undefined, 'was removed']]) {
      const live = await connect(server, theirs, { transport: 'tls', clientId: 'drill-01' });
      const stays = await connect(server, ours, { transport: 'tls', clientId: 'drill-02' });
      const told = new Promise((resolve) => live.once('disconnect', (packet) => resolve({ packet, at: performance.now() })));
      const began = performance.now();
      await server.api(method, `/api/authorities/${id}`, body);
      const { packet, at } = await told;
      assert(at - began < 1000, `${at - began} ms`);
      assert.match(packet.properties.reasonString, new RegExp(`authority ending, .* ${word}`));
      const { sessions } = await server.api('GET', '/api/sessions?thing=drill-01&state=online');
      assert.deepEqual(sessions, [], 'the answer comes behind the end');
      assert.notEqual((await send(theirs, 'drill-01')).code, 0);
      await stays.publishAsync('demo/plant1/machine/drill-02/x', '1', { qos: 1 });
      await stays.endAsync();
      if (method === 'PATCH') await server.api('PATCH', `/api/authorities/${id}`, { enabled: true });
    }
  });

  test('allow-list and quota hold; what is removed or decommissioned gives its place back', async () => {
    const other = await authority('Quota CA');
    const { id } = await registerAuthority(other, { allow: ['few-01', 'few-02', 'few-03'], quota: 1 });
    const enrolled = async () => (await server.api('GET', `/api/authorities/${id}`)).enrolled;
    const answers = [];
    for (const name of ['few-09', 'few-01', 'few-02']) answers.push((await register(await device(other, name), name)).status);
    assert.deepEqual(answers, [403, 201, 429]);
    assert.equal(await enrolled(), 1);
    await server.api('PUT', '/api/things/few-01/lifecycle/decommission', {});
    assert.equal(await enrolled(), 0);
    assert.equal((await register(await device(other, 'few-02'), 'few-02')).status, 201);
    await server.kill9();
    await server.start();
    assert.equal(await enrolled(), 1);
    assert.equal((await register(await device(other, 'few-03'), 'few-03')).status, 429);
    await server.api('DELETE', '/api/things/few-02');
    await server.api('DELETE', '/api/things/few-01');
    assert.equal(await enrolled(), 0);
    assert.equal((await register(await device(other, 'few-03'), 'few-03')).status, 201);
  });

  test('devices that enrol all at once do not go past the quota, theirs or the installation\'s', async () => {
    const other = await authority('Rush CA');
    const { id } = await registerAuthority(other, { quota: 4 });
    const rush = async (from, count) => {
      const who = await Promise.all(Array.from({ length: count }, (_, i) => device(other, `rush-${from + i}`)));
      const answers = await Promise.all(who.map((one, i) => register(one, `rush-${from + i}`)));
      return answers.map((one) => one.status).sort();
    };
    assert.deepEqual(await rush(0, 8), [201, 201, 201, 201, 429, 429, 429, 429]);
    const { enrolled } = await server.api('GET', '/api/enrolment/quota');
    assert(enrolled >= 4);
    await server.api('PATCH', `/api/authorities/${id}`, { quota: 0 });
    await server.cliJson('enrolment', 'limit', '--quota', String(enrolled + 2));
    assert.deepEqual(await rush(20, 5), [201, 201, 429, 429, 429]);
    await server.cliJson('enrolment', 'limit', '--quota', '0');
    assert.equal((await server.api('GET', '/api/enrolment/quota')).enrolled, enrolled + 2);
  });
});

describe('enrolment codes', () => {
  test('give a certificate for a request, once, and again to the same key', async () => {
    const made = await server.cliJson('code', 'create', '--thing', 'pump-01');
    assert.match(made.code, /^\w{4}-\w{4}-\w{4}-\w{4}$/);
    assert.match(made.qr_svg, /^<svg /);
    const { key, csr } = await request('pump-01');
    const body = { code: made.code, csr: readFileSync(csr, 'utf8') };
    const first = await post('/api/enrol', body);
    assert.equal(first.status, 201, first.text);
    const cert = file('certificate.pem');
    writeFileSync(cert, first.json.certificate);
    await openssl('verify', '-CAfile', server.rootFile, '-untrusted', cert, cert);
    await sent({ key, cert }, 'pump-01');
    assert.equal((await post('/api/enrol', body)).json.certificate, first.json.certificate);
    const other = await request('pump-01');
    assert.equal((await post('/api/enrol', { ...body, csr: readFileSync(other.csr, 'utf8') })).status, 401);
    const stored = (await server.cliJson('code', 'list')).grants;
    assert(stored.every((one) => !JSON.stringify(one).includes(made.code)));
  });
});

describe('EST', () => {
  const est = (path, csr, options = {}) => post(`/.well-known/est/${path}`, csr, { type: 'application/pkcs10', ...options });
  const der = async ({ csr }) => {
    const { code, stdout } = await run('sh', ['-c', `openssl req -in '${csr}' -outform DER | base64`]);
    assert.equal(code, 0);
    return stdout;
  };
  /** The certificate of a certs-only answer, as a file. */
  const certificateOf = async (answer) => {
    assert.equal(answer.status, 200, answer.text);
    assert.match(answer.head, /content-type: application\/pkcs7-mime; smime-type=certs-only/i);
    const bag = file('answer.p7');
    writeFileSync(bag, Buffer.from(answer.text, 'base64'));
    const cert = file('est.pem');
    await openssl('pkcs7', '-inform', 'DER', '-in', bag, '-print_certs', '-out', cert);
    return cert;
  };

  test('cacerts gives the authority, csrattrs the kind of key', async () => {
    const cert = file('cacerts.pem');
    const bag = file('cacerts.p7');
    writeFileSync(bag, Buffer.from((await curl('/.well-known/est/cacerts')).text, 'base64'));
    await openssl('pkcs7', '-inform', 'DER', '-in', bag, '-print_certs', '-out', cert);
    assert.equal(readFileSync(cert, 'utf8').split('BEGIN CERTIFICATE').length, 3);
    assert(readFileSync(cert, 'utf8').includes(server.root.trim().split('\n')[1]));
    const attributes = file('csrattrs.der');
    writeFileSync(attributes, Buffer.from((await curl('/.well-known/est/csrattrs')).text, 'base64'));
    const parsed = await openssl('asn1parse', '-inform', 'DER', '-in', attributes);
    assert.match(parsed, /id-ecPublicKey[^]*prime256v1[^]*ecdsa-with-SHA256/);
  });

  test('simpleenroll by name and code, connect, simplereenroll by the certificate, connect again', async () => {
    const { code } = await server.api('POST', '/api/enrolment/codes', { thing: 'valve-01' });
    const made = await request('valve-01');
    const cert = await certificateOf(await est('simpleenroll', await der(made), { args: ['-u', `valve-01:${code}`] }));
    const who = { key: made.key, cert };
    await sent(who, 'valve-01');
    const renewed = await request('valve-01');
    const next = { key: renewed.key, cert: await certificateOf(await est('simplereenroll', await der(renewed), { who })) };
    await sent(next, 'valve-01');
    await sent(who, 'valve-01');
    assert.notEqual(readFileSync(next.cert, 'utf8'), readFileSync(cert, 'utf8'));
    // What is attached to a certificate was lost with its renewal.
    const print = (file) => new X509Certificate(readFileSync(file)).fingerprint256.replaceAll(':', '').toLowerCase();
    await server.api('PUT', '/api/policies/valves', { document: { statements: [{ effect: 'allow', actions: ['mqtt:publish'], resources: ['topic/valves/#'] }] } });
    await server.api('PUT', `/api/policies/valves/attachments/${encodeURIComponent(`certificate:${print(next.cert)}`)}`, {});
    const third = await request('valve-01');
    const heir = await certificateOf(await est('simplereenroll', await der(third), { who: next }));
    const { policies } = await server.api('GET', `/api/attachments?to=${encodeURIComponent(`certificate:${print(heir)}`)}`);
    assert.deepEqual(policies, ['valves'], 'a renewed certificate has the policies of the one before');
    const other = await request('valve-02');
    assert.equal((await est('simplereenroll', await der(other), { who })).status, 403);
  });

  test('simpleenroll by a certificate of a registered authority', async () => {
    const who = await device(acme, 'valve-10');
    const made = await request('valve-10');
    const cert = await certificateOf(await est('simpleenroll', await der(made), { who }));
    await sent({ key: made.key, cert }, 'valve-10');
  });

  test('simpleenroll by a claim certificate gives each device its own', async () => {
    const made = await server.api('POST', '/api/enrolment/claims', { uses: 2, name_pattern: 'tap-*', type: 'machine' });
    const claim = { key: file('claim.key'), cert: file('claim.pem') };
    writeFileSync(claim.key, made.private_key);
    writeFileSync(claim.cert, made.certificate);
    const own = await request('tap-01');
    const cert = await certificateOf(await est('simpleenroll', await der(own), { who: claim }));
    await openssl('verify', '-CAfile', server.rootFile, '-untrusted', claim.cert, cert);
    assert.match(await openssl('x509', '-noout', '-subject', '-ext', 'subjectAltName', '-in', cert), /tap-01[^]*urn:dunlin:thing:tap-01/);
    await sent({ key: own.key, cert }, 'tap-01');
    assert.equal((await server.api('GET', '/api/things/tap-01')).type, 'machine');
    // An answer that was lost is given again, and costs no use.
    assert.equal(readFileSync(await certificateOf(await est('simpleenroll', await der(own), { who: claim })), 'utf8'), readFileSync(cert, 'utf8'));
    assert.equal((await est('simpleenroll', await der(await request('valve-99')), { who: claim })).status, 403, 'no name of the pattern');
    assert.equal((await est('simplereenroll', await der(own), { who: claim })).status, 403, 'it is nobody\'s to renew');
    const second = await request('tap-02');
    await sent({ key: second.key, cert: await certificateOf(await est('simpleenroll', await der(second), { who: claim })) }, 'tap-02');
    const third = await est('simpleenroll', await der(await request('tap-03')), { who: claim });
    assert.equal(third.status, 403);
    assert.match(third.text, /used up/);
    assert(!(await things()).includes('tap-03'));
  });

  test('a body or request that is too large is 413, and says so', async () => {
    const { code } = await server.api('POST', '/api/enrolment/codes', { thing: 'valve-40' });
    const by = { args: ['-u', `valve-40:${code}`] };
    const body = await est('simpleenroll', 'A'.repeat(70_000), by);
    assert.equal(body.status, 413, body.text);
    const csr = await est('simpleenroll', Buffer.alloc(40_000).toString('base64'), by);
    assert.equal(csr.status, 413, csr.text);
    assert.match(csr.text, /too large/);
  });

  test('answers with the right status', async () => {
    const made = await request('valve-20');
    const bare = await est('simpleenroll', await der(made));
    assert.equal(bare.status, 401);
    assert.match(bare.head, /www-authenticate: basic/i);
    assert.equal((await est('simpleenroll', await der(made), { args: ['-u', 'valve-20:ABCD-ABCD-ABCD-ABCD'] })).status, 401);
    assert.equal((await est('simplereenroll', await der(made))).status, 401);
    const { code } = await server.api('POST', '/api/enrolment/codes', { thing: 'valve-20' });
    const by = { args: ['-u', `valve-20:${code}`] };
    assert.equal((await est('simpleenroll', 'no base64!', by)).status, 400);
    assert.equal((await est('simpleenroll', Buffer.from('rubbish').toString('base64'), by)).status, 400);
    assert.equal((await est('simpleenroll', await der(await request('valve-21')), by)).status, 403, 'another name');
    assert.equal((await curl('/.well-known/est/simpleenroll')).status, 405);
    const queued = await server.api('POST', '/api/enrolment/codes', { thing: 'valve-30', approval: 'queue' });
    const waits = { args: ['-u', `valve-30:${queued.code}`] };
    const patient = await request('valve-30');
    const waiting = await est('simpleenroll', await der(patient), waits);
    assert.equal(waiting.status, 202);
    assert.match(waiting.head, /retry-after: \d+/i);
    await server.api('POST', '/api/enrolment/waiting/valve-30/approve', {});
    await sent({ key: patient.key, cert: await certificateOf(await est('simpleenroll', await der(patient), waits)) }, 'valve-30');
  });
});

test('a claim certificate may do nothing but enrol', async () => {
  const made = await server.api('POST', '/api/enrolment/claims', { uses: 1, name_pattern: 'belt-*', type: 'machine' });
  const claim = { key: file('claim.key'), cert: file('claim.pem') };
  writeFileSync(claim.key, made.private_key);
  writeFileSync(claim.cert, made.certificate);
  for (const name of ['belt-01', 'claim']) assert.notEqual((await send(claim, name)).code, 0);
  const own = await request('belt-01');
  const answer = await post('/api/enrol', { csr: readFileSync(own.csr, 'utf8') }, { who: claim });
  assert.equal(answer.status, 201, answer.text);
  const cert = file('belt.pem');
  writeFileSync(cert, answer.json.certificate);
  await sent({ key: own.key, cert }, 'belt-01');
  const second = await request('belt-02');
  assert.equal((await post('/api/enrol', { csr: readFileSync(second.csr, 'utf8') }, { who: claim })).status, 403, 'used up');
});

test('a key derived from a group\'s key gives a token', async () => {
  const group = await server.api('POST', '/api/enrolment/groups', { name: 'line3', type: 'machine' });
  const name = 'weld-01';
  const key = createHmac('sha256', Buffer.from(group.key, 'base64')).update(name).digest();
  assert.equal((await server.api('POST', '/api/enrolment/groups/line3/key', { registration_id: name })).key, key.toString('base64'));
  const expires = Math.floor(Date.now() / 1000) + 600;
  const sign = (csr) => createHmac('sha256', key)
    .update(`line3\n${name}\n${expires}\n${csr ? createHash('sha256').update(csr).digest('hex') : ''}`).digest('base64');
  const proof = { group: 'line3', registration_id: name, expires };
  const answer = await post('/api/enrol', { ...proof, signature: sign('') });
  assert.equal(answer.status, 201, answer.text);
  await published(['-V', 'mqttv5', '-h', 'localhost', '-p', String(server.ports.mqtt), '-u', name, '-P', answer.json.token], '-i', name, '-q', 1, '-t', `demo/plant1/machine/${name}/x`, '-m', '1');
  const csr = readFileSync((await request(name)).csr, 'utf8');
  assert.equal((await post('/api/enrol', { ...proof, csr, signature: sign('') })).status, 401, 'the signature covers the request');
  assert.equal((await post('/api/enrol', { ...proof, csr, signature: sign(csr) })).status, 201);
});

test('wrong codes are slowed down', async () => {
  const { csr } = await request('x');
  const statuses = [];
  for (let i = 0; i < 8; ++i) statuses.push((await post('/api/enrol', { code: '0000-0000-0000-0000', csr: readFileSync(csr, 'utf8') })).status);
  assert(statuses.includes(401) && statuses.at(-1) === 429, statuses.join());
});

test('a SIGKILL leaves all of an enrolment or nothing', async () => {
  const rounds = 3;
  const perRound = 12;
  for (let round = 0; round < rounds; ++round) {
    const names = Array.from({ length: perRound }, (_, i) => `kill-${round}-${i}`);
    const devices = await Promise.all(names.map((name) => device(acme, name)));
    const acknowledged = [];
    const all = names.map((name, i) => register(devices[i], name).then(({ status }) => status === 201 && acknowledged.push(name), () => {}));
    await until(() => acknowledged.length > round * 3, 'the first answers', { interval: 1 });
    await server.kill9();
    await Promise.all(all);
    await server.start();
    const known = new Set(await things());
    for (const name of acknowledged) assert(known.has(name), `${name} was acknowledged`);
    for (const [i, name] of names.entries()) {
      const { certificates } = await server.api('GET', `/api/certificates?thing=${name}`);
      assert.equal(certificates.length, known.has(name) ? 1 : 0, `${name}: thing and certificate together`);
      assert.equal((await register(devices[i], name)).status, known.has(name) ? 200 : 201, `${name} comes back`);
    }
  }
});
