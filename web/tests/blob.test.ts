import assert from 'node:assert/strict';
import { test } from 'node:test';
import { blobOf, isPicture } from '../src/lib/blob.ts';

test('only the whole text of a reference is one', () => {
  const id = `sha256-${'0f'.repeat(32)}`;
  assert.equal(blobOf(`blob:${id}`), id);
  for (const text of [id, `blob:${id}0`, ` blob:${id}`, `blob:${id}\n`, `blob:${id.toUpperCase()}`, 'blob:http://elsewhere/'])
    assert.equal(blobOf(text), undefined, text);
});

test('what could hold a script is no picture', () => {
  assert(isPicture('image/png') && isPicture('image/jpeg'));
  for (const type of ['image/svg+xml', 'image/png; x', 'text/html', ''])
    assert(!isPicture(type), type);
});
