// Keys that nobody can carry away: in a PKCS#11 token (softhsm2), encrypted on the disk, and wrapped to one device. openssl, curl,
// mosquitto and pkcs11-tool are the peers.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { as, publish, published } from './lib/mosquitto.mjs';
import { Program, run, sleep } from './lib/program.mjs';
import { binary, start, temporaryFolder } from './lib/server.mjs';

const MODULE = '/usr/lib/softhsm/libsofthsm2.so';
const PIN = '4711-0815';
const PASSPHRASE = 'a long walk by the sea';
const folder = temporaryFolder('keys');
const file = (name) => join(folder, name);

// The tokens of this test; whoever is started inherits where they are.
mkdirSync(file('tokens'));
writeFileSync(file('softhsm2.conf'), `directories.tokendir = ${file('tokens')}\nobjectstore.backend = file\nlog.level = ERROR\n`);
writeFileSync(file('pin'), `${PIN}\n`, { mode: 0o600 });
writeFileSync(file('passphrase'), `${PASSPHRASE}\n`, { mode: 0o600 });
const env = { SOFTHSM2_CONF: file('softhsm2.conf'), PKCS11_MODULE_PATH: MODULE };
const token = (label, pin = `file:${file('pin')}`) => `pkcs11:token=${label}?module-path=${MODULE}&pin-source=${pin}`;
/** The same key as libp11's engine takes it. */
const forEngine = (label, object) => `pkcs11:token=${label};object=${object};type=private;pin-value=${PIN}`;

async function must(command, ...args) {
  const { code, stdout, stderr } = await run(command, args, { env });
  assert.equal(code, 0, `${command} ${args.join(' ')}: ${stderr}${stdout}`);
  return stdout;
}
const openssl = (...args) => must('openssl', ...args);
const dunlin = (...args) => must(binary, ...args);
async function refused(pattern, ...args) {
  const { code, stdout, stderr } = await run(binary, args, { env });
  assert.equal(code, 1, stdout);
  assert.match(stderr, pattern);
  return stderr;
}

/** MQTT 3.1.1 as bytes: CONNECT, PUBLISH with QoS 1. */
function mqttSession(client, topic, payload) {
  const text = (value) => Buffer.concat([Buffer.from([value.length >> 8, value.length & 0xff]), Buffer.from(value)]);
  const packet = (type, ...parts) => {
    const body = Buffer.concat(parts);
    return Buffer.concat([Buffer.from([type, body.length]), body]);
  };
  const connect = packet(0x10, text('MQTT'), Buffer.from([4, 2, 0, 60]), text(client));
  return Buffer.concat([connect, packet(0x32, text(topic), Buffer.from([0, 1]), Buffer.from(payload))]);
}

/** Every file below a folder, with its bytes as text. */
function contents(root) {
  const all = new Map();
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath ?? entry.path, entry.name);
    try {
      all.set(path, readFileSync(path, 'latin1'));
    } catch (error) {
      // A running server replaces its files.
      if (error.code !== 'ENOENT') throw error;
    }
  }
  return all;
}

before(async () => {
  for (const label of ['device', 'authority', 'vault']) await must('softhsm2-util', '--init-token', '--free', '--label', label, '--pin', PIN, '--so-pin', `so-${PIN}`);
});

