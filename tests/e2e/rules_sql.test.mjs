// The rules' SQL as people test their rules with it: `dunlin rule eval`, without a server.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { run } from './lib/program.mjs';
import { binary, temporaryFile } from './lib/server.mjs';

const samples = JSON.parse(readFileSync(new URL('../../src/service/rules/testdata/rules_sample.json', import.meta.url))).cases;

/** The answers to lines on the standard input, and the exit status. */
function evaluate(text) {
  return new Promise((resolve, reject) => {
    const child = spawn(binary, ['rule', 'eval'], { stdio: ['pipe', 'pipe', 'inherit'] });
    let out = '';
    child.stdout.on('data', (piece) => (out += piece));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, lines: out.split('\n').filter(Boolean).map((line) => JSON.parse(line)), out }));
    child.stdin.on('error', () => {});  // it may end before it has read all
    child.stdin.end(text);
  });
}
const lines = (cases) => cases.map((one) => JSON.stringify(one)).join('\n') + '\n';
const first = async (one) => (await evaluate(lines([one]))).lines[0];

/** Equal by value: numbers within 1e-9 of their size. */
function same(a, b) {
  if (typeof a === 'number' && typeof b === 'number') return Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a), Math.abs(b));
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return a === b;
  const keys = Object.keys(a);
  return Array.isArray(a) === Array.isArray(b) && keys.length === Object.keys(b).length && keys.every((key) => key in b && same(a[key], b[key]));
}

describe('the sample cases', async () => {
  const { code, lines: answers } = await evaluate(lines(samples));
  test('each line has its answer, in order', () => {
    assert.equal(code, 0);
    assert.deepEqual(answers.map((answer) => answer.id), samples.map((sample) => sample.id));
  });
  for (const [i, { id, sql, template, expect }] of samples.entries()) {
    test(`${id}: ${sql ?? template}`, () => {
      const { id: answered, ...rest } = answers[i] ?? {};
      assert.equal(answered, id);
      assert(same(rest, expect), `${JSON.stringify(rest)} is not ${JSON.stringify(expect)}`);
    });
  }
});

describe('what a line may be', () => {
  test('a payload that is not JSON passes as it is', async () => {
    assert.deepEqual(await first({ id: 1, sql: "SELECT * FROM 'a'", topic: 'a', payload_raw: 'no json' }), { id: 1, fired: true, output: 'no json' });
    assert.deepEqual(await first({ sql: "SELECT encode(*, 'base64') AS raw FROM 'a'", topic: 'a', payload_raw: 'no json' }), { fired: true, output: { raw: 'bm8ganNvbg==' } });
  });
  test('a statement that does not compile says where and what was meant', async () => {
    const { id, error } = await first({ id: 'x', sql: "SELECT a,\n  uper(b) AS c FROM 'a'", topic: 'a', payload: {} });
    assert.equal(id, 'x');
    assert.equal(error, 'there is no function "uper" at line 2, column 3; did you mean "upper"?');
  });
  test('the context reaches the functions', async () => {
    assert.deepEqual(await first({ sql: "SELECT clientid() AS c, topic(2) AS t FROM '#'", topic: 'a/b', payload: {}, client_id: 'press-01' }), { fired: true, output: { c: 'press-01', t: 'b' } });
    assert.deepEqual(await first({ sql: "SELECT clientid() AS c FROM 'a'", topic: 'a', payload: {} }), { fired: true, output: { c: 'n/a' } });
  });
  test('a message that names its rule is seen by that rule alone', async () => {
    const given = { sql: 'SELECT topic() AS t', topic: '$aws/rules/mine/a/b', payload: {}, rule_name: 'mine' };
    assert.deepEqual(await first(given), { fired: true, output: { t: 'a/b' } });
    assert.deepEqual(await first({ ...given, rule_name: 'other' }), { fired: false });
  });
  test('VALUE alone that is Undefined is the empty text', async () => {
    assert.deepEqual(await first({ sql: "SELECT VALUE missing FROM 'a'", topic: 'a', payload: {} }), { fired: true, output: '' });
  });
  test('digits are kept', async () => {
    const { out } = await evaluate('{"sql":"SELECT n, n + 1 AS m FROM \'a\'","topic":"a","payload":{"n":1234567890123456789012345678901234}}\n');
    assert.equal(out, '{"fired":true,"output":{"n":1234567890123456789012345678901234,"m":1234567890123456789012345678901235}}\n');
  });
  test('a file instead of the standard input', async () => {
    const file = temporaryFile('cases.jsonl', lines(samples.slice(0, 3)));
    const { code, stdout } = await run(binary, ['rule', 'eval', file]);
    assert.deepEqual([code, stdout.trim().split('\n').length], [0, 3]);
    const missing = await run(binary, ['rule', 'eval', file + '.none']);
    assert.notEqual(missing.code, 0);
    assert.match(missing.stderr, /cases\.jsonl\.none/);
  });
});

describe('what is refused or stopped', () => {
  test('lines that are no cases', async () => {
    const { code, lines: answers } = await evaluate('nonsense\n[1]\n{"id":7}\n{"id":8,"sql":5}\n' + 'x'.repeat(2 ** 21) + '\n\n{"id":9,"template":"${1 + 1}"}\n');
    assert.equal(code, 1);
    assert.deepEqual(answers.map((answer) => answer.id), [undefined, undefined, 7, 8, undefined, 9]);
    assert.equal(answers.filter((answer) => 'error' in answer).length, 5);
    assert.deepEqual(answers[5], { id: 9, string: '2' });
  });
  test('hostile statements end at once, with a reason', async () => {
    const doubled = (times) => 'SET @v0 = [1, 1]' + Array.from({ length: times }, (_, i) => `, @v${i + 1} = [@v${i}, @v${i}]`).join('') + ` SELECT VALUE @v${times} FROM 'a'`;
    const hostile = [
      `SELECT ${'('.repeat(10_000)}1${')'.repeat(10_000)} AS a FROM 'a'`,
      `SELECT ${'NOT '.repeat(5000)}a AS a FROM 'a'`,
      `SELECT 1${' + 1'.repeat(5000)} AS a FROM 'a'`,
      doubled(60),
      doubled(60).replace('SELECT VALUE @v60', 'SELECT VALUE @v60 = @v60'),
      `SET @a = [1,2,3,4,5,6,7,8,9] SELECT VALUE ${'(SELECT VALUE '.repeat(20)}1${' FROM @a)'.repeat(20)} FROM 'a'`,
    ];
    const before = Date.now();
    for (const [i, sql] of hostile.entries()) {
      const answer = await first({ id: i, sql, topic: 'a', payload: {} });
      assert.match(answer.error ?? '', /nested|more than|longer|steps/, `${i}: ${JSON.stringify(answer).slice(0, 200)}`);
    }
    assert(Date.now() - before < 60_000);
  });
  test('functions that ask another system', async () => {
    const { error } = await first({ sql: "SELECT get_thing_shadow('t', 'r').state AS s FROM 'a'", topic: 'a', payload: {} });
    assert.match(error, /get_thing_shadow at line 1, column 8 asks another system/);
  });
});
