// The audit log: what is recorded, that it verifies after changes and kills, and that tampering with the database or with an
// exported file is named. The database is changed with Python's sqlite3 while the server is down.
import assert from 'node:assert/strict';
import { cpSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connect, disconnectAll } from './lib/mqtt.mjs';
import { run, sleep, until } from './lib/program.mjs';
import { binary, start, temporaryFolder } from './lib/server.mjs';

const PASSWORD = 'six plain words are enough here';
let server;

before(async () => {
  server = await start();
});
after(disconnectAll);

const list = async (...filter) => (await server.cliJson('audit', 'list', '--limit', '1000', ...filter)).records;
const found = async (filter, wanted) => {
  const records = await list(...filter);
  const record = records.find((one) => Object.entries(wanted).every(([key, value]) => (value instanceof RegExp ? value.test(one[key]) : one[key] === value)));
  assert(record, `${JSON.stringify(wanted)} is not among ${JSON.stringify(records.slice(0, 5))}`);
  return record;
};
const holds = async () => {
  const { code, stdout, stderr } = await server.cli('audit', 'verify');
  assert.equal(code, 0, stderr);
  assert.match(stdout, /the audit log holds/);
};

/** Runs statements on the database of a folder whose server is down. */
async function sql(data, ...statements) {
  const script = `
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
for statement in sys.argv[2:]:
    db.execute(statement)
db.commit()
`;
  const { code, stderr } = await run('python3', ['-c', script, join(data, 'records.sqlite'), ...statements]);
  assert.equal(code, 0, stderr);
}
const AUDIT = 8; // store::DocumentKind
const where = (sequence) => `kind=${AUDIT} AND id=CAST('c${String(sequence).padStart(20, '0')}' AS BLOB)`;

describe('what is recorded', () => {
  test('changes of people, with who, how and from where', async () => {
    await server.thing('press-01');
    await server.api('PATCH', '/api/things/press-01', { state: 'disabled' });
    await server.api('POST', '/api/users', { name: 'bob', password: PASSWORD, permissions: ['things:read'] });
    await server.api('PUT', '/api/rules/hot', { sql: "SELECT * FROM 'demo/#'", actions: [] }).catch(() => {});
    await server.api('PATCH', '/api/things/press-01/shadow', { state: { desired: { speed: 3 } } });
    await server.api('POST', '/api/system/drain', { seconds: 0 });
    await server.api('POST', '/api/system/resume', {});
    const admin = { actor: 'local-admin', proof: 'token', outcome: 'ok', address: /^127\.0\.0\.1/ };
    await found([], { ...admin, action: 'thing.create', object: 'press-01' });
    await found([], { ...admin, action: 'thing.update', object: 'press-01', detail: 'state disabled' });
    await found([], { ...admin, action: 'token.create', detail: 'of device:press-01' });
    await found([], { ...admin, action: 'user.create', object: 'bob' });
    await found([], { ...admin, action: 'shadow.update', object: 'press-01', detail: 'with state' });
    await found([], { ...admin, action: 'system.drain', object: 'system', detail: 'with seconds' });
    await found([], { ...admin, action: 'system.resume' });
    const issued = await server.certificate('press-01');
    await server.cliJson('cert', 'revoke', issued.fingerprint);
    await found(['--action', 'certificate.'], { action: 'certificate.issue', object: issued.fingerprint });
    await found(['--object', issued.fingerprint], { action: 'certificate.revoke' });
    assert(!JSON.stringify(await list()).includes(PASSWORD));
    await holds();
  });

  test('sign-ins, failures and what somebody may not do; repetitions are summed up', async () => {
    const signIn = (password) => server.request('POST', '/api/session', { body: { user: 'bob', password }, csrf: true });
    const session = await signIn(PASSWORD);
    const cookie = session.headers['set-cookie'][0].split(';')[0];
    await found(['--actor', 'bob'], { action: 'session.login', outcome: 'ok', proof: 'password', address: /127\.0\.0\.1/ });
    for (let i = 0; i < 30; ++i) await signIn('not this');
    const failures = (await list('--action', 'session.login')).filter((one) => one.outcome === 'failed');
    assert.equal(failures.length, 1, 'the others are one record at the end of the minute');
    for (let i = 0; i < 20; ++i) {
      const { status } = await server.request('DELETE', '/api/users/bob', { cookie, csrf: true });
      assert.equal(status, 403);
    }
    const denied = (await list('--actor', 'bob')).filter((one) => one.outcome === 'denied');
    assert.equal(denied.length, 1);
    assert.deepEqual([denied[0].action, denied[0].object, denied[0].proof], ['user.delete', 'bob', 'session']);
    await server.request('DELETE', '/api/session', { cookie, csrf: true });
    await found(['--actor', 'bob'], { action: 'session.logout', proof: 'session' });
    // A stop stores what was counted.
    await server.stop();
    await server.start();
    const total = (records) => records.reduce((sum, one) => sum + one.count, 0);
    const sums = (await list('--action', 'session.login')).filter((one) => one.outcome === 'failed');
    assert.equal(total(sums), 30);
    assert(sums.length <= 4, `${sums.length} records`);
    assert.equal(total(await list('--action', 'user.delete')), 20);
    await holds();
  });

  test('the permission to read it is needed, and pages go on', async () => {
    const { token } = await server.api('POST', '/api/tokens', { owner: 'bob', permissions: ['things:read'] });
    const refused = await server.request('GET', '/api/audit', { token });
    assert.equal(refused.status, 403);
    assert.match(refused.text, /audit:read/);
    const seen = [];
    for (let page = {}; seen.length === 0 || page.next; ) {
      page = await server.api('GET', `/api/audit?limit=4${page.next ? `&before=${page.next}` : ''}`);
      seen.push(...page.records.map((one) => one.sequence));
    }
    assert.deepEqual(seen, Array.from({ length: seen.length }, (_, i) => seen.length - i));
    assert.equal((await server.request('GET', '/api/audit?from=yesterday', { token: server.adminToken })).status, 400);
  });
});