describe('a device whose key is in a token', () => {
  let server;
  let device;

  test('its key is made there and given out to nobody', async () => {
    server = await start({ env });
    const uri = (await dunlin('device-key', 'new', '--token', token('device'), '--name', 'press-01', '--out', file('press-01.uri'))).trim();
    assert.match(uri, /^wrote /);
    const reference = readFileSync(file('press-01.uri'), 'utf8');
    assert.match(reference, /^pkcs11:token=device;object=press-01;type=private\?/);
    assert(!reference.includes(PIN));
    const listed = await must('pkcs11-tool', '--module', MODULE, '--token-label', 'device', '--login', '--pin', PIN, '--list-objects', '--type', 'privkey');
    assert.match(listed, /label:\s+press-01[^]*Access:.*sensitive.*never extractable/);
    const stolen = await run('pkcs11-tool', ['--module', MODULE, '--token-label', 'device', '--login', '--pin', PIN, '--read-object', '--type', 'privkey', '--label', 'press-01', '--output-file', file('stolen')], { env });
    assert(!existsSync(file('stolen')) || statSync(file('stolen')).size === 0, stolen.stderr);
    await refused(/already/, 'device-key', 'new', '--token', token('device'), '--name', 'press-01');
  });

  test('it asks for a certificate, as openssl reads it, and connects with openssl in between', async () => {
    await dunlin('device-key', 'csr', '--key', file('press-01.uri'), '--name', 'press-01', '--out', file('press-01.csr'));
    assert.match(await openssl('req', '-in', file('press-01.csr'), '-noout', '-verify', '-subject'), /CN = press-01/);
    const ours = await dunlin('device-key', 'public', '--key', file('press-01.uri'));
    assert.equal(ours, await openssl('req', '-in', file('press-01.csr'), '-noout', '-pubkey'));
    assert.equal(ours, await openssl('pkey', '-engine', 'pkcs11', '-inform', 'engine', '-in', forEngine('device', 'press-01'), '-pubout'));

    await server.api('POST', '/api/things', { name: 'press-01', type: 'machine' });
    const issued = await server.api('POST', '/api/certificates', { thing: 'press-01', csr: readFileSync(file('press-01.csr'), 'utf8') });
    assert.equal(issued.private_key, undefined);
    device = { cert: file('press-01.pem'), ca: file('ca.pem') };
    writeFileSync(device.cert, issued.certificate);
    writeFileSync(device.ca, issued.ca);
    const connection = ['-connect', `localhost:${server.ports.mqtts}`, '-CAfile', device.ca, '-verify_return_error', '-cert', device.cert, '-engine', 'pkcs11', '-keyform', 'engine', '-key', forEngine('device', 'press-01')];
    const client = new Program('openssl', ['s_client', '-quiet', ...connection], { env, stdin: 'pipe' });
    client.stdin.write(mqttSession('press-01', 'demo/plant1/machine/press-01/x', '21'));
    await client.printed(/[^]{8}/);
    // CONNACK with return code 0, PUBACK of packet 1.
    assert.equal(Buffer.from(client.stdout).toString('hex'), '2002000040020001', client.stderr);
    await client.stop();
  });

  test('as a gateway it connects through our own program, and its sealed files open with that key alone', async () => {
    await server.api('POST', '/api/things', { name: 'gateway-7', type: 'gateway', attributes: { project: 'demo', site: 'plant7' } });
    const uri = (await dunlin('device-key', 'new', '--token', token('device'), '--name', 'gateway-7')).trim();
    const csr = await dunlin('device-key', 'csr', '--key', uri, '--name', 'gateway-7');
    const issued = await server.api('POST', '/api/certificates', { thing: 'gateway-7', csr });
    writeFileSync(file('gateway.pem'), issued.certificate);
    // The key of its own listener, sealed on the gateway's disk.
    await openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', file('local.key'), '-out', file('local.pem'), '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost');
    await dunlin('seal', '--key', uri, '--pem', file('local.key'), '--out', file('local.key.sealed'));
    assert.match(readFileSync(file('local.key.sealed'), 'utf8'), /^-----BEGIN CMS-----\n/);
    const settings = (key, certificate) => [
      'gateway.name=gateway-7', `uplink.endpoint=127.0.0.1:${server.ports.mqtts}`, 'uplink.server_name=localhost', `uplink.ca_file=${device.ca}`,
      `uplink.certificate_file=${certificate}`, `uplink.key_file=${key}`, 'listen.mqtt=127.0.0.1:0', 'listen.mqtts=127.0.0.1:0',
      `listen.certificate_file=${file('local.pem')}`, `listen.key_file=${file('local.key.sealed')}`, 'listen.anonymous_on_loopback=true',
    ].flatMap((setting) => ['--set', setting]);
    const gateway = new Program(binary, ['gateway', '--data', temporaryFolder('gateway'), ...settings(uri, file('gateway.pem'))], { env });
    const [line] = await gateway.printed(/^ready .*$/m, 60_000);
    const port = line.match(/mqtt=\S+:(\d+)/)?.[1] ?? line.match(/:(\d+)/)[1];
    await published(['-h', 'localhost', '-p', port], '-i', 'sensor-1', '-q', 1, '-t', 'demo/plant7/sensor/sensor-1/x', '-m', '{"value":7}');
    for (let tries = 0; ; tries += 1) {
      const things = await server.api('GET', '/api/things');
      if (things.things.some((thing) => thing.name === 'sensor-1')) break;
      assert(tries < 150, `the sample did not arrive: ${gateway.stderr}`);
      await sleep(200);
    }
    await gateway.stop();
    assert(!(gateway.stdout + gateway.stderr).includes(PIN));
    // Another key, as on a copy of the disk, opens nothing.
    await openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', file('other.key'), '-out', file('other.pem'), '-subj', '/CN=gateway-7');
    await refused(/listen\.key_file: the blob is sealed for another key/, 'gateway', '--data', temporaryFolder('gateway'), ...settings(file('other.key'), file('other.pem')));
  });

  test('without the PIN, or with a wrong one, there is no key', async () => {
    writeFileSync(file('wrong'), 'not-the-pin\n');
    const uri = (pin) => token('device', pin).replace('?', ';object=press-01?');
    const said = await refused(/does not let us in: .*PIN/i, 'device-key', 'public', '--key', uri(`file:${file('wrong')}`));
    assert(!said.includes('not-the-pin'));
    await refused(/pin-source/, 'device-key', 'public', '--key', `pkcs11:token=device;object=press-01?module-path=${MODULE}`);
    const inUri = await refused(/holds a PIN/, 'device-key', 'public', '--key', `pkcs11:token=device;object=press-01?module-path=${MODULE}&pin-value=${PIN}`);
    assert(!inUri.includes(PIN));
    assert.equal((await run(binary, ['device-key', 'public', '--key', uri('env:TOKEN_PIN')], { env: { ...env, TOKEN_PIN: PIN } })).code, 0);
  });

  test('firmware that is sealed for it opens on no other device, and not with a changed byte', async () => {
    const firmware = Buffer.concat([Buffer.from('\x7fELF'), Buffer.alloc(300_000, 'firmware of press-01 ')]);
    writeFileSync(file('firmware.bin'), firmware);
    await dunlin('seal', '--for', 'press-01', file('firmware.bin'), '--data', server.data);
    const sealed = readFileSync(file('firmware.bin.sealed'));
    assert(!sealed.includes('firmware of press-01'));
    assert.equal(statSync(file('firmware.bin.sealed')).mode & 0o777, 0o600);
    const open = ['unseal', '--key', file('press-01.uri'), '--out'];
    await dunlin(...open, file('opened'), file('firmware.bin.sealed'));
    assert(readFileSync(file('opened')).equals(firmware));

    // For a device with its key in a file, openssl judges.
    await server.api('POST', '/api/things', { name: 'press-02', type: 'machine' });
    const second = await server.certificate('press-02');
    await dunlin('seal', '--for', 'press-02', file('firmware.bin'), '--out', file('for-press-02'), '--data', server.data);
    await openssl('cms', '-decrypt', '-binary', '-inform', 'DER', '-in', file('for-press-02'), '-inkey', second.key, '-recip', second.cert, '-out', file('opened-by-openssl'));
    assert(readFileSync(file('opened-by-openssl')).equals(firmware));
    const stranger = await run('openssl', ['cms', '-decrypt', '-binary', '-inform', 'DER', '-in', file('firmware.bin.sealed'), '-inkey', second.key, '-out', file('stolen-firmware')]);
    assert.notEqual(stranger.code, 0);
    await refused(/sealed for another key, or was changed/, 'unseal', '--key', second.key, '--out', file('stolen-firmware'), file('firmware.bin.sealed'));
    for (const at of [sealed.length >> 1, sealed.length - 1]) {
      const bent = Buffer.from(sealed);
      bent[at] ^= 1;
      writeFileSync(file('bent'), bent);
      await refused(/sealed for another key, or was changed/, ...open, file('never'), file('bent'));
    }
    writeFileSync(file('bent'), sealed.subarray(0, 1000));
    await refused(/not a sealed blob/, ...open, file('never'), file('bent'));
    assert(!existsSync(file('never')));
    await refused(/has no certificate that counts now/, 'seal', '--for', 'sensor-1', file('firmware.bin'), '--out', file('never'), '--data', server.data);
    await server.stop();
  });
});

