import assert from 'node:assert/strict';
import { test } from 'node:test';
import { appendLive, lineOf, sparkPath, summarize, trimBefore } from '../src/live/chart_data.ts';
import { freshness, SeriesRing } from '../src/live/ring.ts';
import { SeriesStore } from '../src/live/series_store.ts';

test('a ring keeps the newest samples in order', () => {
  const ring = new SeriesRing(3);
  for (let i = 1; i <= 5; i++) assert.ok(ring.push(i * 100, i));
  assert.deepEqual(ring.toArrays(), { time: [300, 400, 500], value: [3, 4, 5] });
  assert.deepEqual(ring.toArrays(400), { time: [400, 500], value: [4, 5] });
  assert.equal(ring.lastTime, 500);
  assert.equal(ring.lastValue, 5);
  assert.equal(ring.size, 3);
});

test('a ring ignores older samples and replaces one of equal time', () => {
  const ring = new SeriesRing(4);
  ring.push(100, 1);
  assert.equal(ring.push(50, 9), false);
  assert.equal(ring.push(NaN, 9), false);
  assert.ok(ring.push(100, 2));
  assert.deepEqual(ring.toArrays(), { time: [100], value: [2] });
});

test('an empty ring has no last sample', () => {
  const ring = new SeriesRing(2);
  assert.ok(Number.isNaN(ring.lastTime));
  assert.ok(Number.isNaN(ring.lastValue));
  assert.throws(() => new SeriesRing(0), RangeError);
});

test('history goes before live samples and gives way to them', () => {
  const ring = new SeriesRing(4);
  ring.push(1000, 10);
  ring.push(1100, 11);
  ring.prepend([700, 800, 900, 1000, 1050], [7, 8, 9, -1, -1]);
  assert.deepEqual(ring.toArrays(), { time: [800, 900, 1000, 1100], value: [8, 9, 10, 11] });
});

test('a series is stale after three times its usual interval', () => {
  const ring = new SeriesRing(16);
  for (let i = 0; i < 16; i++) ring.push(i * 10_000, 0);
  assert.equal(ring.usualInterval, 10_000);
  assert.equal(freshness(ring.lastTime, ring.usualInterval, ring.lastTime + 29_000), 'fresh');
  assert.equal(freshness(ring.lastTime, ring.usualInterval, ring.lastTime + 31_000), 'stale');
  assert.equal(freshness(NaN, NaN, 5), 'none');
  assert.equal(freshness(1000, NaN, 200_000), 'fresh');
  assert.equal(freshness(1000, NaN, 400_000), 'stale');
  assert.equal(freshness(0, 100, 4000), 'fresh', 'a quick series is not stale within five seconds');
});

function frame(rows: [number, number, number][]) {
  return {
    kind: 1 as const,
    series: Uint32Array.from(rows.map((r) => r[0])),
    time: Float64Array.from(rows.map((r) => r[1])),
    value: Float64Array.from(rows.map((r) => r[2])),
  };
}

test('the store files samples under announced ids and tells what changed', () => {
  const store = new SeriesStore();
  const b = store.define(2, 'press', 'vibration', 'm/s2')!;
  const a = store.define(1, 'press', 'temperature', 'Cel')!;
  store.apply(
    frame([
      [1, 100, 20],
      [2, 100, 0.5],
      [1, 200, 21],
      [99, 100, 0],
    ]),
  );
  assert.deepEqual(
    store.of('press').map((s) => s.channel),
    ['temperature', 'vibration'],
  );
  assert.equal(a.ring.lastValue, 21);
  assert.equal(store.samplesReceived, 4);
  assert.equal(store.samplesUnknown, 1);
  assert.deepEqual(store.take(), new Set([a, b]));
  assert.equal(store.hasChanges, false);
});

test('ids belong to one connection, series stay', () => {
  const store = new SeriesStore();
  const a = store.define(1, 'press', 'temperature', 'Cel')!;
  store.forgetIds();
  store.apply(frame([[1, 100, 20]]));
  assert.equal(a.ring.size, 0);
  assert.equal(store.define(5, 'press', 'temperature', ''), a);
  assert.equal(a.unit, 'Cel', 'an announcement without a unit keeps the known one');
  assert.equal(store.size, 1);
});

test('live samples on a chart are thinned to its resolution', () => {
  const line = lineOf([0, 1000], [0, 1]);
  assert.ok(appendLive(line, 1200, 2, 1000));
  assert.ok(appendLive(line, 1400, 3, 1000));
  assert.ok(appendLive(line, 2100, 4, 1000));
  assert.ok(appendLive(line, 2600, 5, 1000));
  assert.equal(appendLive(line, 2600, 6, 1000), false);
  assert.deepEqual(line, { time: [0, 1, 1.4, 2.1, 2.6], value: [0, 1, 3, 4, 5] });
  for (let i = 2; i < line.time.length - 1; i++) {
    assert.ok(line.time[i + 1]! - line.time[i - 1]! >= 1, 'two steps span at least the resolution');
  }
});

test('a chart drops what left the window but keeps one point before it', () => {
  const line = lineOf([0, 1000, 2000, 3000], [0, 1, 2, 3]);
  trimBefore(line, 1500);
  assert.deepEqual(line, { time: [1, 2, 3], value: [1, 2, 3] });
  assert.deepEqual(summarize(line, 1500), { min: 2, mean: 2.5, max: 3 });
  assert.equal(summarize(lineOf([], []), 0), null);
});

test('a small line fills its box', () => {
  assert.equal(sparkPath([0, 10], 100, 20), 'M0.0 20.0L100.0 0.0');
  assert.equal(sparkPath([5, 5], 10, 20), 'M0.0 10.0L10.0 10.0');
  assert.equal(sparkPath([5], 10, 20), '');
});
