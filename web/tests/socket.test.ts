import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { LiveLink, retryDelay, type LiveHandlers } from '../src/live/socket.ts';

class FakeSocket {
  static all: FakeSocket[] = [];
  binaryType = '';
  sent: string[] = [];
  closed = false;
  onopen?: () => void;
  onmessage?: (event: { data: unknown }) => void;
  onclose?: () => void;
  constructor(readonly url: string) {
    FakeSocket.all.push(this);
  }
  send(text: string) {
    this.sent.push(text);
  }
  close() {
    if (this.closed) return;
    this.closed = true;
    this.onclose?.();
  }
}

const globals = globalThis as Record<string, unknown>;
let seen: string[];
let handlers: LiveHandlers;
beforeEach(() => {
  mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'] });
  FakeSocket.all = [];
  seen = [];
  Object.assign(globals, {
    WebSocket: FakeSocket,
    location: { protocol: 'https:', host: 'shore' },
    addEventListener() {},
    removeEventListener() {},
  });
  handlers = {
    state: (state) => seen.push(state),
    message: (message) => seen.push(message.type),
    samples: (frame) => seen.push(`${frame.series.length} samples`),
    picture: (device, channel, picture, at) =>
      seen.push(`${device} ${channel} ${picture.type} ${picture.size}${at ? ` of ${at}` : ''}`),
  };
});
afterEach(() => mock.timers.reset());

const picture = new Uint8Array([2, 1, 0, 0, 2, 0, 0, 0, 1, 2]).buffer;

test('waits longer from try to try, up to a bound', () => {
  assert.deepEqual(
    [0, 1, 2, 5, 60].map((n) => retryDelay(n, 0)),
    [500, 1000, 2000, 15_000, 15_000],
  );
  assert.equal(retryDelay(0, 0.999) > 374, true);
});

test('subscribes to everything when open and passes on what comes', () => {
  const link = new LiveLink(handlers);
  link.start();
  const socket = FakeSocket.all[0]!;
  assert.equal(socket.url, 'wss://shore/api/live');
  socket.onopen!();
  assert.deepEqual(socket.sent, ['{"subscribe":{"all":true}}']);
  socket.onmessage!({ data: '{"type":"presence","thing":"a","online":true}' });
  socket.onmessage!({ data: new Uint8Array([1, 1, 0, 0, 0, 0, 0, 0]).buffer });
  socket.onmessage!({ data: '{"type":"frame","device":"cam","channel":"frame","content_type":"image/jpeg"}' });
  socket.onmessage!({ data: picture });
  assert.deepEqual(seen, ['connecting', 'live', 'presence', '0 samples', 'cam frame image/jpeg 2']);
  link.stop();
});

test('says when a picture was taken', () => {
  const link = new LiveLink(handlers);
  link.start();
  const socket = FakeSocket.all[0]!;
  socket.onopen!();
  const announced = { type: 'frame', device: 'cam', channel: 'frame', content_type: 'image/png', at: '2026-11-23T05:00:00Z' };
  socket.onmessage!({ data: JSON.stringify(announced) });
  socket.onmessage!({ data: picture });
  assert.equal(seen.at(-1), 'cam frame image/png 2 of 2026-11-23T05:00:00Z');
  link.stop();
});

test('shows no picture that is not announced or is no picture', () => {
  const link = new LiveLink(handlers);
  link.start();
  const socket = FakeSocket.all[0]!;
  socket.onopen!();
  socket.onmessage!({ data: picture });
  socket.onmessage!({ data: '{"type":"frame","device":"cam","channel":"frame","content_type":"text/html"}' });
  socket.onmessage!({ data: picture });
  assert.deepEqual(seen, ['connecting', 'live']);
  link.stop();
});

test('comes back after a loss and stays away after stop', () => {
  const link = new LiveLink(handlers);
  link.start();
  FakeSocket.all[0]!.onopen!();
  FakeSocket.all[0]!.close();
  assert.equal(seen.at(-1), 'reconnecting');
  mock.timers.tick(500);
  assert.equal(FakeSocket.all.length, 2);
  FakeSocket.all[1]!.onopen!();
  assert.equal(seen.at(-1), 'live');
  link.stop();
  mock.timers.tick(60_000);
  assert.equal(FakeSocket.all.length, 2);
});

test('begins anew after a message that cannot be read, and after silence', () => {
  mock.method(console, 'warn', () => {});
  const link = new LiveLink(handlers);
  link.start();
  FakeSocket.all[0]!.onopen!();
  FakeSocket.all[0]!.onmessage!({ data: new Uint8Array([9, 9]).buffer });
  assert.equal(FakeSocket.all[0]!.closed, true);
  mock.timers.tick(500);
  FakeSocket.all[1]!.onopen!();
  mock.timers.tick(40_000);
  assert.deepEqual(FakeSocket.all[1]!.sent.slice(1), ['{"ping":1}', '{"ping":1}']);
  mock.timers.tick(40_000);
  assert.equal(FakeSocket.all[1]!.closed, true);
  link.stop();
});