describe('an authority whose keys are in a token', () => {
  test('root, intermediate and server sign there; the disk holds names', async () => {
    const set = [`pki.token=${token('authority', 'env:AUTHORITY_PIN')}`];
    const options = { set, env: { ...env, AUTHORITY_PIN: PIN } };
    const server = await start(options);
    const kept = contents(join(server.data, 'pki'));
    for (const name of ['root.key', 'intermediate.key', 'server.key']) assert.match(kept.get(join(server.data, 'pki', name)), /^pkcs11:token=authority;object=dunlin-/);
    for (const [path, text] of contents(server.data)) {
      assert(!text.includes('PRIVATE KEY'), path);
      assert(!text.includes(PIN), path);
    }
    const listed = await must('pkcs11-tool', '--module', MODULE, '--token-label', 'authority', '--login', '--pin', PIN, '--list-objects', '--type', 'privkey');
    assert.equal(listed.match(/never extractable/g).length, 3);

    await server.thing('press-01');
    const device = await server.certificate('press-01');
    await published(as(server, device), '-i', 'press-01', '-q', 1, '-t', 'demo/plant1/machine/press-01/x', '-m', '1');
    const issuers = (await server.cliJson('ca', 'list')).issuers;
    writeFileSync(file('intermediate.pem'), issuers[0].certificate);
    await openssl('verify', '-CAfile', server.rootFile, '-untrusted', file('intermediate.pem'), device.cert);
    const { stdout } = await run('openssl', ['s_client', '-connect', `localhost:${server.ports.mqtts}`, '-CAfile', server.rootFile], { input: '' });
    assert.match(stdout, /Verify return code: 0 \(ok\)/);

    // A list that the token has signed; an intermediate that is made there while the server runs.
    await server.cliJson('cert', 'revoke', device.fingerprint);
    writeFileSync(file('list.crl'), await must('curl', '-sS', '--fail', `http://127.0.0.1:${server.ports.http}/pki/${issuers[0].issuer}.crl`, '--output', file('list.der')));
    const { stderr } = await run('openssl', ['crl', '-inform', 'DER', '-in', file('list.der'), '-CAfile', file('intermediate.pem'), '-noout']);
    assert.match(stderr, /verify OK/);
    const rotated = await server.cliJson('ca', 'rotate');
    assert.match(readFileSync(join(server.data, 'pki/issuers', `${rotated.issuer}.pem`), 'utf8'), /^pkcs11:/);
    writeFileSync(file('export-passphrase'), PASSPHRASE);
    const exported = await server.cli('ca', 'export-root', '--passphrase-file', file('export-passphrase'), '--out', file('root-export.pem'));
    assert.match(exported.stderr, /gives it out to nobody/);

    // The same authority after a restart; none without the token's PIN.
    const root = server.root;
    await server.stop();
    assert(!server.log.includes(PIN));
    const without = await run(binary, ['serve', '--data', server.data, '--set', set[0]], { env });
    assert.equal(without.code, 1);
    assert.match(without.stderr, /AUTHORITY_PIN is not set/);
    await server.start();
    assert.equal(server.root, root);
    const again = await server.certificate('press-01');
    await published(as(server, again), '-i', 'press-01', '-q', 1, '-t', 'demo/plant1/machine/press-01/x', '-m', '2');
    await server.stop();
  });
});

