// The part of the HTTP API that computes channels from others.
import { at, call } from './api.ts';
import type { Json, JsonObject } from './lib/shadow.ts';

/** What a person writes; empty texts stand for what was not said. */
export interface DerivedDocument {
  channel: string;
  expression: string;
  devices: string;
  tags: Record<string, string>;
  unit: string;
  /** A length, or an object with its kind. */
  window?: string | JsonObject | undefined;
  lateness: string;
  max_age: string;
  enabled: boolean;
}
export interface DerivedChannel extends DerivedDocument {
  name: string;
  type: 'number' | 'integer' | 'boolean' | 'text';
  window?: JsonObject;
  /** Devices of which something is known for it. */
  active_devices: number;
  /** Since the server's start. */
  results: number;
  late: number;
}
export interface DerivedTrial {
  type: DerivedChannel['type'];
  inputs: { device: string; channel: string; known: boolean }[];
  /** RFC 3339, ascending. */
  time: string[];
  value: Json[];
  truncated: boolean;
}
export interface DerivedProgress {
  running: boolean;
  /** 0 to 1. */
  share?: number;
  devices?: number;
  points?: number;
  results?: number;
}
/** Unix ms. */
export interface DerivedSpan {
  from: number;
  to?: number | undefined;
  device?: string | undefined;
}

const history = (name: string) => at('derived', name, 'backfill');

export const derived = {
  list: async () => (await call<{ derived: DerivedChannel[] }>('GET', at('derived'))).derived,
  put: (name: string, document: DerivedDocument) => call<DerivedChannel>('PUT', at('derived', name), document),
  remove: (name: string) => call<unknown>('DELETE', at('derived', name)),
  /** Over the samples of one device; nothing is kept. */
  test: (trial: Partial<DerivedDocument> & { device: string; from: number; to: number }) =>
    call<DerivedTrial>('POST', '/api/derived/test', trial),
  /** Answers when it is done; it goes on where nobody waits for that. */
  compute: (name: string, span: DerivedSpan) =>
    call<{ devices: number; points: number; results: number; cancelled: boolean }>('POST', history(name), span),
  progress: (name: string) => call<DerivedProgress>('GET', history(name)),
  cancel: (name: string) => call<unknown>('DELETE', history(name)),
};
