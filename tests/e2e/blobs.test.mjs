// Large binaries: curl puts, gets, resumes; digests, ranges, refusals; devices by certificate and token; expiry; SIGKILL in the
// middle of an upload; a full disk; the command line; backups.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, existsSync, openSync, readFileSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { run, Program, sleep, until } from './lib/program.mjs';
import { start, temporaryFolder } from './lib/server.mjs';
import { skip, SmallDisk } from './lib/small_disk.mjs';

const MiB = 1024 * 1024;
const work = temporaryFolder('blobs');
let server;

before(async () => {
  server = await start({ set: ['blobs.keep_free=1MiB'] });
});
after(() => server?.stop());

const idOf = (bytes) => `sha256-${createHash('sha256').update(bytes).digest('hex')}`;
const digestOf = (bytes) => `sha-256=:${createHash('sha256').update(bytes).digest('base64')}:`;
const admin = () => ['-H', `Authorization: Bearer ${server.adminToken}`];
const url = (path, of = server) => `http://127.0.0.1:${of.ports.http}${path}`;

/** A new file of so many random bytes: {path, bytes, id}. */
function file(name, size) {
  const bytes = randomBytes(size);
  const path = join(work, name);
  writeFileSync(path, bytes);
  return { path, bytes, id: idOf(bytes) };
}

/** {status, headers, body: text, code} */
async function curl(...args) {
  const out = join(work, 'curl.out');
  rmSync(out, { force: true });
  const { code, stdout, stderr } = await run('curl', ['-sS', '-D', '-', '-o', out, ...args]);
  // The last answer's: there may be "100 Continue" before it.
  const head = stdout.trim().split('\r\n\r\n').at(-1).split('\r\n');
  const headers = Object.fromEntries(head.slice(1).map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]));
  const bytes = existsSync(out) ? readFileSync(out) : Buffer.alloc(0);
  return { status: Number(head[0].split(' ')[1]), headers, bytes, body: bytes.toString(), code, stderr, all: stdout };
}

const put = (source, query = '', ...more) => curl(...admin(), '-T', source.path, url(`/api/blobs${query}`), ...more);
const list = (query = '') => server.api('GET', `/api/blobs${query}`);

