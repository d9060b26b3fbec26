// Our own authorities change while devices stay: another intermediate issues, the root's key is offline and openssl signs in its place,
// another root takes over.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { as, publish, published, Subscriber } from './lib/mosquitto.mjs';
import { run, sleep } from './lib/program.mjs';
import { start, temporaryFolder } from './lib/server.mjs';

const folder = temporaryFolder('authorities');
const file = (name) => join(folder, name);
const PASSPHRASE = 'a long walk by the sea';
let server;

async function openssl(...args) {
  const { code, stdout, stderr } = await run('openssl', args);
  assert.equal(code, 0, `openssl ${args.join(' ')}: ${stderr}`);
  return stdout;
}

const issuers = async () => (await server.cliJson('ca', 'list')).issuers;
const issuing = async () => (await issuers())[0];
/** Under a client id of its own, beside a connection that the thing may have. */
const message = (name) => ['-i', `${name}/2`, '-q', 1, '-t', `demo/plant1/machine/${name}/x`, '-m', '1'];

async function device(name) {
  await server.thing(name);
  return server.certificate(name);
}

/** The issuer's common name of the certificate that the server shows now. */
async function shown() {
  const { stdout: text } = await run('openssl', ['s_client', '-connect', `localhost:${server.ports.mqtts}`, '-CAfile', server.rootFile], { input: '' });
  writeFileSync(file('shown.pem'), text);
  assert.match(text, /Verify return code: 0 \(ok\)/);
  return (await openssl('x509', '-noout', '-issuer', '-nameopt', 'multiline', '-in', file('shown.pem'))).match(/commonName\s*= (.*)/)[1];
}

async function audited(action, outcome = 'ok') {
  const { records } = await server.cliJson('audit', 'list', '--action', action);
  assert(records.some((record) => record.outcome === outcome), `no record of ${action} with ${outcome}`);
}

/** Signs the request of `dunlin ca request` with that root, as openssl x509 does. */
async function sign(request, root, out, { constraints = 'critical, CA:TRUE, pathlen:0', usage = 'critical, keyCertSign, cRLSign', args = [] } = {}) {
  writeFileSync(file('ext.cnf'), `basicConstraints = ${constraints}\nkeyUsage = ${usage}\nsubjectKeyIdentifier = hash\nauthorityKeyIdentifier = keyid\n`);
  await openssl('x509', '-req', '-in', request, '-CA', root.cert, '-CAkey', root.key, ...(root.args ?? []), '-days', '900', '-sha256', '-extfile', file('ext.cnf'), '-out', out, ...args);
}

before(async () => {
  server = await start({ set: ['pki.public_url=http://pki.example'] });
});
after(() => server.stop());

test('another intermediate issues, and nobody loses the connection', async () => {
  const old = await device('press-01');
  const first = await issuing();
  const live = await Subscriber.open(as(server, old), '-i', 'press-01', '-t', '$dunlin/things/press-01/#');
  const rotated = await server.cliJson('ca', 'rotate');
  assert.equal(rotated.state, 'issuing');
  assert.deepEqual((await issuers()).map((one) => [one.issuer, one.state]), [[rotated.issuer, 'issuing'], [first.issuer, 'trusted']]);
  assert.equal(await shown(), rotated.name, 'new connections see the new certificate of the server');
  const next = await device('press-02');
  assert.match(await openssl('x509', '-noout', '-text', '-in', next.cert), new RegExp(`http://pki.example/pki/${rotated.issuer}.crl`));
  for (const [who, name] of [[old, 'press-01'], [next, 'press-02']]) await published(as(server, who), ...message(name));
  assert(!live.program.hasEnded);
  assert.doesNotMatch(live.program.stdout + live.program.stderr, /DISCONNECT|lost/i);

  // The list of the old one goes on, and is its own.
  await server.cliJson('cert', 'revoke', (await device('press-03')).fingerprint);
  for (const { issuer, certificate } of await issuers()) {
    assert.equal((await run('curl', ['-sS', '--fail', '-o', file('list.crl'), `http://127.0.0.1:${server.ports.http}/pki/${issuer}.crl`])).code, 0);
    writeFileSync(file('issuer.pem'), certificate);
    const { stderr } = await run('openssl', ['crl', '-inform', 'DER', '-in', file('list.crl'), '-CAfile', file('issuer.pem'), '-noout']);
    assert.match(stderr, /verify OK/);
    const text = await openssl('crl', '-inform', 'DER', '-noout', '-text', '-in', file('list.crl'));
    assert.equal(/Serial Number/.test(text), issuer === rotated.issuer);
  }
  await audited('ca.rotate');
  await live.stop();
});

