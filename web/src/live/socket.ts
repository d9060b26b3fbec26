// One WebSocket to /api/live that comes back by itself.
import type { LiveMessage } from '../api.ts';
import { decodeFrame, KIND_PICTURE, type SampleFrame } from './decode.ts';

export type LinkState = 'connecting' | 'live' | 'reconnecting';

export interface LiveHandlers {
  state(state: LinkState, retryAt: number | undefined): void;
  message(message: LiveMessage): void;
  samples(frame: SampleFrame): void;
  /** `at` is when the picture was taken, RFC 3339, where the server says so. */
  picture(device: string, channel: string, picture: Blob, at: string | undefined): void;
  /** The server has closed the link because of who asks: the session may have ended. */
  refused?(): void;
}

/** RFC 6455 section 7.4.1. */
const POLICY_VIOLATION = 1008;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 15_000;
const PING_MS = 20_000;
/** Silence longer than this means that the line is dead: every ping is answered or data flows. */
const SILENCE_MS = 60_000;

/** Delay before the n-th try (from 0): doubles up to a bound, with up to a quarter taken off by `jitter` in [0, 1). */
export function retryDelay(attempt: number, jitter: number): number {
  const full = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(attempt, 16));
  return full * (1 - jitter / 4);
}

export class LiveLink {
  private socket: WebSocket | undefined;
  private attempt = 0;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private ping: ReturnType<typeof setInterval> | undefined;
  private heardAt = 0;
  private closed = false;
  private pictureOf: { device: string; channel: string; type: string; at: string | undefined } | undefined;

  constructor(private readonly handlers: LiveHandlers) {}

  start(): void {
    this.closed = false;
    this.open();
    addEventListener('online', this.hurry);
  }

  stop(): void {
    this.closed = true;
    removeEventListener('online', this.hurry);
    clearTimeout(this.retry);
    clearInterval(this.ping);
    this.socket?.close();
    this.socket = undefined;
  }

  /** Asks for something; false where there is no link. */
  send(request: object): boolean {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(request));
    return true;
  }

  /** Tries at once instead of waiting for the next turn. */
  readonly hurry = (): void => {
    if (this.closed || this.socket) return;
    clearTimeout(this.retry);
    this.open();
  };

  private open(): void {
    this.handlers.state(this.attempt === 0 ? 'connecting' : 'reconnecting', undefined);
    const socket = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/api/live`);
    socket.binaryType = 'arraybuffer';
    this.socket = socket;
    socket.onopen = () => {
      this.attempt = 0;
      this.heardAt = Date.now();
      this.pictureOf = undefined;
      socket.send(JSON.stringify({ subscribe: { all: true } }));
      this.ping = setInterval(() => this.checkLine(socket), PING_MS);
      this.handlers.state('live', undefined);
    };
    socket.onmessage = (event) => this.receive(socket, event.data);
    socket.onclose = (event?: CloseEvent) => {
      if (event?.code === POLICY_VIOLATION) this.handlers.refused?.();
      this.lost(socket);
    };
  }

  private checkLine(socket: WebSocket): void {
    if (Date.now() - this.heardAt > SILENCE_MS) socket.close();
    else socket.send('{"ping":1}');
  }

  private receive(socket: WebSocket, data: unknown): void {
    this.heardAt = Date.now();
    try {
      if (typeof data === 'string') this.text(data);
      else if (data instanceof ArrayBuffer) this.binary(data);
    } catch (error) {
      // A stream that cannot be read is begun anew; staying would show wrong values.
      console.warn('live: unreadable message', error);
      socket.close(4000, 'unreadable message');
    }
  }

  private text(data: string): void {
    const message = JSON.parse(data) as LiveMessage;
    if (message.type === 'frame') {
      this.pictureOf = { device: message.device, channel: message.channel, type: message.content_type, at: message.at };
    } else {
      this.handlers.message(message);
    }
  }

  private binary(data: ArrayBuffer): void {
    const frame = decodeFrame(data);
    if (frame.kind !== KIND_PICTURE) {
      this.handlers.samples(frame);
      return;
    }
    const of = this.pictureOf;
    this.pictureOf = undefined;
    // Only pictures may become blobs with a type: the sender must not choose text/html.
    if (of && /^image\/(jpeg|png|webp|gif|bmp)$/.test(of.type)) {
      this.handlers.picture(of.device, of.channel, new Blob([frame.picture], { type: of.type }), of.at);
    }
  }

  private lost(socket: WebSocket): void {
    if (this.socket !== socket) return;
    this.socket = undefined;
    clearInterval(this.ping);
    if (this.closed) return;
    const delay = retryDelay(this.attempt++, Math.random());
    this.handlers.state('reconnecting', Date.now() + delay);
    this.retry = setTimeout(() => this.open(), delay);
  }
}