describe('curl', () => {
  test('puts a file and gets it back, whole and by parts', async () => {
    const sent = file('frame.jpg', 3 * MiB + 17);
    const stored = await put(sent, '?device=cam-1&name=frame.jpg', '-H', 'Content-Type: image/jpeg');
    assert.equal(stored.status, 201, stored.body);
    assert.match(stored.all, /^HTTP\/1\.1 100/, 'curl waited to be told to go on');
    assert.equal(stored.headers.location, `/api/blobs/${sent.id}`);
    const record = JSON.parse(stored.body);
    assert.deepEqual({ ...record, created: undefined }, { blob: sent.id, size: sent.bytes.length, device: 'cam-1', media_type: 'image/jpeg', name: 'frame.jpg', put_by: 'local-admin', created: undefined });
    const path = `/api/blobs/${sent.id}`;
    const whole = await curl(...admin(), url(path));
    assert.equal(whole.status, 200);
    assert(whole.bytes.equals(sent.bytes));
    assert.equal(whole.headers['content-length'], String(sent.bytes.length));
    assert.equal(whole.headers['repr-digest'], digestOf(sent.bytes));
    assert.equal(whole.headers['accept-ranges'], 'bytes');
    for (const [range, first, end] of [['0-0', 0, 1], ['100-299', 100, 300], [`${3 * MiB}-`, 3 * MiB, undefined], ['-5', sent.bytes.length - 5, undefined], ['7-99999999', 7, undefined]]) {
      const part = await curl(...admin(), '-r', range, url(path));
      assert.equal(part.status, 206, range);
      assert(part.bytes.equals(sent.bytes.subarray(first, end)), range);
      assert.equal(part.headers['content-range'], `bytes ${first}-${(end ?? sent.bytes.length) - 1}/${sent.bytes.length}`);
    }
    const beyond = await curl(...admin(), '-r', `${sent.bytes.length}-`, url(path));
    assert.equal(beyond.status, 416);
    assert.equal(beyond.headers['content-range'], `bytes */${sent.bytes.length}`);
    assert.match(beyond.body, /3145745 bytes/);
    const several = await curl(...admin(), '-r', '0-1,5-6', url(path));
    assert.equal(several.status, 200, 'several ranges are answered by all of it');
    const head = await curl(...admin(), '-I', url(path));
    assert.equal(head.status, 200);
    assert.equal(head.headers['content-length'], String(sent.bytes.length));
    const known = await curl(...admin(), '-H', `If-None-Match: ${whole.headers.etag}`, url(path));
    assert.equal(known.status, 304);
    const same = await curl(...admin(), '-r', '0-9', '-H', `If-Range: ${whole.headers.etag}`, url(path));
    assert.equal(same.status, 206);
    const other = await curl(...admin(), '-r', '0-9', '-H', 'If-Range: "another"', url(path));
    assert.equal(other.status, 200);
    assert(other.bytes.equals(sent.bytes));
  });

  test('resumes a download that was cut off', async () => {
    const sent = file('log.tar', 2 * MiB);
    assert.equal((await put(sent)).status, 201);
    const target = join(work, 'resumed');
    writeFileSync(target, sent.bytes.subarray(0, 700_001));
    const { code, stderr } = await run('curl', ['-sS', '-C', '-', ...admin(), '-o', target, url(`/api/blobs/${sent.id}`)]);
    assert.equal(code, 0, stderr);
    assert(readFileSync(target).equals(sent.bytes));
  });

  test('sends what has no length beforehand', async () => {
    const sent = file('piped', MiB + 5);
    const { status, body } = await curl(...admin(), '-X', 'POST', '-H', 'Transfer-Encoding: chunked', '--data-binary', `@${sent.path}`, url('/api/blobs?name=piped'));
    assert.equal(status, 201, body);
    assert.equal(JSON.parse(body).blob, sent.id);
    const empty = await curl(...admin(), '-X', 'POST', url('/api/blobs?name=empty'));
    assert.equal(empty.status, 201, empty.body);
    const got = await curl(...admin(), url(`/api/blobs/${idOf('')}`));
    assert.equal(got.status, 200);
    assert.equal(got.headers['content-length'], '0');
  });

  test('states what the content must be', async () => {
    const sent = file('firmware', 100_000);
    const wrong = digestOf('something else');
    for (const header of [`Repr-Digest: ${digestOf(sent.bytes)}`, `Content-Digest: ${digestOf(sent.bytes)}`, `Digest: SHA-256=${digestOf(sent.bytes).slice(9, -1)}`]) {
      assert.equal((await put(sent, '', '-H', header)).status, 201, header);
    }
    assert.equal((await curl(...admin(), '-T', sent.path, url(`/api/blobs/${sent.id}`))).status, 201);
    const other = file('firmware-2', 100_000);
    const refused = await put(other, '', '-H', `Repr-Digest: ${wrong}`);
    assert.equal(refused.status, 400);
    assert.match(refused.body, new RegExp(other.id), 'it says what came');
    assert.equal((await curl(...admin(), '-T', other.path, url(`/api/blobs/${sent.id}`))).status, 400);
    assert.equal((await put(other, '', '-H', 'Repr-Digest: sha-256=abc')).status, 400);
    assert.equal((await curl(...admin(), url(`/api/blobs/${other.id}`))).status, 404, 'nothing stayed');
  });
});

