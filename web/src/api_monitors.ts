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

export const monitors = {
  list: async () => (await call<{ monitors: Monitor[] }>('GET', at('monitors'))).monitors,
  /** Of one device. */
  state: async (name: string, device: string) =>
    (await call<{ states: MonitorState[] }>('GET', at('monitors', name, 'state'), undefined, { device })).states,
};
