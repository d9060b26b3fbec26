// Revocation lists of client certificates, signed with the openssl program by the server's own authority.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { as, publish, published } from './lib/mosquitto.mjs';
import { run, until } from './lib/program.mjs';
import { binary, start, temporaryFolder } from './lib/server.mjs';

const folder = temporaryFolder('crl');
const crl = join(folder, 'list.pem');
let server;
let honest;
let stolen;

async function openssl(...args) {
  const { code, stderr } = await run('openssl', args);
  assert.equal(code, 0, `openssl ${args.join(' ')}: ${stderr}`);
}

/** A new list with these certificates on it. */
async function write(revoked, { until: days = 30, out = crl } = {}) {
  const config = join(folder, 'ca.cnf');
  for (const [name, text] of [['index.txt', ''], ['crlnumber', '01\n']]) writeFileSync(join(folder, name), text);
  writeFileSync(config, `[ca]\ndefault_ca=d\n[d]\ndatabase=${folder}/index.txt\ncrlnumber=${folder}/crlnumber\ndefault_md=sha256\ndefault_crl_days=${days}\n`);
  const ca = ['-config', config, '-cert', join(server.data, 'pki/intermediate.pem'), '-keyfile', join(server.data, 'pki/intermediate.key')];
  for (const file of revoked) await openssl('ca', ...ca, '-revoke', file);
  const age = days < 0 ? ['-crl_lastupdate', '20200101000000Z', '-crl_nextupdate', '20200201000000Z'] : [];
  await openssl('ca', ...ca, '-gencrl', '-out', out, ...age);
}

const send = (certificate, name) => publish(as(server, certificate), '-i', name, '-q', 1, '-t', `demo/plant1/machine/${name}/x`, '-m', '1');

before(async () => {
  server = await start();
  for (const name of ['honest-1', 'stolen-1']) await server.thing(name);
  honest = await server.certificate('honest-1');
  stolen = await server.certificate('stolen-1');
  await write([]);
  await server.stop();
  server.options.set.push(`listen.client_crl=${crl}`);
  await server.start();
});

after(() => server.stop());

test('a certificate on the list is refused as soon as the file has changed, others are taken', async () => {
  for (const [certificate, name] of [[honest, 'honest-1'], [stolen, 'stolen-1']]) assert.equal((await send(certificate, name)).code, 0);
  await write([stolen.cert]);
  await until(async () => (await send(stolen, 'stolen-1')).code !== 0, 'the refusal', { interval: 200 });
  assert.equal((await send(honest, 'honest-1')).code, 0);
  await write([]);
  await until(async () => (await send(stolen, 'stolen-1')).code === 0, 'the return', { interval: 200 });
});

test('a broken file leaves the list as it was, with an error', async () => {
  await write([stolen.cert]);
  await until(async () => (await send(stolen, 'stolen-1')).code !== 0, 'the refusal', { interval: 200 });
  const good = readFileSync(crl);
  writeFileSync(crl, 'nonsense');
  await until(() => server.log.includes('the revocation lists stay as they were'), 'the error');
  assert.notEqual((await send(stolen, 'stolen-1')).code, 0);
  assert.equal((await send(honest, 'honest-1')).code, 0);
  assert(await server.metric('dunlin_tls_client_crl_failed_total') > 0);
  writeFileSync(crl, good);
});

test('an old list refuses everyone of its issuer, or counts on, as the configuration has it', async () => {
  await write([stolen.cert], { until: -1 });
  await until(async () => (await send(honest, 'honest-1')).code !== 0, 'the refusal', { interval: 200 });
  assert.match(server.log, /a revocation list is past its next update/);
  await server.stop();
  server.options.set.push('listen.client_crl_expired=accept');
  await server.start();
  await published(as(server, honest), '-i', 'honest-1', '-q', 1, '-t', 'demo/plant1/machine/honest-1/x', '-m', '1');
  assert.notEqual((await send(stolen, 'stolen-1')).code, 0);
  assert.equal(await server.metric('dunlin_tls_client_crl_expired'), 1);
});

test('a file that is not there, or no list, is an error at the start', async () => {
  const { code, stderr, stdout } = await run(binary, ['serve', '--data', temporaryFolder(), '--set', 'listen.client_crl=/nowhere/list.pem']);
  assert.notEqual(code, 0);
  assert.match(stderr + stdout, /\/nowhere\/list\.pem/);
});
