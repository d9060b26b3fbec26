// What the world can ask about our certificates, as it asks: openssl verify with the revocation list, openssl ocsp, curl at the addresses
// that the certificates name; and a device from its enrolment by EST to the end of its live connection.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, request as ask } from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { as, publish, published, Subscriber } from './lib/mosquitto.mjs';
import { run, until } from './lib/program.mjs';
import { start, temporaryFolder } from './lib/server.mjs';

const folder = temporaryFolder('status');
const file = (name) => join(folder, name);
let server;
let proxy;
let base;

async function openssl(...args) {
  const { code, stdout, stderr } = await run('openssl', args);
  assert.equal(code, 0, `openssl ${args.join(' ')}: ${stderr}`);
  return stdout + stderr;
}

/** curl without any certificate or token: the body goes into a file; gives the headers. */
async function fetchFile(url, out, ...args) {
  const { code, stdout, stderr } = await run('curl', ['-sS', '--fail', '--max-time', '20', '-D', '-', '-o', out, ...args, url]);
  assert.equal(code, 0, `curl ${url}: ${stderr}`);
  return stdout.toLowerCase();
}

/** The addresses that a certificate names, as openssl prints them. */
async function addresses(cert) {
  const text = await openssl('x509', '-noout', '-text', '-in', cert);
  return {
    crl: text.match(/CRL Distribution Points:[^]*?URI:(\S+)/)?.[1],
    ocsp: text.match(/OCSP - URI:(\S+)/)?.[1],
    issuer: text.match(/CA Issuers - URI:(\S+)/)?.[1],
  };
}

/** openssl verify -crl_check with the list as it is now. */
async function verify(cert) {
  const where = await addresses(cert);
  await fetchFile(where.crl, file('list.crl'));
  await fetchFile(where.issuer, file('issuer.crt'));
  await openssl('crl', '-inform', 'DER', '-in', file('list.crl'), '-out', file('list.pem'));
  await openssl('x509', '-inform', 'DER', '-in', file('issuer.crt'), '-out', file('issuer.pem'));
  return run('openssl', ['verify', '-x509_strict', '-crl_check', '-CAfile', server.rootFile, '-untrusted', file('issuer.pem'), '-CRLfile', file('list.pem'), cert]);
}

/** What openssl ocsp makes of our answer. */
async function ocsp(cert, ...args) {
  const where = await addresses(cert);
  await fetchFile(where.issuer, file('issuer.crt'));
  await openssl('x509', '-inform', 'DER', '-in', file('issuer.crt'), '-out', file('issuer.pem'));
  const { stdout, stderr } = await run('openssl', ['ocsp', '-issuer', file('issuer.pem'), '-cert', cert, '-url', where.ocsp, '-CAfile', server.rootFile, ...args]);
  const text = stdout + stderr;
  assert.match(text, /Response verify OK/);
  return text;
}

/** A key and a request as EST takes it: base64 in a file. */
async function request(name) {
  await openssl('req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', `/CN=${name}`, '-keyout', file(`${name}.key`), '-outform', 'DER', '-out', file(`${name}.csr`));
  writeFileSync(file(`${name}.b64`), readFileSync(file(`${name}.csr`)).toString('base64'));
  return file(`${name}.b64`);
}

