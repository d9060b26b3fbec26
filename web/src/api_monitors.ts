// The part of the HTTP API that watches channels: which monitors there are, and what they make of each device.
import { at, call } from './api.ts';

export interface Monitor {
  name: string;
  channel: string;
  /** Unset or empty: each device that has the channel. */
  device?: string;
  kind: 'anomaly' | 'forecast' | 'threshold' | 'rate' | 'flat' | 'missing' | 'robust' | 'seasonal';
  options: { low?: number; high?: number };
  enabled: boolean;
}
/** Of the last value; an end that is unset is not bounded. */
export interface MonitorState {
  device: string;
  raised: boolean;
  time?: string;
  score?: number;
  expected_low?: number;
  expected_high?: number;
}

/** Where values were expected: of parts of a time. */
export interface Expected {
  t: number[];
  low: number[];
  high: number[];
  score: number[];
}

export const monitors = {
  /** Where the values of a channel were expected, by what came before each. */
  expected: (device: string, channel: string, from: number, to: number, points: number) =>
    call<Expected>('GET', '/api/series/expected', undefined, {
      device,
      channel,
      from: Math.round(from),
      to: Math.round(to),
      points,
    }),
  list: async () => (await call<{ monitors: Monitor[] }>('GET', at('monitors'))).monitors,
  /** Of one device. */
  state: async (name: string, device: string) =>
    (await call<{ states: MonitorState[] }>('GET', at('monitors', name, 'state'), undefined, { device })).states,
};