describe('answers', () => {
  test('do no harm in a browser', async () => {
    const page = Buffer.from('<script>document.title = "run"</script>');
    writeFileSync(join(work, 'page.html'), page);
    for (const type of ['text/html', 'image/svg+xml', 'application/xhtml+xml']) {
      const stored = await curl(...admin(), '-T', join(work, 'page.html'), '-H', `Content-Type: ${type}`, url('/api/blobs?name=a%22b%0d.html'));
      assert.equal(stored.status, 400, 'a name with a control character');
      assert.equal((await curl(...admin(), '-T', join(work, 'page.html'), '-H', `Content-Type: ${type}`, url(`/api/blobs?name=a%22b.html`))).status, 201);
      const got = await curl(...admin(), url(`/api/blobs/${idOf(page)}`));
      assert.equal(got.headers['content-type'], 'application/octet-stream', type);
      assert.equal(got.headers['x-content-type-options'], 'nosniff');
      assert.equal(got.headers['content-security-policy'], "default-src 'none'; sandbox");
      assert.equal(got.headers['content-disposition'], "attachment; filename*=UTF-8''a%22b.html");
    }
  });

  test('name what is wrong with a request', async () => {
    const sent = file('small', 10);
    for (const [query, more, status, text] of [
      ['?colour=red', [], 400, /colour/],
      ['?keep=soon', [], 400, /90d/],
      ['?device=no%20name', [], 400, /name/],
      ['?name=a%2Fb', [], 400, /folder/],
      ['', ['-H', 'Content-Type: nonsense'], 400, /image\/jpeg/],
      ['', ['-H', 'Content-Encoding: gzip'], 415, /Content-Encoding/],
      ['', ['-H', 'Content-Range: bytes 0-9/100'], 400, /whole/],
    ]) {
      const refused = await put(sent, query, ...more);
      assert.equal(refused.status, status, `${query} ${more}: ${refused.body}`);
      assert.match(JSON.parse(refused.body).error.message, text);
    }
    assert.equal((await curl(...admin(), url('/api/blobs/abc'))).status, 400);
    const none = await curl(...admin(), url(`/api/blobs/${idOf('never put')}`));
    assert.equal(none.status, 404);
    assert.match(none.body, /deleted, or has expired/);
  });
});

