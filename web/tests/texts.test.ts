import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { en } from '../src/i18n/en.ts';
import { texts as zh } from '../src/i18n/zh.ts';

const placeholders = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(([one]) => one).sort();

test('every language has every text', () => {
  assert.deepEqual(Object.keys(zh).sort(), Object.keys(en).sort());
  for (const [key, text] of Object.entries(zh)) assert.notEqual(text.trim(), '', key);
});

test('every language names the same values', () => {
  for (const [key, text] of Object.entries(en))
    assert.deepEqual(new Set(placeholders(zh[key as keyof typeof en])), new Set(placeholders(text)), key);
});
