import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as format from '../src/lib/format.ts';
import { groupThings, matches } from '../src/lib/search.ts';

test('values keep about four digits', () => {
  const cases: [number, string][] = [
    [0, '0'],
    [21.456, '21.46'],
    [-3.14159, '−3.14'],
    [0.12345, '0.123'],
    [123.456, '123.5'],
    [12345.678, '12,346'],
    [1e12, '1.00e+12'],
    [0.00001, '1.00e−5'],
    [NaN, '–'],
    [Infinity, '∞'],
    [42, '42'],
  ];
  for (const [value, text] of cases) assert.equal(format.formatValue(value), text);
});

test('bytes are in the unit that fits', () => {
  assert.deepEqual([0, 1023, 1024, 1536, 150_000, 5 * 1024 ** 3, 3e15].map(format.formatBytes), [
    '0 B',
    '1023 B',
    '1.0 KiB',
    '1.5 KiB',
    '146 KiB',
    '5.0 GiB',
    '2728 TiB',
  ]);
});

test('ages and durations are short', () => {
  assert.deepEqual([-5, 1500, 12_000, 300_000, 7.3e6, 2e8].map(format.formatAge), [
    'now',
    'now',
    '12 s',
    '5 min',
    '2 h',
    '2 d',
  ]);
  assert.equal(format.formatAge(NaN), '–');
  assert.deepEqual([0, 59, 302, 11_520, 183_600, 86_400].map(format.formatDuration), [
    '0 s',
    '59 s',
    '5 min 2 s',
    '3 h 12 min',
    '2 d 3 h',
    '1 d',
  ]);
});

test('units of SenML become labels', () => {
  assert.equal(format.unitLabel('Cel'), '°C');
  assert.equal(format.unitLabel('m/s2'), 'm/s²');
  assert.equal(format.unitLabel('V'), 'V');
});

test('a channel is named by its last part', () => {
  assert.deepEqual(format.channelParts('motor/bearing_left'), ['bearing left', 'motor']);
  assert.deepEqual(format.channelParts('temperature'), ['temperature', '']);
  assert.deepEqual(format.channelParts('a/b/c.mean'), ['c.mean', 'a/b']);
});

test('times come as ms or as ISO text', () => {
  assert.equal(format.toMs(5), 5);
  assert.equal(format.toMs('2026-01-01T00:00:00Z'), 1767225600000);
  assert.ok(Number.isNaN(format.toMs(null)));
});

test('a password needs length, some variety and its repetition', () => {
  assert.equal(format.passwordProblem('short', 'short'), 'short');
  assert.equal(format.passwordProblem('aaaaaaaaaaaaaa', 'aaaaaaaaaaaaaa'), 'plain');
  assert.equal(format.passwordProblem('a calm sea at dawn', 'a calm sea'), 'differs');
  assert.equal(format.passwordProblem('a calm sea at dawn', 'a calm sea at dawn'), undefined);
});

test('a search needs every word somewhere', () => {
  const thing = { name: 'press-01', type: 'machine', attributes: { site: 'plant1', rack: 7 } };
  assert.ok(matches(thing, 'PRESS plant'));
  assert.ok(matches(thing, '  '));
  assert.ok(!matches(thing, 'press plant2'));
});

test('things group by site and type in natural order', () => {
  const groups = groupThings([
    { name: 'm-10', type: 'machine', attributes: { site: 'b' } },
    { name: 'm-2', type: 'machine', attributes: { site: 'b' } },
    { name: 'x', type: 'machine' },
    { name: 'c', type: 'camera', attributes: { site: 'b' } },
  ]);
  assert.deepEqual(
    groups.map((g) => [g.site, g.type, g.items.map((i) => i.name)]),
    [
      ['b', 'camera', ['c']],
      ['b', 'machine', ['m-2', 'm-10']],
      ['', 'machine', ['x']],
    ],
  );
});
