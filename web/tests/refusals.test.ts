import assert from 'node:assert/strict';
import { test } from 'node:test';
import { barsOf, groupOf, groupPath, GROUPS, roundUp, sumOf } from '../src/lib/refusals.ts';

const END = Date.parse('2026-01-31T12:00:05Z');
const history = (from: string, kinds: Record<string, number[]>) => ({ step_seconds: 10, from, kinds });

test('bars end now, are aligned to their width and lose nothing that is in the window', () => {
  const bars = barsOf(history('2026-01-31T11:59:00Z', { password: [1, 0, 2, 0, 0, 4, 8], jwt: [0, 0, 0, 0, 0, 0, 16] }), END, 4, 3);
  assert.equal(bars.stepMs, 30_000);
  assert.equal(new Date(bars.from).toISOString(), '2026-01-31T11:58:30.000Z');
  const credentials = GROUPS.indexOf('credentials');
  assert.deepEqual(bars.bars.map((bar) => bar[credentials]), [0, 3, 4, 24]);
  assert.equal(bars.most, 24);
});

test('what is older than the window is left out, and nothing is nothing', () => {
  const bars = barsOf(history('2026-01-31T11:00:00Z', { password: [5] }), END, 4, 3);
  assert.equal(bars.most, 0);
  assert.deepEqual(barsOf({ step_seconds: 10, kinds: {} }, END, 2, 1).bars, [GROUPS.map(() => 0), GROUPS.map(() => 0)]);
});

test('groups are stacked', () => {
  const bars = barsOf(history('2026-01-31T12:00:00Z', { connection_rate: [1], tls_failed: [3], password: [6] }), END, 1, 1);
  assert.equal(groupPath(bars, GROUPS.indexOf('connections'), 10), 'M0.1 90.00h0.8v10.00h-0.8z');
  assert.equal(groupPath(bars, GROUPS.indexOf('tls'), 10), 'M0.1 60.00h0.8v30.00h-0.8z');
  assert.equal(groupPath(bars, GROUPS.indexOf('credentials'), 10), 'M0.1 0.00h0.8v60.00h-0.8z');
  assert.equal(groupPath(bars, GROUPS.indexOf('rights'), 10), '');
});

test('kinds of a newer server have a place, and numbers are rounded up', () => {
  assert.equal(groupOf('quantum'), 'connections');
  assert.equal(groupOf('tamper'), 'devices');
  assert.deepEqual([0, 1, 3, 11, 500, 501].map(roundUp), [1, 1, 5, 20, 500, 1000]);
  assert.equal(sumOf([1, 2, 3]), 6);
  assert.equal(sumOf(undefined), 0);
});