describe('a long log', () => {
  const RECORDS = 3000;
  const WRITERS = 16;
  let begin;
  let middle;
  before(async () => {
    await Promise.all(Array.from({ length: WRITERS }, (_, i) => server.api('POST', '/api/things', { name: `busy-${i}` })));
    begin = new Date().toISOString();
    let left = RECORDS;
    const change = async (_, writer) => {
      while (left > 0) {
        if (--left === RECORDS / 2) middle = new Date().toISOString();
        await server.api('PATCH', `/api/things/busy-${writer}`, { attributes: { round: String(left) } });
      }
    };
    await Promise.all(Array.from({ length: WRITERS }, change));
  });

  test('is verified in the background, and how far that is can be seen', async () => {
    const begun = await server.api('POST', '/api/audit/verify', {});
    assert.equal(begun.state, 'running');
    assert.equal(begun.ok, undefined);
    const joined = await server.api('POST', '/api/audit/verify', {});
    assert.equal(joined.state, 'running');
    const seen = [];
    const last = await until(
      async () => {
        const now = await server.api('GET', '/api/audit/verify');
        seen.push(now.checked);
        return now.state === 'done' && now;
      },
      'the end of the verification',
      { interval: 5 },
    );
    assert.deepEqual(seen, seen.toSorted((a, b) => a - b));
    assert(last.ok && last.records > RECORDS && last.checked === last.records && last.of > RECORDS, JSON.stringify(last));
    assert.match(last.hash, /^[0-9a-f]{64}$/);
    assert(last.ended_at >= last.began_at);
    await holds();
  });

  test('is read by time, and its pages stay the same while new records come', async () => {
    const rows = async (query) => {
      const all = [];
      for (let page = {}, first = true; first || page.next; first = false) {
        page = await server.api('GET', `/api/audit?action=thing.update&${query}&limit=400${page.next ? `&before=${page.next}` : ''}`);
        all.push(...page.records);
        await server.api('PATCH', '/api/things/busy-0', { attributes: { round: 'new' } });
      }
      return all;
    };
    const end = new Date(Date.now() + 1).toISOString();
    for (let again = 0; again < 2; ++again) {
      const behind = await rows(`from=${middle}&until=${end}`);
      const ahead = await rows(`from=${begin}&until=${middle}`);
      assert.equal(behind.length + ahead.length, RECORDS);
      assert(behind.length > 0 && ahead.length > 0);
      assert(behind.every(({ at }) => at >= middle) && ahead.every(({ at }) => at < middle));
      const numbers = [...behind, ...ahead].map(({ sequence }) => sequence);
      assert.equal(new Set(numbers).size, numbers.length);
    }
    const none = await server.cliJson('audit', 'list', '--from', end, '--until', end);
    assert.deepEqual(none.records, []);
    for (const query of ['from=yesterday', 'limit=0', 'limit=1001', 'before=0', 'before=x'])
      assert.equal((await server.request('GET', `/api/audit?${query}`, { token: server.adminToken })).status, 400, query);
  });
});