test('what was rotated is there after a restart and a SIGKILL, and can be rotated back', async () => {
  const [now, former] = await issuers();
  await server.kill9();
  await server.start();
  assert.deepEqual((await issuers()).map((one) => one.issuer), [now.issuer, former.issuer]);
  assert.equal(await shown(), now.name);
  await server.cliJson('ca', 'rotate', '--to', former.issuer);
  assert.equal(await shown(), former.name);
  await server.cliJson('ca', 'rotate', '--to', now.issuer);
  const unknown = await server.cli('ca', 'rotate', '--to', 'abcd');
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /no intermediate/);
});

test('an intermediate is forgotten only when nothing of it is in use, or with what is', async () => {
  const [now, old] = await issuers();
  for (const [issuer, why] of [[now.issuer, /issues/], [old.issuer, /1 certificates of it can still be used/]]) {
    const refused = await server.cli('ca', 'forget', issuer);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, why);
  }
  const { certificates } = await server.api('GET', '/api/certificates?thing=press-01');
  assert.equal(certificates[0].issuer, old.issuer);
  await server.cliJson('ca', 'forget', old.issuer, '--revoke', 'true');
  assert.deepEqual((await issuers()).map((one) => one.issuer), [now.issuer]);
  const [gone] = (await server.api('GET', '/api/certificates?thing=press-01')).certificates;
  assert.deepEqual([gone.state, gone.reason], ['revoked', 'superseded']);
  assert.equal((await server.request('GET', `/pki/${old.issuer}.crl`)).status, 404);
  await audited('ca.forget');
  await server.stop();
  await server.start();
  assert.deepEqual((await issuers()).map((one) => one.issuer), [now.issuer]);
  const still = await server.certificate('press-02');
  await published(as(server, still), ...message('press-02'));
});

