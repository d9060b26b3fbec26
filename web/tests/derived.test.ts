import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { lineOfTrial, stateOf, tagsOf, tagsText, windowText } from '../src/lib/derived.ts';
import type { DerivedChannel } from '../src/api_derived.ts';

test('a window is its length where nothing else is said', () => {
  assert.equal(windowText(undefined), '');
  assert.equal(windowText(null), '');
  assert.equal(windowText({ kind: 'tumbling', length: '1h' }), '1h');
  assert.equal(windowText({ length: '1h' }), '1h');
  assert.equal(windowText({ length: '1d', zone: 'Europe/Berlin' }), '{"length":"1d","zone":"Europe/Berlin"}');
  assert.equal(windowText({ kind: 'sliding', length: '5m' }), '{"kind":"sliding","length":"5m"}');
  assert.equal(windowText({ kind: 'count', count: 100 }), '{"kind":"count","count":100}');
});

test('tags are lines', () => {
  assert.deepEqual(tagsOf(''), {});
  assert.deepEqual(tagsOf(' site = plant 1 \n\nmodel=a=b'), { site: 'plant 1', model: 'a=b' });
  assert.deepEqual(Object.entries(tagsOf('__proto__=1')!), [['__proto__', '1']]);
  assert.equal(tagsOf('site'), undefined);
  assert.equal(tagsOf('=x'), undefined);
  assert.deepEqual(tagsOf(tagsText({ site: 'plant1', line: '' })), { site: 'plant1', line: '' });
});

test('the state says first what a person should know first', () => {
  const channel = { enabled: true, active_devices: 2, late: 0 } as DerivedChannel;
  assert.equal(stateOf(channel), 'works');
  assert.equal(stateOf({ ...channel, late: 3 }), 'late');
  assert.equal(stateOf({ ...channel, late: 3, active_devices: 0 }), 'waiting');
  assert.equal(stateOf({ ...channel, late: 3, enabled: false }), 'off');
});

test('results are drawn as numbers; texts are none', () => {
  const time = ['1970-01-01T00:00:01Z', '1970-01-01T00:00:01.5Z', '1970-01-01T00:00:02Z', '1970-01-01T00:00:03Z'];
  assert.deepEqual(lineOfTrial({ time, value: [2.5, true, false, 'open'] }), {
    time: [1, 1.5, 2, 3],
    value: [2.5, 1, 0, null],
  });
});