before(async () => {
  server = await start();
  // As an operator's proxy: the address in the certificates outlives the server's port.
  proxy = createServer((request, response) => {
    const { method, url, headers } = request;
    const onward = ask({ host: '127.0.0.1', port: server.ports.http, method, path: url, headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    request.pipe(onward);
  });
  await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${proxy.address().port}`;
  await server.stop();
  server.options.set.push(`pki.public_url=${base}`);
  await server.start();
});

after(async () => {
  await server.stop();
  proxy.close();
});

test('certificates name where to ask, and openssl agrees with what is there', async () => {
  await server.thing('press-01');
  const press = await server.certificate('press-01');
  const where = await addresses(press.cert);
  assert.equal(where.ocsp, `${base}/pki/ocsp`);
  assert.match(where.crl, new RegExp(`^${base}/pki/[0-9a-f]{40}\\.crl$`));
  assert.equal(where.issuer, where.crl.replace('.crl', '.crt'));
  const headers = await fetchFile(where.crl, file('list.crl'));
  assert.match(headers, /content-type: application\/pkix-crl/);
  assert.match(headers, /cache-control: public, max-age=\d+/);
  const tag = headers.match(/etag: (\S+)/)[1];
  assert.match(await fetchFile(where.crl, file('none'), '-H', `If-None-Match: ${tag}`), /^http\/1.1 304/);
  assert.match(await fetchFile(`https://localhost:${server.ports.https}${new URL(where.crl).pathname}`, file('over-tls'), '--cacert', server.rootFile), /^http\/1.1 200/);
  const good = await verify(press.cert);
  assert.equal(good.code, 0, good.stderr);
  assert.match(await ocsp(press.cert), /: good/);

  // The server's own certificate is renewed for the addresses, and is good too.
  const own = join(server.data, 'pki/server.pem');
  assert.equal((await addresses(own)).ocsp, `${base}/pki/ocsp`);
  assert.match(await ocsp(own), /: good/);
  assert.equal((await verify(own)).code, 0);

  const revoked = await server.cliJson('cert', 'revoke', press.fingerprint, '--reason', 'keyCompromise');
  assert.equal(revoked.reason, 'keyCompromise');
  const bad = await verify(press.cert);
  assert.notEqual(bad.code, 0);
  assert.match(bad.stderr, /certificate revoked/);
  assert.match(await openssl('crl', '-noout', '-text', '-in', file('list.pem')), /Key Compromise/);
  assert.match(await ocsp(press.cert), /: revoked[^]*Reason: keyCompromise/);
});

test('openssl ocsp: a nonce comes back, several digests, several certificates, unknown ones', async () => {
  await server.thing('press-02');
  const press = await server.certificate('press-02');
  const withNonce = await ocsp(press.cert, '-resp_text');
  assert.match(withNonce, /OCSP Nonce/);
  assert.doesNotMatch(withNonce, /no nonce in response|nonce verify error/i);
  assert.match(await ocsp(press.cert, '-no_nonce'), /: good/);
  for (const digest of ['-sha256', '-sha384', '-sha512']) {
    const issuer = file('issuer.pem');
    const { stdout } = await run('openssl', ['ocsp', '-issuer', issuer, digest, '-cert', press.cert, '-url', `${base}/pki/ocsp`, '-CAfile', server.rootFile]);
    assert.match(stdout, /: good/, digest);
  }
  const several = await run('openssl', ['ocsp', '-issuer', file('issuer.pem'), '-cert', press.cert, '-serial', '0x1234', '-url', `${base}/pki/ocsp`, '-CAfile', server.rootFile]);
  assert.match(several.stdout, /: good[^]*0x1234: unknown/);
});

test('OCSP by GET is cacheable, and what is no request is refused in the protocol', async () => {
  await server.thing('press-03');
  const press = await server.certificate('press-03');
  await ocsp(press.cert);
  await openssl('ocsp', '-issuer', file('issuer.pem'), '-cert', press.cert, '-no_nonce', '-reqout', file('request.der'));
  const question = encodeURIComponent(readFileSync(file('request.der')).toString('base64'));
  const headers = await fetchFile(`${base}/pki/ocsp/${question}`, file('answer.der'));
  assert.match(headers, /content-type: application\/ocsp-response/);
  assert.match(headers, /cache-control: public.*max-age=\d+/);
  const read = await run('openssl', ['ocsp', '-respin', file('answer.der'), '-issuer', file('issuer.pem'), '-cert', press.cert, '-CAfile', server.rootFile]);
  assert.match(read.stdout + read.stderr, /: good[^]*Response verify OK/);
  writeFileSync(file('rubbish'), 'rubbish');
  await fetchFile(`${base}/pki/ocsp`, file('answer.der'), '-H', 'Content-Type: application/ocsp-request', '--data-binary', `@${file('rubbish')}`);
  assert.match((await run('openssl', ['ocsp', '-respin', file('answer.der')])).stdout, /malformedrequest/);
  await openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=stranger', '-keyout', file('stranger.key'), '-out', file('stranger.pem'));
  const foreign = await run('openssl', ['ocsp', '-issuer', file('stranger.pem'), '-serial', '1', '-url', `${base}/pki/ocsp`]);
  assert.match(foreign.stdout, /unauthorized/);
  assert.equal((await server.request('POST', '/pki/ocsp', { body: {} })).status, 415);
  assert.equal((await server.request('GET', '/pki/nothing.crl')).status, 404);
  assert.equal((await server.request('GET', '/pki/..%2froot.key')).status, 404);
});

/** openssl verify -crl_check_all: the list of the intermediate, and that of the root, which the intermediate names if it was made for that. */
async function verifyAll(cert, rootId) {
  const where = await addresses(cert);
  await fetchFile(where.issuer, file('issuer.crt'));
  await openssl('x509', '-inform', 'DER', '-in', file('issuer.crt'), '-out', file('issuer.pem'));
  let lists = '';
  for (const url of [where.crl, `${base}/pki/${rootId}.crl`]) {
    await fetchFile(url, file('list.crl'));
    lists += await openssl('crl', '-inform', 'DER', '-in', file('list.crl'));
  }
  writeFileSync(file('lists.pem'), lists);
  return run('openssl', ['verify', '-x509_strict', '-crl_check_all', '-CAfile', server.rootFile, '-untrusted', file('issuer.pem'), '-CRLfile', file('lists.pem'), cert]);
}

test('claim certificates and earlier ones of the server are known to OCSP and lists', async () => {
  const made = await server.api('POST', '/api/enrolment/claims', { uses: 1, name_pattern: 'belt-*' });
  writeFileSync(file('claim.pem'), made.certificate);
  assert.match(await ocsp(file('claim.pem')), /: good/);
  assert.equal((await verify(file('claim.pem'))).code, 0);
  const { certificates } = await server.api('GET', '/api/certificates');
  const uses = certificates.map((one) => [one.use, one.thing]);
  assert(uses.some(([use, thing]) => use === 'claim' && thing === ''), JSON.stringify(uses));
  await server.cliJson('claim', 'delete', made.grant?.id ?? made.id);
  assert.match(await ocsp(file('claim.pem')), /: revoked[^]*Reason: cessationOfOperation/);
  assert.match((await verify(file('claim.pem'))).stderr, /certificate revoked/);

  const own = join(server.data, 'pki/server.pem');
  writeFileSync(file('earlier.pem'), await openssl('x509', '-in', own));
  const fingerprint = (await openssl('x509', '-noout', '-fingerprint', '-sha256', '-in', own)).split('=')[1].trim().replaceAll(':', '').toLowerCase();
  const shown = await server.cli('cert', 'revoke', fingerprint);
  assert.equal(shown.code, 1);
  assert.match(shown.stderr, /shows this certificate at present/);
  await server.cliJson('ca', 'rotate');
  assert.match(await ocsp(file('earlier.pem')), /: good/);
  assert.match(await ocsp(own), /: good/);
  await server.cliJson('cert', 'revoke', fingerprint, '--reason', 'keyCompromise');
  assert.match(await ocsp(file('earlier.pem')), /: revoked[^]*Reason: keyCompromise/);
  assert.match((await verify(file('earlier.pem'))).stderr, /certificate revoked/);
  assert.match(await ocsp(own), /: good/);
});

test('a renewed certificate is revoked for all once it is no longer taken', async () => {
  await server.thing('mill-01');
  const mill = await server.certificate('mill-01');
  const renew = await run('curl', ['-sS', '--fail', '--cacert', server.rootFile, '--cert', mill.cert, '--key', mill.key, '-H', 'Content-Type: application/pkcs10', '--data-binary', `@${await request('mill-01')}`,
    '-o', file('renewed.b64'), `https://localhost:${server.ports.https}/.well-known/est/simplereenroll`]);
  assert.equal(renew.code, 0, renew.stderr);
  assert.match(await ocsp(mill.cert), /: good/);
  await published(as(server, mill), '-i', 'mill-01', '-q', 1, '-t', 'demo/plant1/machine/mill-01/x', '-m', '1');
  // A week passes: the time in its record is moved instead.
  await server.stop();
  const script = `
import json, sqlite3, sys, time
db = sqlite3.connect(sys.argv[1])
(body,) = db.execute("SELECT body FROM documents WHERE kind=3 AND id=CAST(? AS BLOB)", (sys.argv[2],)).fetchone()
record = json.loads(body)
assert record["retires_at"] > time.time() * 1000
record["retires_at"] = int(time.time() * 1000) - 60000
db.execute("UPDATE documents SET body=CAST(? AS BLOB) WHERE kind=3 AND id=CAST(? AS BLOB)", (json.dumps(record), sys.argv[2]))
db.commit()
`;
  const moved = await run('python3', ['-c', script, join(server.data, 'records.sqlite'), mill.fingerprint]);
  assert.equal(moved.code, 0, moved.stderr);
  await server.start();
  assert.notEqual((await publish(as(server, mill), '-i', 'mill-01', '-q', 1, '-t', 'demo/plant1/machine/mill-01/x', '-m', '1')).code, 0);
  assert.match(await ocsp(mill.cert), /: revoked[^]*Reason: superseded/);
  await until(async () => (await server.api('GET', `/api/certificates/${mill.fingerprint}`)).state === 'revoked', 'the record');
  assert.match((await verify(mill.cert)).stderr, /certificate revoked/);
  const { records } = await server.api('GET', `/api/audit?object=${mill.fingerprint}&action=certificate.revoke`);
  assert.match(records[0].detail, /overlap is over/);
});

test('openssl verify -crl_check_all: the root\'s own list, also with an intermediate that is revoked', async () => {
  const { issuers: [old], roots: [root] } = await server.cliJson('ca', 'list');
  assert.deepEqual([root.key, root.list.state, root.revoked], ['here', 'current', []]);
  await server.thing('saw-01');
  const before = await server.certificate('saw-01');
  assert.equal((await verifyAll(before.cert, root.root)).code, 0);
  writeFileSync(file('old-lists.pem'), readFileSync(file('lists.pem')));
  writeFileSync(file('old-issuer.pem'), readFileSync(file('issuer.pem')));

  await server.cliJson('ca', 'rotate');
  await server.thing('saw-02');
  const after = await server.certificate('saw-02');
  assert.equal((await verifyAll(after.cert, root.root)).code, 0);
  const named = await addresses(file('issuer.pem'));
  assert.equal(named.crl, `${base}/pki/${root.root}.crl`, 'an intermediate names the list of its root');
  await fetchFile(named.issuer, file('root.crt'));
  assert.equal(await openssl('x509', '-inform', 'DER', '-in', file('root.crt')), await openssl('x509', '-in', server.rootFile));

  const bad = await server.cli('ca', 'forget', old.issuer, '--revoke', 'true', '--reason', 'boredom');
  assert.match(bad.stderr, /keyCompromise/);
  await server.cliJson('ca', 'forget', old.issuer, '--revoke', 'true', '--reason', 'keyCompromise');
  await fetchFile(named.crl, file('list.crl'));
  const list = await openssl('crl', '-inform', 'DER', '-in', file('list.crl'));
  assert.match(await openssl('crl', '-noout', '-text', '-inform', 'DER', '-in', file('list.crl')), /Key Compromise/);
  // Whoever still has the list of the intermediate learns from the root's that it is no good.
  writeFileSync(file('mixed.pem'), readFileSync(file('old-lists.pem'), 'utf8').split('-----END X509 CRL-----')[0] + '-----END X509 CRL-----\n' + list);
  const verified = await run('openssl', ['verify', '-crl_check_all', '-CAfile', server.rootFile, '-untrusted', file('old-issuer.pem'), '-CRLfile', file('mixed.pem'), before.cert]);
  assert.notEqual(verified.code, 0);
  assert.match(verified.stderr, /error 23 at 1 depth lookup: certificate revoked/);
  assert.equal((await verifyAll(after.cert, root.root)).code, 0);
  await server.kill9();
  await server.start();
  const { roots: [again] } = await server.cliJson('ca', 'list');
  assert.deepEqual(again.revoked.map((one) => [one.issuer, one.reason]), [[old.issuer, 'keyCompromise']]);
  assert.equal(again.list.entries, 1);
  assert.equal((await verifyAll(after.cert, root.root)).code, 0);
});

test('the list survives a restart and a SIGKILL, with a number that grows', async () => {
  const number = async () => {
    await fetchFile(`${base}/pki/${id}.crl`, file('list.crl'));
    const text = await openssl('crl', '-inform', 'DER', '-noout', '-crlnumber', '-in', file('list.crl'));
    return BigInt(text.match(/0x([0-9A-F]+)/i)[0]);
  };
  await server.thing('press-04');
  const press = await server.certificate('press-04');
  const id = (await addresses(press.cert)).crl.match(/([0-9a-f]{40})\.crl/)[1];
  const first = await number();
  await server.cliJson('cert', 'revoke', press.fingerprint);
  await server.kill9();
  await server.start();
  const second = await number();
  assert(second > first);
  assert.notEqual((await verify(press.cert)).code, 0);
  await server.stop();
  await server.start();
  assert(await number() > second);
});

test('from a key and a CSR by EST to the end of the live connection', async () => {
  await openssl('req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=lathe-01', '-keyout', file('lathe.key'), '-outform', 'DER', '-out', file('lathe.csr'));
  const { code } = await server.api('POST', '/api/enrolment/codes', { thing: 'lathe-01' });
  writeFileSync(file('lathe.b64'), readFileSync(file('lathe.csr')).toString('base64'));
  await fetchFile(`https://localhost:${server.ports.https}/.well-known/est/simpleenroll`, file('lathe.p7.b64'), '--cacert', server.rootFile,
    '-u', `lathe-01:${code}`, '-H', 'Content-Type: application/pkcs10', '--data-binary', `@${file('lathe.b64')}`);
  writeFileSync(file('lathe.p7'), Buffer.from(readFileSync(file('lathe.p7.b64'), 'utf8'), 'base64'));
  await openssl('pkcs7', '-inform', 'DER', '-in', file('lathe.p7'), '-print_certs', '-out', file('lathe.pem'));
  const who = { cert: file('lathe.pem'), key: file('lathe.key'), ca: server.rootFile };
  assert.match(await ocsp(who.cert), /: good/);
  await published(as(server, who), '-i', 'lathe-01', '-q', 1, '-t', 'demo/plant1/machine/lathe-01/temperature', '-m', '21');

  const live = await Subscriber.open(as(server, who), '-i', 'lathe-01', '-t', '$dunlin/things/lathe-01/#');
  const fingerprint = (await openssl('x509', '-noout', '-fingerprint', '-sha256', '-in', who.cert)).split('=')[1].trim().replaceAll(':', '').toLowerCase();
  const began = performance.now();
  await server.api('DELETE', `/api/certificates/${fingerprint}?reason=cessationOfOperation`);
  await until(() => live.program.hasEnded || /DISCONNECT|disconnected|lost/i.test(live.program.stdout + live.program.stderr), 'the end of the connection');
  const took = performance.now() - began;
  assert(took < 1000, `the live connection ended after ${took} ms`);
  await live.stop();
  assert.notEqual((await publish(as(server, who), '-i', 'lathe-01', '-q', 1, '-t', 'demo/plant1/machine/lathe-01/temperature', '-m', '22')).code, 0);
  assert.match(await ocsp(who.cert), /: revoked[^]*Reason: cessationOfOperation/);
  assert.match((await verify(who.cert)).stderr, /certificate revoked/);
});