describe('an exported log', () => {
  test('is verified without a server, and a changed line is named', async () => {
    const file = join(temporaryFolder('audit'), 'audit.jsonl');
    const out = await server.cli('audit', 'export', '--out', file);
    assert.equal(out.code, 0, out.stderr);
    const verify = (...more) => run(binary, ['audit', 'verify', '--file', file, ...more]);
    const key = join(server.data, 'audit.key');
    assert.equal(statSync(key).mode & 0o777, 0o600);
    const good = await verify('--key', key);
    assert.equal(good.code, 0, good.stderr);
    assert.match(good.stdout, /the audit log holds: \d+ records, 1 to \d+/);
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    const again = await server.cli('audit', 'export', '--through', String(lines.length - 2));
    assert.equal(again.stdout, lines.slice(0, -2).map((line) => `${line}\n`).join(''), 'the same range is the same lines');
    const at = lines.findIndex((line, i) => i > 3 && line.includes('local-admin'));
    const number = at + 1;
    const cases = [
      [lines.with(at, lines[at].replace('local-admin', 'local-admen')), `line ${number}: record ${number} was changed`],
      [lines.toSpliced(at, 1), `line ${number}: record ${number} is missing before record ${number + 1}`],
      [lines.with(at, lines[at + 1]).with(at + 1, lines[at]), `record ${number} is missing before record ${number + 1}`],
      [lines.toSpliced(lines.length - 2, 1), 'is missing at the end'],
      [lines.toSpliced(at, 0, lines[at - 1]), `record ${number - 1} is out of its place`],
    ];
    for (const [changed, why] of cases) {
      writeFileSync(file, changed.join('\n'));
      const { code, stderr } = await verify();
      assert.equal(code, 1, why);
      assert(stderr.includes(why), stderr);
    }
    writeFileSync(file, lines.with(-1, lines.at(-1).replace(/"signature":"..../, '"signature":"0000')).join('\n'));
    assert.equal((await verify()).code, 0);
    assert.match((await verify('--key', key)).stderr, /the head is not signed with this key/);
    writeFileSync(file, 'x'.repeat(100_000));
    assert.match((await verify()).stderr, /too long/);
  });
});

describe('a database that somebody has changed', () => {
  const cases = {
    'an edited record': [[`UPDATE documents SET body=replace(body, 'local-admin', 'local-admen') WHERE ${where(3)}`], /record 3 was changed/],
    'a removed record': [[`DELETE FROM documents WHERE ${where(5)}`], /record 5 is missing before record 6/],
    'two swapped records': [
      [
        `CREATE TEMP TABLE two AS SELECT id, body FROM documents WHERE ${where(3)} OR ${where(4)}`,
        `UPDATE documents SET body=(SELECT body FROM two WHERE two.id<>documents.id) WHERE ${where(3)} OR ${where(4)}`,
      ],
      /record 3 is not what is stored in its place: there is record 4/,
    ],
    'an inserted record': [
      [`INSERT INTO documents SELECT kind, tenant, CAST(id||'x' AS BLOB), version, fields, body FROM documents WHERE ${where(3)}`],
      /record 4 is not what is stored in its place: there is record 3/,
    ],
    'a log whose end is cut off': [
      [`DELETE FROM documents WHERE kind=${AUDIT} AND id IN (SELECT id FROM documents WHERE kind=${AUDIT} AND id<CAST('d' AS BLOB) ORDER BY id DESC LIMIT 2)`],
      /are missing before record \d+|the last one, is missing/,
    ],
    'a log that was emptied': [[`DELETE FROM documents WHERE kind=${AUDIT}`], /the head of the log is missing/],
    'a head that is not signed': [
      [`UPDATE documents SET body=replace(body, '"before":0', '"before":9') WHERE kind=${AUDIT} AND id=CAST('head' AS BLOB)`],
      /the head of the log was changed/,
    ],
  };
  let original;
  before(async () => {
    await server.stop();
    original = temporaryFolder('audit-original');
    cpSync(server.data, original, { recursive: true });
  });
  for (const [what, [statements, why]] of Object.entries(cases)) {
    test(`${what} is named`, async () => {
      const data = temporaryFolder('audit-case');
      cpSync(original, data, { recursive: true });
      await sql(data, ...statements);
      server = await start({ data });
      const { code, stderr } = await server.cli('audit', 'verify');
      assert.equal(code, 1, 'it should not hold');
      assert.match(stderr, why);
      assert.equal(await server.metric('dunlin_audit_verified_problems'), 1);
      // It goes on recording, and a restart does not make it whole.
      await server.api('POST', '/api/things', { name: 'after-it' });
      await server.stop();
      await server.start();
      assert.equal((await server.cli('audit', 'verify')).code, 1);
      await server.stop();
    });
  }
  test('the untouched one holds', async () => {
    server = await start({ data: original });
    await holds();
  });
});

test('killed in the middle of many changes, every time the log holds and no acknowledged change lacks its record', async () => {
  const acknowledged = [];
  for (let life = 0; life < 4; ++life) {
    let going = true;
    const writers = Array.from({ length: 8 }, async (_, writer) => {
      for (let i = 0; going; ++i) {
        const name = `kill-${life}-${writer}-${i}`;
        const answer = await server.request('POST', '/api/things', { token: server.adminToken, body: { name } }).catch(() => null);
        if (answer?.status !== 200 && answer?.status !== 201) return;
        acknowledged.push(name);
      }
    });
    const before = acknowledged.length;
    await until(() => acknowledged.length > before + 20, 'changes');
    await sleep(37 * life);
    await server.kill9();
    going = false;
    await Promise.all(writers);
    await server.start();
    await holds();
  }
  const recorded = new Set();
  for (let page = {}, first = true; first || page.next; first = false) {
    page = await server.api('GET', `/api/audit?action=thing.create&limit=1000${page.next ? `&before=${page.next}` : ''}`);
    for (const { object } of page.records) recorded.add(object);
  }
  assert.deepEqual(acknowledged.filter((name) => !recorded.has(name)), []);
  assert(acknowledged.length > 80);
  const person = await connect(server, { name: 'bob', password: PASSWORD }, { clientId: 'user-x' });
  person.end(true);
  await until(async () => (await list('--actor', 'bob')).some((one) => one.detail === 'by MQTT'), 'the sign-in by MQTT');
});

test('past audit.max_records the oldest go, and the rest holds', async () => {
  await server.stop();
  server.options.set.push('audit.max_records=100');
  await server.start();
  await until(async () => (await list('--action', 'audit.expire')).length > 0, 'the removal', { timeout: 90_000, interval: 1000 });
  await until(async () => (await server.cliJson('audit', 'list', '--limit', '1000')).records.length <= 110, 'the limit', { interval: 500 });
  await holds();
  const oldest = (await server.cliJson('audit', 'list', '--limit', '1000')).records.at(-1).sequence;
  assert(oldest > 1);
  assert(await server.metric('dunlin_audit_records_expired_total') > 0);
});
