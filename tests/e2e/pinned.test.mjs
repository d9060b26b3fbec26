// Certificates registered by themselves: self-signed by the openssl program, shown by mosquitto_pub over mutual TLS.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { as, publish } from './lib/mosquitto.mjs';
import { run, until } from './lib/program.mjs';
import { start, temporaryFolder } from './lib/server.mjs';

const folder = temporaryFolder('pinned');
let server;

before(async () => {
  server = await start();
  for (const name of ['old-1', 'old-2', 'old-3']) await server.thing(name);
});
after(() => server.stop());

async function openssl(...args) {
  const { code, stdout, stderr } = await run('openssl', args);
  assert.equal(code, 0, `openssl ${args.join(' ')}: ${stderr}`);
  return stdout;
}

/** A key and its self-signed certificate, as many devices leave the factory with. */
async function selfSigned(name, ...more) {
  const files = { cert: join(folder, `${name}.pem`), key: join(folder, `${name}.key`), ca: server.rootFile };
  await openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', `/CN=factory ${name}`,
    '-keyout', files.key, '-out', files.cert, '-days', '30', ...more);
  return files;
}

const send = (files, name) => publish(as(server, files), '-i', name, '-q', 1, '-t', `demo/plant1/machine/${name}/x`, '-m', '1');

test('a self-signed certificate connects once it is pinned, as its thing and no other', async () => {
  const files = await selfSigned('one');
  assert.notEqual((await send(files, 'old-1')).code, 0);
  const made = await server.cliJson('cert', 'pin', '--thing', 'old-1', '--certificate', readFileSync(files.cert, 'utf8'));
  assert.equal(made.pinned, true);
  const { code, stderr } = await send(files, 'old-1');
  assert.equal(code, 0, stderr);
  assert.notEqual((await send(files, 'old-2')).code, 0);
  const twice = await server.cli('cert', 'pin', '--thing', 'old-2', '--certificate', readFileSync(files.cert, 'utf8'));
  assert.match(twice.stderr, /registered already/);
  const { records } = await server.api('GET', '/api/audit?limit=20');
  assert(records.some(({ action, object }) => action === 'certificate.pin' && object === made.fingerprint));
});

test('the fingerprint that openssl prints is enough, also after a restart', async () => {
  const files = await selfSigned('two');
  const printed = (await openssl('x509', '-in', files.cert, '-noout', '-fingerprint', '-sha256')).trim().split('=')[1];
  await server.cliJson('cert', 'pin', '--thing', 'old-2', '--fingerprint', printed);
  assert.equal((await send(files, 'old-2')).code, 0);
  await server.stop();
  await server.start();
  assert.equal((await send(files, 'old-2')).code, 0);
  assert.notEqual((await send(await selfSigned('other'), 'old-2')).code, 0);
});

test('a revoked one is refused', async () => {
  const files = await selfSigned('three');
  const { fingerprint } = await server.cliJson('cert', 'pin', '--thing', 'old-3', '--certificate', readFileSync(files.cert, 'utf8'));
  assert.equal((await send(files, 'old-3')).code, 0);
  await server.cliJson('cert', 'revoke', fingerprint);
  assert.notEqual((await send(files, 'old-3')).code, 0);
});

test('a connection ends with its certificate', async () => {
  const files = await selfSigned('four');
  const soon = join(folder, 'soon.pem');
  // openssl 3.0 has no -not_after for req -x509: the ca command has.
  const config = join(folder, 'ca.cnf');
  writeFileSync(join(folder, 'index.txt'), '');
  writeFileSync(config, `[ca]\ndefault_ca=d\n[d]\ndatabase=${folder}/index.txt\nnew_certs_dir=${folder}\nserial=${folder}/serial\ndefault_md=sha256\npolicy=p\nunique_subject=no\n[p]\ncommonName=supplied\n`);
  const request = join(folder, 'soon.csr');
  await openssl('req', '-new', '-key', files.key, '-subj', '/CN=brief', '-out', request);
  const end = new Date(Date.now() + 8000).toISOString().replace(/[-:T]/g, '').slice(0, 14);
  await openssl('ca', '-batch', '-config', config, '-selfsign', '-keyfile', files.key, '-in', request, '-out', soon, '-rand_serial', '-notext',
    '-startdate', '20260101000000Z', '-enddate', `${end}Z`);
  await server.cliJson('cert', 'pin', '--thing', 'old-3', '--certificate', readFileSync(soon, 'utf8'));
  const began = Date.now();
  const { code, stdout } = await run('mosquitto_sub', [...as(server, { ...files, cert: soon }), '-i', 'old-3', '-t', 'demo/plant1/machine/old-3/#', '-d', '-W', '20'], { timeout: 40_000 });
  assert.match(stdout, /CONNACK \(0\)/);
  assert(Date.now() - began < 19_000, `mosquitto_sub ended with ${code}`);
  await until(async () => (await server.metric('dunlin_mqtt_proofs_expired_total')) >= 1, 'the count');
});