describe('who may', () => {
  test('a stranger is turned away before a byte is read', async () => {
    const sent = file('large', 8 * MiB);
    const refused = await curl('-T', sent.path, url('/api/blobs'));
    assert.equal(refused.status, 401);
    assert.doesNotMatch(refused.all, /100 Continue/);
    assert.equal((await curl(url(`/api/blobs/${sent.id}`))).status, 401);
    assert.equal(readdirSync(join(server.data, 'blobs/incoming')).length, 0);
  });

  test('people by their permissions, and what they put is on record', async () => {
    await server.api('POST', '/api/users', { name: 'eve', password: 'calm sea at dawn', permissions: ['blobs:*'] });
    const tokens = {};
    for (const right of ['blobs:read', 'blobs:write', 'blobs:delete'])
      tokens[right] = (await server.api('POST', '/api/tokens', { owner: 'eve', permissions: [right] })).token;
    const as = (right) => ['-H', `Authorization: Bearer ${tokens[right]}`];
    const sent = file('eve', 1000);
    assert.equal((await curl(...as('blobs:read'), '-T', sent.path, url('/api/blobs'))).status, 403);
    assert.equal((await curl(...as('blobs:write'), '-T', sent.path, url('/api/blobs'))).status, 201);
    assert.equal((await curl(...as('blobs:write'), url(`/api/blobs/${sent.id}`))).status, 403);
    assert.equal((await curl(...as('blobs:read'), url(`/api/blobs/${sent.id}`))).status, 200);
    assert.equal((await curl(...as('blobs:read'), '-X', 'DELETE', url(`/api/blobs/${sent.id}`))).status, 403);
    assert.equal((await curl(...as('blobs:delete'), '-X', 'DELETE', url(`/api/blobs/${sent.id}`))).status, 200);
    const { records } = await server.api('GET', '/api/audit?limit=50');
    const told = records.filter((one) => one.object === sent.id && one.actor === 'eve').map((one) => `${one.action} ${one.outcome}`);
    assert(told.includes('blob.put ok') && told.includes('blob.delete ok'), JSON.stringify(told));
    assert(records.some((one) => one.action === 'blob.put' && one.outcome === 'denied'));
  });

  test('devices by certificate and by token, for themselves', async () => {
    const camera = await server.thing('cam-7');
    const other = await server.thing('cam-8');
    const files = await server.certificate('cam-7');
    const secure = `https://localhost:${server.ports.https}`;
    const tls = ['--cacert', server.rootFile];
    const sent = file('cam-7.jpg', 50_000);
    const byCertificate = await curl(...tls, '--cert', files.cert, '--key', files.key, '-T', sent.path, `${secure}/api/blobs?name=one.jpg`);
    assert.equal(byCertificate.status, 201, byCertificate.body);
    assert.equal(JSON.parse(byCertificate.body).device, 'cam-7');
    const second = file('cam-7b.jpg', 50_000);
    const byToken = await curl(...tls, '-u', `cam-7:${camera.token}`, '-T', second.path, `${secure}/api/blobs`);
    assert.equal(byToken.status, 201, byToken.body);
    assert.equal((await curl(...tls, '-u', `cam-7:${camera.token}`, `${secure}/api/blobs/${second.id}`)).status, 200);
    const forAnother = await curl(...tls, '-u', `cam-7:${camera.token}`, '-T', sent.path, `${secure}/api/blobs?device=cam-8`);
    assert.equal(forAnother.status, 403);
    assert.match(forAnother.body, /\$dunlin\/things\/cam-8\/blobs/);
    const spied = await curl(...tls, '-u', `cam-8:${other.token}`, `${secure}/api/blobs/${second.id}`);
    assert.equal(spied.status, 403);
    assert.equal((await curl(...tls, '-u', 'cam-7:dt_wrong', '-T', sent.path, `${secure}/api/blobs`)).status, 401);
    assert.equal((await curl(...tls, '-u', 'admin:a password', '-T', sent.path, `${secure}/api/blobs`)).status, 401);
    const { blobs } = await list('?device=cam-7');
    assert.deepEqual(blobs.map((one) => one.blob), [second.id, sent.id]);
  });
});