test('the root goes offline: exported, opened by openssl, removed', async () => {
  writeFileSync(file('pass.txt'), `${PASSPHRASE}\n`);
  writeFileSync(file('short.txt'), 'short\n');
  const short = await server.cli('ca', 'export-root', '--passphrase-file', file('short.txt'), '--out', file('never.pem'));
  assert.match(short.stderr, /12 to 1024/);
  assert(!existsSync(file('never.pem')));
  const { code, stderr } = await server.cli('ca', 'export-root', '--passphrase-file', file('pass.txt'), '--out', file('root-key.pem'));
  assert.equal(code, 0, stderr);
  assert.equal(statSync(file('root-key.pem')).mode & 0o777, 0o600);
  assert.match(readFileSync(file('root-key.pem'), 'utf8'), /BEGIN ENCRYPTED PRIVATE KEY/);
  const ours = await openssl('pkey', '-in', file('root-key.pem'), '-passin', `pass:${PASSPHRASE}`, '-pubout');
  assert.equal(ours, await openssl('x509', '-noout', '-pubkey', '-in', server.rootFile));

  writeFileSync(file('wrong.txt'), 'another long passphrase\n');
  const wrong = await server.cli('ca', 'remove-root', '--key-file', file('root-key.pem'), '--passphrase-file', file('wrong.txt'));
  assert.match(wrong.stderr, /passphrase does not open/);
  assert(existsSync(join(server.data, 'pki/root.key')));
  await audited('ca.remove-root', 'failed');
  assert.equal((await server.cli('ca', 'remove-root', '--key-file', file('root-key.pem'), '--passphrase-file', file('pass.txt'))).code, 0);
  assert(!existsSync(join(server.data, 'pki/root.key')));
  assert.equal((await server.cliJson('ca', 'list')).root_key, 'offline');
  const rotate = await server.cli('ca', 'rotate');
  assert.match(rotate.stderr, /root's key is not here/);
  await audited('ca.export-root');
  assert(!server.log.includes(PASSPHRASE));
});

test('openssl signs the next intermediate, and devices stay', async () => {
  const who = await device('mill-01');
  const live = await Subscriber.open(as(server, who), '-i', 'mill-01', '-t', '$dunlin/things/mill-01/#');
  assert.equal((await server.cli('ca', 'request', '--out', file('next.csr'))).code, 0);
  assert.match(await openssl('req', '-noout', '-verify', '-subject', '-in', file('next.csr')), /Issuing CA/);
  const root = { cert: server.rootFile, key: file('root-key.pem'), args: ['-passin', `pass:${PASSPHRASE}`, '-set_serial', '77'] };
  const imported = (path, ...more) => server.cli('ca', 'import', '--certificate-file', path, ...more);
  const refused = async (options, why) => {
    await sign(file('next.csr'), root, file('bad.pem'), options);
    const { code, stderr } = await imported(file('bad.pem'));
    assert.equal(code, 1);
    assert.match(stderr, why);
  };
  await refused({ constraints: 'critical, CA:FALSE', usage: 'digitalSignature' }, /CA:TRUE/);
  await refused({ usage: 'critical, keyCertSign' }, /cRLSign/);
  await refused({ usage: 'critical, cRLSign' }, /keyCertSign/);
  const other = { cert: file('other.pem'), key: file('other.key'), args: ['-set_serial', '5'] };
  await openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=Other Root', '-addext', 'keyUsage=critical,keyCertSign,cRLSign', '-days', '2000', '-keyout', other.key, '-out', other.cert);
  await sign(file('next.csr'), other, file('stranger.pem'));
  assert.match((await imported(file('stranger.pem'))).stderr, /root has not signed/);
  await openssl('req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=x', '-keyout', file('x.key'), '-out', file('x.csr'));
  await sign(file('x.csr'), root, file('not-ours.pem'));
  assert.match((await imported(file('not-ours.pem'))).stderr, /key is not the certificate's/);

  await sign(file('next.csr'), root, file('next.pem'));
  assert.equal((await imported(file('next.pem'))).code, 0);
  assert.equal((await imported(file('next.pem'))).code, 1, 'a request is used once');
  const next = await issuing();
  assert.equal(await shown(), next.name);
  assert(!live.program.hasEnded);
  const fresh = await device('mill-02');
  await published(as(server, fresh), ...message('mill-02'));
  await server.kill9();
  await server.start();
  assert.equal((await issuing()).issuer, next.issuer);
  await published(as(server, fresh), ...message('mill-02'));
  await live.stop();
});

test('an intermediate is revoked while the root is offline: openssl signs the list, and it is imported', async () => {
  const root = async () => (await server.cliJson('ca', 'list')).roots[0];
  const before = await root();
  assert.deepEqual([before.key, before.list.state], ['offline', 'current']);
  assert.equal(before.list.entries, before.revoked.length, 'what was revoked while the key was here is on it');
  assert(Date.parse(before.list.next_update) - Date.now() > 170 * 86_400_000, 'its last list lasts until somebody signs the next');
  const [, former] = await issuers();
  writeFileSync(file('former.pem'), former.certificate);
  await server.cliJson('ca', 'forget', former.issuer, '--revoke', 'true', '--reason', 'keyCompromise');
  const outdated = await root();
  assert.equal(outdated.list.state, 'outdated');
  assert.deepEqual(outdated.revoked.map((one) => [one.issuer, one.reason]).at(-1), [former.issuer, 'keyCompromise']);
  assert.match(server.log, /revocation list of a root has to be mended/);
  assert.equal(await server.metric('dunlin_pki_root_lists_outdated'), 1);

  // Where the root's key is: openssl ca with what the server tells.
  writeFileSync(file('crl.cnf'), `[ca]\ndefault_ca = root\n[root]\ndatabase = ${file('index.txt')}\ncrlnumber = ${file('crlnumber')}\ndefault_md = sha256\n`);
  const signList = async (out, { index = outdated.index, days = 90, number = BigInt(before.list.number) + 1n, key = file('root-key.pem'), cert = server.rootFile, pass = PASSPHRASE } = {}) => {
    writeFileSync(file('index.txt'), index);
    const hex = number.toString(16).toUpperCase();
    writeFileSync(file('crlnumber'), `${hex.length % 2 ? '0' : ''}${hex}\n`);
    await openssl('ca', '-gencrl', '-config', file('crl.cnf'), '-keyfile', key, '-cert', cert, '-passin', `pass:${pass}`, '-crldays', String(days), '-out', out);
  };
  const imported = (path) => server.cli('ca', 'import-list', '--list-file', path);
  const refused = async (options, why) => {
    await signList(file('bad.crl'), options);
    const { code, stderr } = await imported(file('bad.crl'));
    assert.equal(code, 1);
    assert.match(stderr, why);
    assert.equal((await root()).list.state, 'outdated');
  };
  await refused({ index: '' }, /lacks the revoked intermediate/);
  await refused({ number: BigInt(before.list.number) }, /number has to grow/);
  await refused({ cert: file('other.pem'), key: file('other.key') }, /another authority has signed/);
  writeFileSync(file('rubbish.crl'), 'rubbish');
  assert.match((await imported(file('rubbish.crl'))).stderr, /not a revocation list/);
  await audited('ca.import-list', 'failed');

  await signList(file('root.crl'));
  assert.equal((await imported(file('root.crl'))).code, 0);
  for (const again of [false, true]) {
    const now = await root();
    assert.deepEqual([now.list.state, now.list.entries], ['current', before.list.entries + 1]);
    assert.equal((await run('curl', ['-sS', '--fail', '-o', file('served.crl'), `http://127.0.0.1:${server.ports.http}/pki/${now.root}.crl`])).code, 0);
    assert.equal(await openssl('crl', '-inform', 'DER', '-in', file('served.crl')), await openssl('crl', '-in', file('root.crl')));
    if (again) break;
    await server.kill9();
    await server.start();
  }
  const verified = await run('openssl', ['verify', '-crl_check', '-CAfile', server.rootFile, '-CRLfile', file('root.crl'), file('former.pem')]);
  assert.match(verified.stderr, /certificate revoked/);
  const next = await run('openssl', ['verify', '-crl_check', '-CAfile', server.rootFile, '-CRLfile', file('root.crl'), file('next.pem')]);
  assert.equal(next.code, 0, next.stderr);
  assert.equal(await server.metric('dunlin_pki_root_lists_outdated'), 0);
  await audited('ca.import-list');

  // One that ends soon, or has ended, says so.
  await signList(file('short.crl'), { days: 3, number: BigInt(before.list.number) + 2n });
  assert.equal((await imported(file('short.crl'))).code, 0);
  assert.equal((await root()).list.state, 'ends_soon');
});

test('another root takes over once the devices have it', async () => {
  const root = { cert: file('other.pem'), key: file('other.key'), args: ['-set_serial', '6'] };
  const old = await issuing();
  await server.cli('ca', 'request', '--out', file('third.csr'));
  await sign(file('third.csr'), root, file('third.pem'));
  writeFileSync(file('chain.pem'), readFileSync(file('third.pem'), 'utf8') + readFileSync(root.cert, 'utf8'));
  const third = await server.cliJson('ca', 'import', '--certificate-file', file('chain.pem'), '--use', 'trusted');
  assert.equal(third.state, 'trusted');
  assert.equal((await issuing()).issuer, old.issuer);
  const { ca } = await server.cliJson('ca', 'get');
  assert.equal(ca.match(/BEGIN CERTIFICATE/g).length, 2, 'both roots are given out');
  const who = await device('saw-01');
  writeFileSync(file('both.pem'), ca);
  const trusting = { ...who, ca: file('both.pem') };
  const live = await Subscriber.open(as(server, trusting), '-i', 'saw-01', '-t', '$dunlin/things/saw-01/#');
  await server.cliJson('ca', 'rotate', '--to', third.issuer);
  await published(as(server, trusting), '-i', 'saw-01/2', '-q', 1, '-t', 'demo/plant1/machine/saw-01/x', '-m', '1');
  assert.notEqual((await publish(as(server, { ...who, ca: server.rootFile }), '-i', 'saw-01/3', '-t', 'demo/plant1/machine/saw-01/x', '-m', '1')).code, 0, 'the old root alone is not enough any more');
  await sleep(200);
  assert(!live.program.hasEnded);
  for (const { issuer } of (await issuers()).slice(1)) await server.cliJson('ca', 'forget', issuer, '--revoke', 'true');
  assert.equal(await openssl('x509', '-noout', '-fingerprint', '-in', server.rootFile), await openssl('x509', '-noout', '-fingerprint', '-in', root.cert));
  await server.stop();
  await server.start();
  await server.thing('saw-02');
  const fresh = await server.certificate('saw-02');
  await published(as(server, fresh), ...message('saw-02'));
});
