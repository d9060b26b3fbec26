import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_SPAN, MIN_SPAN, moved, windowOfKey, zoomed } from '../src/lib/zoom.ts';

const NOW = Date.UTC(2026, 0, 1);
const HOUR = 3_600_000;

test('the time under the pointer stays where it is', () => {
  const [from, to] = zoomed([NOW - 4 * HOUR, NOW], 0.5, 0.25, NOW);
  assert.equal(to - from, 2 * HOUR);
  assert.equal(from + 0.25 * (to - from), NOW - 3 * HOUR);
});

test('a window has at least a minute and at most ten years, and ends now at the latest', () => {
  const close = zoomed([NOW - 2 * MIN_SPAN, NOW], 0.01, 0.5, NOW);
  assert.equal(close[1] - close[0], MIN_SPAN);
  const far = zoomed([NOW - HOUR, NOW], 1e9, 0.5, NOW);
  assert.deepEqual(far, [NOW - MAX_SPAN, NOW]);
  assert.deepEqual(moved([NOW - HOUR, NOW - HOUR / 8], 0.5, NOW), [NOW - (7 * HOUR) / 8, NOW]);
});

test('keys zoom and move, others do nothing', () => {
  const window = [NOW - 8 * HOUR, NOW - 4 * HOUR] as const;
  assert.deepEqual(windowOfKey('+', window, NOW), [NOW - 7 * HOUR, NOW - 5 * HOUR]);
  assert.deepEqual(windowOfKey('-', window, NOW), [NOW - 10 * HOUR, NOW - 2 * HOUR]);
  assert.deepEqual(windowOfKey('ArrowLeft', window, NOW), [NOW - 9 * HOUR, NOW - 5 * HOUR]);
  assert.deepEqual(windowOfKey('ArrowRight', window, NOW), [NOW - 7 * HOUR, NOW - 3 * HOUR]);
  assert.equal(windowOfKey('x', window, NOW), undefined);
});