describe('what is held', () => {
  test('is listed in pages, shared and let go', async () => {
    const shared = file('shared', 1234);
    for (const device of ['two-1', 'two-2']) assert.equal((await put(shared, `?device=${device}&name=${device}`)).status, 201);
    const before = await server.api('GET', '/api/blobs/usage');
    const { holders, size } = await server.api('GET', `/api/blobs/${shared.id}/holders`);
    assert.equal(size, 1234);
    assert.deepEqual(holders.map((one) => one.device), ['two-1', 'two-2']);
    await server.api('DELETE', `/api/blobs/${shared.id}?device=two-1`);
    assert.equal((await curl(...admin(), url(`/api/blobs/${shared.id}`))).status, 200);
    await server.api('DELETE', `/api/blobs/${shared.id}`);
    assert.equal((await curl(...admin(), url(`/api/blobs/${shared.id}`))).status, 404);
    assert(!existsSync(join(server.data, 'blobs', shared.id.slice(7, 9), shared.id.slice(7))));
    const usage = await server.api('GET', '/api/blobs/usage');
    assert.equal(before.bytes - usage.bytes, 2 * 1234);
    assert.equal(before.disk_bytes - usage.disk_bytes, 1234);
    const all = [];
    for (let page = await list('?limit=3'); ; page = await list(`?limit=3&after=${page.next}`)) {
      all.push(...page.blobs);
      if (!page.next) break;
    }
    assert.equal(all.length, usage.blobs);
    assert.deepEqual((await list('?media_type=image/*')).blobs.map((one) => one.name).filter((name) => name === 'frame.jpg'), ['frame.jpg']);
  });

  test('goes when its time is over', async () => {
    const short = file('short', 5000);
    const stored = await put(short, '?keep=1s');
    assert.equal(stored.status, 201, stored.body);
    assert(JSON.parse(stored.body).expires > JSON.parse(stored.body).created);
    await sleep(1100);
    assert.equal((await curl(...admin(), url(`/api/blobs/${short.id}`))).status, 404, 'at once');
    await until(() => !existsSync(join(server.data, 'blobs', short.id.slice(7, 9), short.id.slice(7))), 'the file to go');
    assert((await server.metric('dunlin_blob_expired_total')) >= 1);
  });

  test('stays over a kill in the middle of an upload, and the half is gone', async () => {
    const kept = file('kept', 200_000);
    assert.equal((await put(kept, '?name=kept')).status, 201);
    const half = file('half', 40 * MiB);
    const upload = new Program('curl', ['-sS', ...admin(), '--limit-rate', '20M', '-T', half.path, url('/api/blobs')]);
    const incoming = join(server.data, 'blobs/incoming');
    await until(() => readdirSync(incoming).some((name) => statSync(join(incoming, name)).size > MiB), 'a part of it to come');
    await server.kill9();
    await upload.ended;
    assert.notEqual(readdirSync(incoming).length, 0);
    await server.start();
    assert.equal(readdirSync(incoming).length, 0);
    assert.equal((await curl(...admin(), url(`/api/blobs/${half.id}`))).status, 404);
    assert((await curl(...admin(), url(`/api/blobs/${kept.id}`))).bytes.equals(kept.bytes));
    const again = await put(half);
    assert.equal(again.status, 201, again.body);
    assert.equal((await server.api('GET', '/api/blobs/usage')).max_bytes, 2 ** 40);
  });

  test('takes no memory to speak of on its way', async () => {
    const resident = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))[1]) / 1024;
    const large = join(work, 'zeros');
    closeSync(openSync(large, 'w'));
    truncateSync(large, 300 * MiB);
    const before = resident();
    let most = before;
    const watch = setInterval(() => (most = Math.max(most, resident())), 20);
    const stored = await curl(...admin(), '-T', large, url('/api/blobs'));
    assert.equal(stored.status, 201, stored.body);
    const { code } = await run('curl', ['-sS', '-o', '/dev/null', ...admin(), url(`/api/blobs/${JSON.parse(stored.body).blob}`)]);
    clearInterval(watch);
    assert.equal(code, 0);
    assert(most - before < 60, `${Math.round(most - before)} MiB more for 300 MiB`);
    await server.api('DELETE', `/api/blobs/${JSON.parse(stored.body).blob}`);
  });
});

describe('the command line', () => {
  test('puts, lists, shows, gets, goes on and deletes', async () => {
    const sent = file('bundle.zip', 9 * MiB + 1);
    const { code, stdout, stderr } = await server.cli('blob', 'put', sent.path, '--device', 'press-01', '--keep', '90d');
    assert.equal(code, 0, stderr);
    assert.equal(stdout.trim(), sent.id);
    const { blobs } = await server.cliJson('blob', 'list', '--device', 'press-01');
    assert.equal(blobs[0].name, 'bundle.zip');
    assert.equal(blobs[0].media_type, 'application/zip');
    assert.equal((await server.cliJson('blob', 'show', sent.id)).holders[0].device, 'press-01');
    const out = join(work, 'bundle.out');
    writeFileSync(`${out}.part`, sent.bytes.subarray(0, 5 * MiB + 3));
    const got = await server.cli('blob', 'get', sent.id, '--out', out);
    assert.equal(got.code, 0, got.stderr);
    assert(readFileSync(out).equals(sent.bytes));
    assert(!existsSync(`${out}.part`));
    assert.equal((await server.cli('blob', 'get', sent.id, '--out', out)).code, 1, 'it is there');
    writeFileSync(`${out}.2.part`, 'something else');
    const wrong = await server.cli('blob', 'get', sent.id, '--out', `${out}.2`);
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /not this blob/);
    assert.equal((await server.cliJson('blob', 'delete', sent.id)).removed, 1);
    const gone = await server.cli('blob', 'get', sent.id, '--out', `${out}.3`);
    assert.equal(gone.code, 1);
    assert.match(gone.stderr, /has expired/);
    assert.equal((await server.cli('blob', 'put', join(work, 'no such file'))).code, 1);
  });

  test('backs blobs up, once each, and restores them', async () => {
    const kept = file('in backup', 3 * MiB);
    assert.equal((await put(kept, '?name=backup')).status, 201);
    const folder = join(work, 'backups');
    const first = await server.cliJson('backup', '--to', folder);
    const second = await server.cliJson('backup', '--to', folder);
    assert(second.bytes_written < first.bytes_written / 10, JSON.stringify([first, second]));
    const verified = await run(process.env.DUNLIN_BINARY, ['backup', 'verify', folder]);
    assert.equal(verified.code, 0, verified.stdout + verified.stderr);
    const data = join(work, 'restored');
    const restored = await run(process.env.DUNLIN_BINARY, ['restore', '--from', folder, '--data', data]);
    assert.equal(restored.code, 0, restored.stderr);
    const copy = await start({ data });
    const got = await curl('-H', `Authorization: Bearer ${copy.adminToken}`, url(`/api/blobs/${kept.id}`, copy));
    assert(got.bytes.equals(kept.bytes));
    await copy.stop();
  });
});

