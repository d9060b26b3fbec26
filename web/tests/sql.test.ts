import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ColumnType, QueryAnswer } from '../src/api_series.ts';
import { countSql, faultOf, plotOf, sqlName, tablesOf } from '../src/lib/sql.ts';
import type { Json } from '../src/lib/shadow.ts';

const answer = (columns: [string, ColumnType][], rows: Json[][]): QueryAnswer => ({
  columns: columns.map(([name, type]) => ({ name, type })),
  rows,
  truncated: false,
  points_read: 0,
  chunks_by_summary: 0,
  parts_by_rollup: 0,
  parts_left_out: 0,
});

test('the place of an error is found in the text', () => {
  const sql = 'SELECT a\nFROM nowhere';
  assert.deepEqual(faultOf(sql, 'line 2, column 6: there is no table'), { line: 2, text: 'FROM nowhere', at: 5, offset: 14 });
  assert.equal(faultOf(sql, 'the query took too long'), undefined);
  assert.equal(faultOf(sql, 'line 9, column 1: of another text'), undefined);
});

test('columns are bytes of UTF-8', () => {
  const sql = "SELECT 'Öl😀' x y FROM points";
  const column = Buffer.byteLength("SELECT 'Öl😀' x ") + 1;
  assert.equal(faultOf(sql, `line 1, column ${column}: expected FROM`)?.offset, sql.indexOf('y FROM'));
});

test('names are put in quotes where they are no plain words', () => {
  assert.equal(sqlName('motor_temperature'), 'motor_temperature');
  assert.equal(sqlName('motor/temperature'), '"motor/temperature"');
  assert.equal(sqlName('a"b'), '"a""b"');
});

test('tables come from the names of channels', () => {
  assert.deepEqual(tablesOf(['temperature', 'readings/velocity', 'readings.fuel', 'diagnostics/status']), [
    'diagnostics',
    'points',
    'readings',
    'samples',
    'things',
  ]);
  assert.deepEqual(tablesOf([]), ['samples', 'things']);
});

test('an answer is drawn where its first column is a time', () => {
  const plot = plotOf(
    answer(
      [['t', 'time'], ['a', 'number'], ['n', 'integer']],
      [['2026-01-01T00:01:00Z', 2, 20], ['2026-01-01T00:00:00Z', null, 10], ['2026-01-01T00:02:00Z', 3, 30]],
    ),
  );
  const begin = Date.UTC(2026, 0, 1);
  assert.deepEqual([plot?.from, plot?.to, plot?.left], [begin, begin + 120_000, 0]);
  assert.deepEqual(plot?.lines.map(({ name, line }) => [name, line.value]), [['a', [null, 2, 3]], ['n', [10, 20, 30]]]);
  assert.deepEqual(plot?.lines[0]?.line.time, [begin / 1000, begin / 1000 + 60, begin / 1000 + 120]);
});

test('texts beside the numbers make lines of their own', () => {
  const rows = ['b', 'a'].flatMap((device) => [['2026-01-01T00:00:00Z', device, 1], ['2026-01-01T00:01:00Z', device, 2]]);
  const plot = plotOf(answer([['t', 'time'], ['device', 'text'], ['v', 'number']], rows));
  assert.deepEqual(plot?.lines.map(({ name }) => name), ['b', 'a']);
  const many = Array.from({ length: 15 }, (_, i) => [`2026-01-01T00:00:${String(i).padStart(2, '0')}Z`, `d${i}`, i]);
  const cut = plotOf(answer([['t', 'time'], ['device', 'text'], ['v', 'number']], many));
  assert.deepEqual([cut?.lines.length, cut?.left], [12, 3]);
});

test('nothing is drawn of one moment, without numbers, or without a time', () => {
  assert.equal(plotOf(answer([['t', 'time'], ['v', 'number']], [['2026-01-01T00:00:00Z', 1]])), undefined);
  assert.equal(plotOf(answer([['t', 'time'], ['v', 'text']], [['2026-01-01T00:00:00Z', 'x'], ['2026-01-01T00:01:00Z', 'y']])), undefined);
  assert.equal(plotOf(answer([['device', 'text'], ['v', 'number']], [['a', 1], ['b', 2]])), undefined);
  assert.equal(plotOf(answer([['t', 'time'], ['v', 'number']], [])), undefined);
});

test('what a deletion would take is asked with the names as texts', () => {
  assert.equal(countSql({ device: "o'neil" }), "SELECT count(*) FROM samples WHERE device = 'o''neil'");
  assert.equal(
    countSql({ device: 'd', channel: 'c', from: 0, to: 1000 }),
    "SELECT count(*) FROM samples WHERE device = 'd' AND channel = 'c' AND time >= '1970-01-01T00:00:00.000Z' AND time < '1970-01-01T00:00:01.000Z'",
  );
});
