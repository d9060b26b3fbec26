// The binary frames of /api/live, little endian: u8 kind, u8 version, u16 zero, u32 count, then the body.
// Decoding is three typed-array views on the received buffer, which is why it needs no worker.

export const FRAME_VERSION = 1;
export const KIND_SAMPLES = 1;
export const KIND_PICTURE = 2;
const HEADER_BYTES = 8;
/** More samples or picture bytes than this in one frame is a broken stream, not data. */
export const MAX_FRAME_COUNT = 16 * 1024 * 1024;

export interface SampleFrame {
  kind: typeof KIND_SAMPLES;
  /** Connection-local series ids, one per sample. */
  series: Uint32Array;
  /** Unix milliseconds. */
  time: Float64Array;
  value: Float64Array;
}

export interface PictureFrame {
  kind: typeof KIND_PICTURE;
  picture: Uint8Array<ArrayBuffer>;
}

export type Frame = SampleFrame | PictureFrame;

export class FrameError extends Error {}

function sampleFrame(buffer: ArrayBuffer, count: number): SampleFrame {
  const timeAt = (HEADER_BYTES + 4 * count + 7) & ~7;
  const valueAt = timeAt + 8 * count;
  if (buffer.byteLength !== valueAt + 8 * count) throw new FrameError('sample frame has the wrong length');
  return {
    kind: KIND_SAMPLES,
    series: new Uint32Array(buffer, HEADER_BYTES, count),
    time: new Float64Array(buffer, timeAt, count),
    value: new Float64Array(buffer, valueAt, count),
  };
}

/** The views share the buffer: it must not be reused. Throws FrameError for anything malformed. */
export function decodeFrame(buffer: ArrayBuffer): Frame {
  if (buffer.byteLength < HEADER_BYTES) throw new FrameError('frame shorter than its header');
  const header = new DataView(buffer);
  const kind = header.getUint8(0);
  const version = header.getUint8(1);
  const count = header.getUint32(4, true);
  if (version !== FRAME_VERSION) throw new FrameError(`unknown frame version ${version}`);
  if (header.getUint16(2, true) !== 0) throw new FrameError('reserved bytes are not zero');
  if (count > MAX_FRAME_COUNT) throw new FrameError('frame count above the limit');
  if (kind === KIND_SAMPLES) return sampleFrame(buffer, count);
  if (kind === KIND_PICTURE) {
    if (buffer.byteLength !== HEADER_BYTES + count) throw new FrameError('picture frame has the wrong length');
    return { kind: KIND_PICTURE, picture: new Uint8Array(buffer, HEADER_BYTES, count) };
  }
  throw new FrameError(`unknown frame kind ${kind}`);
}
