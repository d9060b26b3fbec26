import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareShadow, desiredPatch, parseLeaf, sameJson, type ShadowView } from '../src/lib/shadow.ts';

const states = (shadow: ShadowView, before?: ShadowView) =>
  Object.fromEntries(compareShadow(shadow, before).map((leaf) => [leaf.path.join('.'), leaf.state]));

test('every leaf says whether the device confirmed it', () => {
  const shadow: ShadowView = {
    version: 4,
    desired: { fan: { speed: 3, mode: 'auto' }, led: true, target: 21 },
    reported: { fan: { speed: 3, mode: 'manual' }, target: 19, firmware: '1.2' },
    desiredMeta: { fan: { mode: { timestamp: 200 } }, target: { timestamp: 100 } },
    reportedMeta: { fan: { mode: { timestamp: 100 } }, target: { timestamp: 105 } },
  };
  assert.deepEqual(states(shadow), {
    'fan.mode': 'pending',
    'fan.speed': 'confirmed',
    firmware: 'reported',
    led: 'pending',
    target: 'conflict',
  });
});

test('a report of another value within the second of the wish is a conflict', () => {
  const before: ShadowView = { version: 1, desired: { target: 21 }, reported: { target: 19 } };
  const meta = { desiredMeta: { target: { timestamp: 7 } }, reportedMeta: { target: { timestamp: 7 } } };
  assert.deepEqual(states({ ...before, version: 2, ...meta }, before), { target: 'pending' });
  assert.deepEqual(states({ ...before, version: 2, reported: { target: 20 }, ...meta }, before), {
    target: 'conflict',
  });
  assert.deepEqual(states({ ...before, version: 2, reported: { target: 21 }, ...meta }, before), {
    target: 'confirmed',
  });
});

test('a device that never reported leaves the wish pending', () => {
  assert.deepEqual(states({ version: 1, desired: { a: { b: 1 } }, reported: {} }), { 'a.b': 'pending' });
});

test('arrays are one value; a wish above reported leaves is one row', () => {
  const shadow: ShadowView = {
    version: 1,
    desired: { list: [1, { x: 1 }], mode: 'off' },
    reported: { list: [1, { x: 1 }], mode: { now: 'on' } },
  };
  assert.deepEqual(states(shadow), { list: 'confirmed', mode: 'pending' });
});

test('comparison ignores the order of keys only', () => {
  assert.ok(sameJson({ a: 1, b: [1, 2] }, { b: [1, 2], a: 1 }));
  assert.ok(!sameJson([1, 2], [2, 1]));
  assert.ok(!sameJson({ a: 1 }, { a: 1, b: 2 }));
  assert.ok(!sameJson(null, {}));
});

test('names inherited from objects are not mistaken for leaves', () => {
  assert.deepEqual(states({ version: 1, desired: { constructor: 1 }, reported: {} }), { constructor: 'pending' });
});

test('a patch holds one leaf', () => {
  assert.deepEqual(desiredPatch(['fan', 'speed'], 4), { state: { desired: { fan: { speed: 4 } } } });
  assert.deepEqual(desiredPatch(['fan'], null), { state: { desired: { fan: null } } });
});

test('typed text is JSON where it parses', () => {
  assert.equal(parseLeaf(' 4.5 '), 4.5);
  assert.equal(parseLeaf('true'), true);
  assert.equal(parseLeaf('auto'), 'auto');
  assert.deepEqual(parseLeaf('[1]'), [1]);
});
