// The band of the past and what has grown behind it are one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { joined } from '../src/state/expectations.ts';

const band = (time: number[]) => ({ monitor: 'odd', channel: 'heat', time, low: time.map((t) => t - 1), high: time.map((t) => t + 1) });

test('the past is continued by what is newer', () => {
  assert.deepEqual(joined(undefined, band([5, 6])).time, [5, 6]);
  const both = joined(band([1, 2, 5]), band([4, 5, 6, 7]));
  assert.deepEqual(both.time, [1, 2, 5, 6, 7]);
  assert.deepEqual(both.low, [0, 1, 4, 5, 6]);
  assert.deepEqual(both.high, [2, 3, 6, 7, 8]);
  assert.deepEqual(joined(band([9]), band([4, 5])).time, [9]);
});
