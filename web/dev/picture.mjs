// A small moving picture as PNG: a shore at dusk with a bird crossing it. Stands in for a camera.
import { crc32, deflateSync } from 'node:zlib';

const WIDTH = 320;
const HEIGHT = 180;

// zlib.crc32 came with node 20.15; all supported versions have it.
function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type), data]);
  const out = Buffer.alloc(12 + data.length);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(crc32(body) >>> 0, 8 + data.length);
  return out;
}

function pixel(x, y, phase) {
  const horizon = 96 + 3 * Math.sin(x / 60 + phase);
  const birdX = ((phase * 40) % (WIDTH + 40)) - 20;
  const birdY = 52 + 10 * Math.sin(phase * 2);
  const wing = Math.abs(y - birdY + Math.abs(x - birdX) * 0.5 * Math.sin(phase * 9));
  if (Math.abs(x - birdX) < 15 && wing < 1.8) return [40, 38, 40];
  if (y < horizon) return [235 - y * 0.7, 180 - y * 0.25, 140 + y * 0.35];
  const wave = 12 * Math.sin(y * 0.9 + x * 0.05 - phase * 3);
  if (y > 150 + 4 * Math.sin(x / 25 + phase)) return [200 - (y - 150), 178 - (y - 150), 140];
  return [62 + wave, 118 + wave, 128 + wave];
}

export function picture(phase) {
  const rows = Buffer.alloc(HEIGHT * (1 + WIDTH * 3));
  for (let y = 0, at = 0; y < HEIGHT; y++) {
    rows[at++] = 0;
    for (let x = 0; x < WIDTH; x++) for (const c of pixel(x, y, phase)) rows[at++] = Math.max(0, Math.min(255, c));
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(WIDTH, 0);
  head.writeUInt32BE(HEIGHT, 4);
  head.set([8, 2, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', head),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}
