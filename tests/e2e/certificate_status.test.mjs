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