describe('keys on the disk', () => {
  const opened = [`vault.passphrase=file:${file('passphrase')}`];
  const vault = (verb, data, ...more) => ['vault', verb, '--data', data, ...more];
  const source = `file:${file('passphrase')}`;

  /** A stopped server with a device, and what must not be in its folder any more. */
  async function installation() {
    const server = await start();
    await server.thing('press-01');
    const device = await server.certificate('press-01');
    const group = await server.api('POST', '/api/enrolment/groups', { name: 'presses' });
    const hidden = [readFileSync(join(server.data, 'token.secret'), 'utf8'), readFileSync(join(server.data, 'audit.key'), 'utf8'), 'PRIVATE KEY'];
    await server.stop();
    return { server, device, group, hidden };
  }
  const send = (server, device) => publish(as(server, device), '-i', 'press-01', '-q', 1, '-t', 'demo/plant1/machine/press-01/x', '-m', '1');

  test('they are encrypted, and nothing but the passphrase opens them', async () => {
    const { server, device, hidden } = await installation();
    const before = await run(binary, ['doctor', '--data', server.data, '--all', '--set', 'listen.mqtts=', '--set', 'listen.https=']);
    assert.match(before.stdout, /^note keys_unencrypted: /m);
    assert.match(await dunlin(...vault('protect', server.data, '--passphrase', source)), /^encrypted 7 files/);
    for (const [path, text] of contents(server.data)) for (const secret of hidden) assert(!text.includes(secret), path);
    const after = await run(binary, ['doctor', '--data', server.data, '--all', '--set', 'listen.mqtts=', '--set', 'listen.https=']);
    assert.doesNotMatch(after.stdout, /keys_unencrypted/);
    assert.doesNotMatch(await dunlin('vault', 'status', '--data', server.data), /in the clear/);

    // No passphrase, a wrong one, one on the command line.
    const serve = (...settings) => run(binary, ['serve', '--data', server.data, ...settings.flatMap((setting) => ['--set', setting])], { env });
    const none = await serve();
    assert.equal(none.code, 1);
    assert.match(none.stderr, /are under a passphrase: say where it is/);
    writeFileSync(file('wrong-passphrase'), 'another walk entirely');
    assert.match((await serve(`vault.passphrase=file:${file('wrong-passphrase')}`)).stderr, /the passphrase does not open/);
    const shown = await serve(`vault.passphrase=${PASSPHRASE}`);
    assert.match(shown.stderr, /not from the text itself/);
    assert(!shown.stderr.includes(PASSPHRASE));

    server.options.set = opened;
    await server.start();
    assert.equal((await send(server, device)).code, 0);
    assert.equal((await server.cli('audit', 'verify')).code, 0);
    const { records } = await server.cliJson('audit', 'list', '--action', 'vault.change');
    assert.deepEqual(records.map((record) => record.detail), ['the keys on the disk are protected by passphrase']);
    assert.equal(await server.metric('dunlin_vault_protected'), 1);
    await server.cliJson('ca', 'rotate');
    for (const [path, text] of contents(join(server.data, 'pki'))) assert(!text.includes('PRIVATE KEY'), path);
    await refused(/another dunlin runs/, ...vault('change', server.data, '--passphrase', source, '--new-passphrase', source));
    await server.stop();
    assert(!server.log.includes(PASSPHRASE));
  });

  test('another passphrase, a token instead, and back in the clear', async () => {
    const { server, device, hidden } = await installation();
    writeFileSync(file('new-passphrase'), 'a short swim in the lake');
    const renewed = `file:${file('new-passphrase')}`;
    await dunlin(...vault('protect', server.data, '--passphrase', source));
    await dunlin(...vault('change', server.data, '--passphrase', source, '--new-passphrase', renewed));
    await refused(/the passphrase does not open/, ...vault('unprotect', server.data, '--passphrase', source));
    assert.equal(await dunlin('vault', 'reveal', 'token.secret', '--data', server.data, '--passphrase', renewed), hidden[0]);
    const uri = (await dunlin('device-key', 'new', '--token', token('vault'), '--name', 'server-1')).trim();
    await dunlin(...vault('change', server.data, '--passphrase', renewed, '--new-key', uri));
    // The token opens them: no passphrase is configured.
    server.options.env = env;
    await server.start();
    assert.equal((await send(server, device)).code, 0);
    await server.stop();
    assert.match(await dunlin(...vault('unprotect', server.data)), /^decrypted 7 files/);
    assert(!existsSync(join(server.data, 'vault.json')));
    assert.equal(readFileSync(join(server.data, 'token.secret'), 'utf8'), hidden[0]);
    await server.start();
    assert.equal((await send(server, device)).code, 0);
    await server.stop();
  });

  test('the format is what its page says: python opens it', async () => {
    const { server, hidden } = await installation();
    await dunlin(...vault('protect', server.data, '--passphrase', source));
    const script = `
import base64, hashlib, json, subprocess, sys
folder, passphrase = sys.argv[1], sys.argv[2].encode()
vault = json.load(open(folder + "/vault.json"))
cost = vault["scrypt"]
key = hashlib.scrypt(passphrase, salt=bytes.fromhex(cost["salt"]), n=cost["n"], r=cost["r"], p=cost["p"], maxmem=1 << 30, dklen=32)
def unseal(form, data, secret):
    made = subprocess.run(["openssl", "cms", "-decrypt", "-binary", "-inform", form, "-secretkey", secret.hex(), "-secretkeyid", b"dunlin".hex()], input=data, capture_output=True)
    assert made.returncode == 0, made.stderr
    return made.stdout
data_key = unseal("DER", base64.b64decode(vault["sealed"]), key)
assert len(data_key) == 32
sys.stdout.write(unseal("PEM", open(folder + "/token.secret", "rb").read(), data_key).decode())
`;
    assert.equal(await must('python3', '-c', script, server.data, PASSPHRASE), hidden[0]);
  });

  test('killed at any moment, no key is lost', async () => {
    const { server, device, hidden } = await installation();
    const root = readFileSync(join(server.data, 'pki/root.pem'), 'utf8');
    for (let round = 0; round < 8; round += 1) {
      const isProtected = existsSync(join(server.data, 'vault.json'));
      const program = new Program(binary, vault(isProtected ? 'unprotect' : 'protect', server.data, '--passphrase', source));
      await sleep(Math.random() * 600);
      program.signal('SIGKILL');
      await program.ended;
      server.options.set = existsSync(join(server.data, 'vault.json')) ? opened : [];
      await server.start();
      assert.equal((await send(server, device)).code, 0, `round ${round}`);
      assert.equal((await server.cli('audit', 'verify')).code, 0);
      await server.stop();
      // What the start found half done, it has finished.
      if (server.options.set === opened) for (const [path, text] of contents(server.data)) for (const secret of hidden) assert(!text.includes(secret), path);
      assert.equal(readFileSync(join(server.data, 'pki/root.pem'), 'utf8'), root);
    }
  });
});
