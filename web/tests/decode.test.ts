import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeFrame, FrameError, KIND_PICTURE, KIND_SAMPLES } from '../src/live/decode.ts';

function samples(rows: [number, number, number][]): ArrayBuffer {
  const n = rows.length;
  const timeAt = Math.ceil((8 + 4 * n) / 8) * 8;
  const buffer = new ArrayBuffer(timeAt + 16 * n);
  const view = new DataView(buffer);
  view.setUint8(0, KIND_SAMPLES);
  view.setUint8(1, 1);
  view.setUint32(4, n, true);
  rows.forEach(([id, t, v], i) => {
    view.setUint32(8 + 4 * i, id, true);
    view.setFloat64(timeAt + 8 * i, t, true);
    view.setFloat64(timeAt + 8 * (n + i), v, true);
  });
  return buffer;
}

for (const rows of [
  [],
  [[7, 1000, 1.5]],
  [
    [7, 1000, 1.5],
    [9, 1001, -2],
  ],
  [
    [1, 1, 1],
    [2, 2, 2],
    [3, 3, NaN],
  ],
] as [number, number, number][][]) {
  test(`decodes a frame of ${rows.length} samples`, () => {
    const frame = decodeFrame(samples(rows));
    assert.equal(frame.kind, KIND_SAMPLES);
    if (frame.kind !== KIND_SAMPLES) return;
    assert.deepEqual(
      [...frame.series],
      rows.map((r) => r[0]),
    );
    assert.deepEqual(
      [...frame.time],
      rows.map((r) => r[1]),
    );
    assert.deepEqual(
      [...frame.value],
      rows.map((r) => r[2]),
    );
  });
}

test('decodes a picture', () => {
  const buffer = new Uint8Array([KIND_PICTURE, 1, 0, 0, 3, 0, 0, 0, 0xff, 0xd8, 0xff]).buffer;
  const frame = decodeFrame(buffer);
  assert.equal(frame.kind, KIND_PICTURE);
  if (frame.kind === KIND_PICTURE) assert.deepEqual([...frame.picture], [0xff, 0xd8, 0xff]);
});

const broken: [string, Uint8Array][] = [
  ['nothing', new Uint8Array(0)],
  ['half a header', new Uint8Array([1, 1, 0, 0])],
  ['another version', new Uint8Array([1, 2, 0, 0, 0, 0, 0, 0])],
  ['reserved bytes set', new Uint8Array([1, 1, 1, 0, 0, 0, 0, 0])],
  ['an unknown kind', new Uint8Array([3, 1, 0, 0, 0, 0, 0, 0])],
  ['a sample frame cut short', new Uint8Array(samples([[1, 1, 1]])).slice(0, 20)],
  ['a sample frame with bytes behind', new Uint8Array([...new Uint8Array(samples([[1, 1, 1]])), 0])],
  ['a picture shorter than said', new Uint8Array([2, 1, 0, 0, 9, 0, 0, 0, 1])],
  ['a count past the limit', new Uint8Array([2, 1, 0, 0, 255, 255, 255, 255])],
];
for (const [name, bytes] of broken) {
  test(`refuses ${name}`, () => {
    assert.throws(() => decodeFrame(bytes.slice().buffer as ArrayBuffer), FrameError);
  });
}