describe('limits', () => {
  test('are refused with what they are', async () => {
    const small = await start({ set: ['blobs.max_bytes=100KiB', 'blobs.max_tenant_bytes=250KiB', 'blobs.keep=1h', 'blobs.keep_free=0'] });
    const token = ['-H', `Authorization: Bearer ${small.adminToken}`];
    const send = (source, ...more) => curl(...token, '-T', source.path, ...more, url('/api/blobs', small));
    const large = file('too large', 100 * 1024 + 1);
    assert.equal((await send(large)).status, 413);
    assert.equal((await send(large, '-H', 'Transfer-Encoding: chunked')).status, 413);
    for (const name of ['one', 'two']) {
      const stored = await send(file(name, 100 * 1024));
      assert.equal(stored.status, 201);
      assert(JSON.parse(stored.body).expires, 'kept for an hour by the configuration');
    }
    for (const more of [[], ['-H', 'Transfer-Encoding: chunked']]) {
      const refused = await send(file('three', 60 * 1024), ...more);
      assert.equal(refused.status, 429, refused.body);
      assert.match(refused.body, /blobs.max_tenant_bytes/);
    }
    assert.equal((await send(file('four', 50 * 1024))).status, 201);
    assert.equal(readdirSync(join(small.data, 'blobs/incoming')).length, 0);
    await small.stop();
  });

  test('a full disk', { skip }, async () => {
    const disk = await SmallDisk.mount('96m');
    let full;
    try {
      full = await start({ data: disk.data, set: ['blobs.keep_free=8MiB', 'journal.segment_bytes=1MiB', 'threads.reactors=1'] });
      const token = ['-H', `Authorization: Bearer ${full.adminToken}`];
      const send = (source, ...more) => curl(...token, '-T', source.path, ...more, url('/api/blobs', full));
      const kept = file('before', MiB);
      assert.equal((await send(kept)).status, 201);
      const large = file('no room', 100 * MiB);
      const early = await send(large);
      assert.equal(early.status, 507);
      assert.doesNotMatch(early.all, /100 Continue/, 'refused before it came');
      const late = await send(large, '-H', 'Transfer-Encoding: chunked');
      assert.equal(late.status, 507, late.stderr);
      assert.match(late.body, /room|space/);
      await until(() => readdirSync(`${disk.data}/blobs/incoming`).length === 0, 'the half to go');
      assert((await curl(...token, url(`/api/blobs/${kept.id}`, full))).bytes.equals(kept.bytes));
      disk.fill();
      assert.equal((await send(file('tiny', 10))).status, 507);
      disk.clear();
      assert.equal((await send(file('tiny', 10))).status, 201);
    } finally {
      await full?.stop();
      await disk.unmount();
    }
  });
});
