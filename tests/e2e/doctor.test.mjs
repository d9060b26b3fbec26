// dunlin doctor: faults that were planted in the folder, the configuration and the records are named, with what mends them; a
// healthy server has nothing to be told. Without a server, and beside a running one.
import assert from 'node:assert/strict';
import { chmodSync, readFileSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { run } from './lib/program.mjs';
import { binary, start, temporaryFile, temporaryFolder } from './lib/server.mjs';

const LOOPBACK = ['mqtt', 'mqtts', 'https', 'http'].flatMap((name) => ['--set', `listen.${name}=127.0.0.1:0`]);
const ROOM = ['--set', 'journal.max_bytes=64MiB'];
let server;
let data;

/** `dunlin doctor --json` on the folder: {code, ids, finding(id), ...}. */
async function doctor(...args) {
  const { code, stdout, stderr } = await run(binary, ['doctor', '--data', data, '--json', ...LOOPBACK, ...ROOM, ...args]);
  assert(stdout.startsWith('{'), `doctor: ${stderr}`);
  const answer = JSON.parse(stdout);
  const wrong = answer.findings.filter((one) => one.severity !== 'note');
  assert.equal(code, wrong.length > 0 ? 1 : 0);
  assert.equal(answer.errors + answer.warnings, wrong.length);
  for (const one of answer.findings) for (const part of ['severity', 'id', 'what', 'why', 'mend']) assert(one[part], `${one.id}.${part}`);
  return { ids: wrong.map((one) => one.id), finding: (id) => answer.findings.find((one) => one.id === id) };
}

before(async () => {
  server = await start({ set: ['journal.max_bytes=64MiB'] });
  data = server.data;
});
after(() => server.stop());

describe('beside a running server', () => {
  test('an installation that nobody has claimed says so; once there is a user nothing is found', async () => {
    assert.deepEqual((await doctor()).ids, ['claim_open']);
    await server.api('POST', '/api/users', { name: 'ada', password: 'calm sea at dawn', permissions: ['things:read'] });
    const { code, stdout } = await run(binary, ['doctor', '--data', data]);
    assert.equal(code, 0, stdout);
    assert.match(stdout, /^nothing found; \d notes, which --all shows\n$/);
    assert.match((await run(binary, ['doctor', '--data', data, '--all'])).stdout, /^note root_key_online: /m);
    await server.api('POST', '/api/users', { name: 'grace', password: 'calm sea at dawn', permissions: ['*'] });
    assert.deepEqual((await doctor()).ids, ['no_second_factor']);
    await server.cli('user', 'delete', 'grace');
  });

  test('tokens without an end, and doors that let everyone in', async () => {
    const give = (...more) => server.cliJson('token', 'create', '--owner', 'ada', '--permissions', '["things:read"]', ...more);
    await give('--days', '30');
    assert.deepEqual((await doctor()).ids, []);
    const { token } = await give();
    const id = token.split('_')[1];
    const { ids, finding } = await doctor();
    assert.deepEqual(ids, ['token_never_expires']);
    assert.equal((await run('sh', ['-c', `${finding('token_never_expires').mend.split(',')[0].replace('dunlin', binary)} --data ${data}`])).code, 0);
    assert.equal((await server.cliJson('token', 'list', '--owner', 'ada')).tokens.some((one) => one.id === id), false);
    await give('--days', '1000');
    await server.api('POST', '/api/enrolment/groups', { name: 'open' });
    await server.api('POST', '/api/enrolment/codes', { uses: 3, hours: 24 * 120 });
    assert.deepEqual((await doctor()).ids.toSorted(), ['claim_lasting', 'enrolment_unbounded', 'token_long']);
    for (const { id: long } of (await server.cliJson('token', 'list', '--owner', 'ada')).tokens) await server.cli('token', 'delete', long);
    await server.cli('keygroup', 'delete', 'open');
    for (const grant of (await server.cliJson('code', 'list')).grants) await server.cli('code', 'delete', grant.id);
    assert.deepEqual((await doctor()).ids, []);
  });

  test('large binaries that others may read, for which there is no room, and that never go', async () => {
    assert.equal((await doctor()).finding('blobs_kept_for_ever'), undefined, 'there are none');
    const headers = { 'Content-Type': 'image/png' };
    const { json } = await server.request('POST', '/api/blobs', { token: server.adminToken, body: Buffer.from('picture'), headers });
    const hash = json.blob.replace('sha256-', '');
    const path = join(data, 'blobs', hash.slice(0, 2), hash);
    const { ids, finding } = await doctor();
    assert.deepEqual(ids, []);
    assert.match(finding('blobs_kept_for_ever').mend, /blobs\.keep/);
    chmodSync(path, 0o644);
    assert.match((await doctor()).finding('blob_open').what, new RegExp(hash));
    assert.equal((await run('sh', ['-c', (await doctor()).finding('blob_open').mend])).code, 0);
    assert.deepEqual((await doctor()).ids, []);
    assert.equal(statSync(path).mode & 0o777, 0o600);
  });

  test('its own configuration counts, and the permission is needed to ask', async () => {
    assert(!(await doctor('--set', 'journal.durable=false')).ids.includes('not_durable'));
    const { token } = await server.api('POST', '/api/tokens', { owner: 'ada', permissions: ['things:read'], days: 1 });
    assert.equal((await server.request('GET', '/api/system/doctor', { token })).status, 403);
    assert.equal((await server.request('GET', '/api/system/doctor')).status, 401);
    assert((await server.cliJson('system', 'doctor')).findings.length >= 1);
  });
});

describe('without a server', () => {
  const keep = new Map();
  const mode = (name, bits) => {
    const path = join(data, name);
    if (!keep.has(path)) keep.set(path, statSync(path).mode & 0o777);
    chmodSync(path, bits);
    return path;
  };
  const mended = () => {
    for (const [path, bits] of keep) chmodSync(path, bits);
    keep.clear();
  };
  before(() => server.stop());

  test('a healthy folder has nothing to be told', async () => {
    assert.deepEqual((await doctor()).ids, []);
  });

  test('no room for large binaries', async () => {
    const { ids, finding } = await doctor('--set', 'blobs.keep_free=1000000GiB', '--set', 'blobs.keep=90d');
    assert.deepEqual(ids, ['blobs_refused']);
    assert.equal(finding('blobs_kept_for_ever'), undefined);
    const { bavail, bsize } = statfsSync(data);
    const left = Math.floor((bavail * bsize) / 1024 ** 2) - 512; // less than the largest blob, whatever others write meanwhile
    const room = (await doctor('--set', `blobs.keep_free=${left}MiB`)).finding('blob_room_small');
    assert.equal(room?.severity, 'note');
  });

  for (const [name, bits, id] of [
    ['admin.token', 0o644, 'file_readable'],
    ['token.secret', 0o640, 'file_readable'],
    ['audit.key', 0o604, 'file_readable'],
    ['pki/intermediate.key', 0o644, 'file_readable'],
    ['records.sqlite', 0o644, 'file_readable'],
    ['pki/root.pem', 0o666, 'file_writable'],
    ['pki', 0o755, 'folder_open'],
    ['', 0o777, 'folder_open'],
  ]) {
    test(`mode ${bits.toString(8)} of ${name || 'the folder'}`, async () => {
      const path = mode(name, bits);
      const { ids, finding } = await doctor();
      assert.deepEqual(ids, [id]);
      assert(finding(id).what.includes(path.replace(/\/$/, '')), finding(id).what);
      // What is said to mend it does.
      const { code } = await run('sh', ['-c', finding(id).mend]);
      assert.equal(code, 0);
      assert.deepEqual((await doctor()).ids, []);
      mended();
    });
  }

  for (const [id, ...args] of [
    ['anonymous', '--set', 'security.anonymous_on_loopback=true'],
    ['not_durable', '--set', 'journal.durable=false'],
    ['no_memory_budget', '--set', 'limits.memory_budget=0'],
    ['slow_connects', '--set', 'mqtt.connect_deadline=5m'],
    ['slow_handshakes', '--set', 'listen.tls_handshake_deadline=1m'],
    ['large_packets', '--set', 'mqtt.max_packet_bytes=256MiB'],
    ['short_audit', '--set', 'audit.keep=1d'],
    ['stale_lists_accepted', '--set', 'listen.client_crl_expired=accept'],
    ['socket_for_everyone', '--set', 'listen.mqtt_unix=/run/x.sock', '--set', 'listen.mqtt_unix_mode=0666'],
    ['disk_smaller_than_journal', '--set', 'journal.max_bytes=16TiB'],
    ['configuration', '--set', 'listen.mqtt=0.0.0.0:1883'],
  ]) {
    test(id, async () => {
      const { ids, finding } = await doctor(...args);
      assert(ids.includes(id), ids.join());
      if (id === 'configuration') assert.match(finding(id).what, /without TLS is allowed on loopback only/);
    });
  }

  test('listeners on every address, without limits', async () => {
    const { ids, finding } = await doctor('--set', 'listen.mqtts=0.0.0.0:8883');
    assert.deepEqual(ids, ['no_connection_limit', 'no_publish_limit']);
    assert.equal(finding('default_port_exposed').severity, 'note');
    const limits = ['--set', 'listen.max_connection_rate_per_address=50', '--set', 'limits.publish_rate=1000'];
    assert.deepEqual((await doctor('--set', 'listen.mqtts=0.0.0.0:8883', ...limits)).ids, []);
  });

  test('a bridge that tells its password to the network', async () => {
    const config = temporaryFile('bridge.toml', '[[bridge]]\nname = "hq"\naddress = "mqtt://hq.example:1883"\nusername = "x"\npassword_file = "/x"\ntopics = ["a/# out"]\n');
    assert.equal((await doctor('--config', config)).finding('bridge_without_tls').severity, 'error');
  });

  test('certificates: expired, broken, and of a time to come', async () => {
    const path = join(data, 'pki/server.pem');
    const good = readFileSync(path);
    const folder = temporaryFolder('certificates');
    const issue = async (name, from, until) => {
      const cert = join(folder, `${name}.pem`);
      const script = `cd ${folder} && openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -keyout ${name}.key -out ${name}.csr 2>/dev/null &&
        : > index.txt && echo 01 > serial && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=ca -days 9000 -keyout ca.key -out ca.pem 2>/dev/null &&
        printf '[ca]\\ndefault_ca=d\\n[d]\\ndatabase=index.txt\\nserial=serial\\nnew_certs_dir=.\\ndefault_md=sha256\\npolicy=p\\n[p]\\ncommonName=supplied\\n' > ca.cnf &&
        openssl ca -batch -notext -config ca.cnf -cert ca.pem -keyfile ca.key -startdate ${from} -enddate ${until} -in ${name}.csr -out ${cert}`;
      const { code, stderr } = await run('sh', ['-c', script]);
      assert.equal(code, 0, stderr);
      return readFileSync(cert);
    };
    const found = async (pem) => {
      writeFileSync(path, pem);
      return (await doctor()).ids;
    };
    assert.deepEqual(await found(await issue('old', '20200101000000Z', '20210101000000Z')), ['certificate_expired']);
    assert.deepEqual(await found(await issue('late', '20450101000000Z', '20460101000000Z')), ['clock_behind']);
    assert.deepEqual(await found('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'), ['certificate_unreadable']);
    assert.deepEqual(await found(good), []);
  });

  test('no folder is no health, and a wrong option is a wrong command line', async () => {
    const none = await run(binary, ['doctor', '--data', '/nonexistent/dunlin']);
    assert.deepEqual([none.code, none.stdout], [1, '']);
    assert.match(none.stderr, /there is no data folder/);
    assert.equal((await run(binary, ['doctor', '--colour'])).code, 2);
  });
});
