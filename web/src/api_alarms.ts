// The part of the HTTP API about alarms: which there are, what people do with them, and what has become of them.
import { at, call, PAGE, type Time } from './api.ts';

export type AlarmState = 'active' | 'acknowledged' | 'shelved' | 'suppressed' | 'cleared';
export type Severity = 'critical' | 'major' | 'minor' | 'warning' | 'info';

export interface Alarm {
  id: string;
  name: string;
  thing?: string;
  severity: Severity;
  state: AlarmState;
  message?: string;
  raised_at: Time;
  acknowledged_at?: Time | null;
  acknowledged_by?: string | null;
  shelved?: { until: Time; by: string; reason: string } | null;
  suppressed?: { gateway: string; since: Time } | null;
  flapping?: { since: Time; changes: number; present: boolean } | null;
  cleared_at?: Time | null;
  cleared_by?: string;
  count?: number;
  source?: 'rule' | 'monitor' | 'service' | 'device';
  causes?: AlarmCause[];
  comments?: number;
  history?: number;
}
/** One link of the chain, the first cause first. */
export interface AlarmCause {
  kind: 'message' | 'sample' | 'alarm' | 'rule' | 'monitor' | 'service' | 'device';
  name: string;
  by?: string;
  at: Time;
}

export interface AlarmEvent {
  at: Time;
  what:
    | 'raised'
    | 'escalated'
    | 'acknowledged'
    | 'shelved'
    | 'unshelved'
    | 'suppressed'
    | 'resumed'
    | 'flapping'
    | 'steady'
    | 'commented'
    | 'cleared';
  by: string;
  why: string;
}
export interface AlarmLog {
  history: AlarmEvent[];
  comments: AlarmEvent[];
}

const post = (id: string, verb: string, body: Record<string, unknown>) =>
  call<Alarm>('POST', at('alarms', id, verb), body);

export const alarms = {
  /** The newest, and whatever is open beside these. */
  list: async () => {
    const of = async (query: Record<string, string | number>) =>
      (await call<{ alarms: Alarm[] }>('GET', at('alarms'), undefined, { limit: PAGE, ...query })).alarms;
    const [newest, open] = [await of({}), await of({ state: 'open' })];
    return [...newest, ...open];
  },
  history: (id: string) => call<AlarmLog>('GET', at('alarms', id, 'history')),
  acknowledge: (id: string, reason = '') => post(id, 'acknowledge', { reason }),
  clear: (id: string, reason = '') => post(id, 'clear', { reason }),
  shelve: (id: string, minutes: number, reason: string) => post(id, 'shelve', { minutes, reason }),
  unshelve: (id: string, reason: string) => post(id, 'unshelve', { reason }),
  comment: (id: string, text: string) => post(id, 'comments', { text }),
};
