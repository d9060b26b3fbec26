// The server's HTTP API as the dashboard uses it: every type and every call is here or in api_*.ts.
import type { Alarm } from './api_alarms.ts';
import type { LifeEvent, Stage } from './api_life.ts';
import type { Json, JsonObject } from './lib/shadow.ts';

/** Unix milliseconds, or an ISO 8601 text. */
export type Time = number | string;

export interface User {
  name: string;
  permissions?: string[];
}
export interface SessionInfo {
  user: User;
}
/** Who is signed in, if anybody is. */
export type Session = ({ signed_in: true; session?: string } & SessionInfo) | { signed_in: false };

/** A sign-in that is done, or one whose password is right and that needs a code beside it. */
export type SignInAnswer = ({ signed_in: true } & SessionInfo) | { signed_in: false; needs: 'code' };

export interface Thing {
  name: string;
  type?: string;
  attributes?: Record<string, Json>;
  gateway?: string | null;
  // Unset: nobody has registered it.
  lifecycle?: Stage;
  quarantine?: LifeEvent;
  wiping?: boolean;
  /** 0: it was removed. */
  version?: number;
  // From its presence; unset: never seen.
  online?: boolean;
  last_seen?: Time | null;
}

export interface Presence {
  thing: string;
  online: boolean;
  reason?: string;
  gateway?: string;
  changed_at?: Time;
  last_seen?: Time;
}

export interface LastValue {
  device: string;
  channel: string;
  unit?: string;
  t: Time;
  value: Json;
  quality?: string;
}

/** Columns, oldest first; `t` in Unix ms, null where the line is broken. */
export interface Range {
  device: string;
  channel: string;
  unit?: string;
  t: number[];
  value: (number | null)[];
}

export interface Shadow {
  state: { desired?: JsonObject; reported?: JsonObject; delta?: JsonObject };
  metadata?: { desired?: JsonObject; reported?: JsonObject };
  version: number;
  timestamp?: number;
}

export type { Alarm, AlarmCause, AlarmState, Severity } from './api_alarms.ts';

export type RuleAction = JsonObject;
export interface Rule {
  name: string;
  sql: string;
  description?: string;
  enabled: boolean;
  actions: RuleAction[];
}

export interface Listener {
  name: string;
  address: string;
}
export interface Status {
  version: string;
  uptime_seconds: number;
  listeners: Listener[];
  memory: { level: 'normal' | 'tight' | 'critical'; resident_bytes: number; budget_bytes: number };
  /** null: not known. */
  disk: { free_bytes: number | null };
  counts: Record<string, number>;
}

export type SessionState = 'slow' | 'online' | 'offline';
export interface BrokerSession {
  client_id: string;
  thing: string;
  state: SessionState;
  since: Time | null;
  slow_reason: string;
  slow_seconds: number | null;
  queued: number;
  queued_qos0: number;
  in_flight_out: number;
  in_flight_in: number;
  subscriptions: number;
  messages_in: number;
  messages_out: number;
  dropped: number;
  holds: number;
  held_by: number;
  address: string;
  version: string;
  transport: string;
}
export interface SessionDetail extends BrokerSession {
  queued_bytes: number;
  queued_on_disk: number;
  queued_on_disk_bytes: number;
  queued_qos0_bytes: number;
  held_since: Time | null;
  back_pressure: {
    state: 'none' | 'holding' | 'refusing';
    since: Time | null;
    qos0: { messages: number; bytes: number };
    hold: { messages: number; bytes: number } | null;
    refuse: { messages: number; bytes: number };
  };
  expiry_seconds: number;
  receive_maximum: number;
  rests: number;
  publishes_refused: number;
  dropped_by_reason: Record<string, number>;
  recent_drops: { at: Time; reason: string; topic: string; count: number }[];
  subscription_list: { filter: string; qos: number; no_local: boolean }[];
}
export interface SharedGroup {
  name: string;
  group: string;
  filter: string;
  strategy: 'round_robin' | 'least_in_flight' | 'sticky';
  members: number;
  connected: number;
  ready: number;
  keeps: boolean;
  queued: number;
  queued_bytes: number;
  queued_on_disk: number;
  queued_on_disk_bytes: number;
  queued_qos0: number;
  lent: number;
  handed_over: number;
  holds: number;
  refuses: boolean;
  given: number;
  returned: number;
}
export interface SharedGroupDetail extends SharedGroup {
  room_messages: number;
  next: string;
  dropped_by_reason: Record<string, number>;
  member_list: {
    client_id: string;
    state: 'ready' | 'full' | 'away';
    qos: number;
    window: number;
    in_flight: number;
    given: number;
    filled: number;
  }[];
}
export type BridgeState = 'connected' | 'connecting' | 'disconnected' | 'starting' | 'paused';
export interface BridgeSettings {
  address: string;
  topics: string[];
  version: string;
  client_id: string;
  username: string;
  password_file: string;
  ca_file: string;
  certificate_file: string;
  key_file: string;
  server_name: string;
  clean_start: boolean;
  max_queue_bytes: number;
  full: string;
}
export interface Bridge {
  name: string;
  state: BridgeState;
  address: string;
  source: 'configuration' | 'api';
  since: Time | '';
  version: string;
  last_error: string;
  connections: number;
  out: {
    waiting_records: number;
    waiting_bytes: number;
    in_flight: number;
    acknowledged: number;
    refused: number;
    dropped: number;
    expired: number;
    stopped_loops: number;
  };
  in: { received: number; published: number; refused: number; stopped_loops: number };
  settings: BridgeSettings;
}
export interface BridgeTest {
  ok: boolean;
  steps: { step: string; ok: boolean; detail: string }[];
}
export interface Explanation {
  verdict: string;
  arrives: boolean;
  summary: string;
  steps: { check: string; outcome: 'ok' | 'note' | 'problem'; text: string }[];
}
export interface RetainedMessage {
  topic: string;
  bytes: number;
  qos: number;
  at: Time;
  publisher: string;
  payload?: string;
  payload_base64?: string;
}
export interface TraceEvent {
  at: string;
  event: string;
  client?: string;
  publisher?: string;
  topic?: string;
  detail?: string;
  qos?: number;
  bytes?: number;
  sessions?: number;
  payload?: string;
  payload_base64?: string;
}

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** The page holds no more things than this. */
const MAX_THINGS = 100_000;
/** What the server gives at most in one answer. */
export const PAGE = 1000;
/** Rows of a list that is searched at the server. */
const SESSIONS_SHOWN = 200;

type Query = Record<string, string | number | undefined>;
let onSignedOut: () => void = () => {};
/** What to do when the server says that the session is over. */
export function whenSignedOut(action: () => void): void {
  onSignedOut = action;
}

async function errorOf(response: Response): Promise<ApiError> {
  let code = String(response.status);
  let message = response.statusText || `The server answered ${response.status}`;
  try {
    const body = (await response.json()) as { error?: { code?: string; message?: string } };
    code = body.error?.code ?? code;
    message = body.error?.message ?? message;
  } catch {
    // Not JSON: a proxy's page, for example. The status line has to do.
  }
  return new ApiError(response.status, code, message);
}

interface Call {
  body?: unknown;
  query?: Query | undefined;
  signal?: AbortSignal | undefined;
  /** The media type of the answer. */
  accept?: string;
}

/** Sends a call; its answer is no refusal. Rejects when `signal` aborts. */
export async function send(method: string, path: string, { body, query, signal, accept }: Call = {}): Promise<Response> {
  const url = new URL(path, location.origin);
  for (const [key, value] of Object.entries(query ?? {}))
    if (value !== undefined) url.searchParams.set(key, String(value));
  const headers: Record<string, string> = { Accept: accept ?? 'application/json' };
  if (method !== 'GET') headers['X-Dunlin-Request'] = '1';
  const init: RequestInit = { method, headers, credentials: 'same-origin' };
  if (signal) init.signal = signal;
  if (body !== undefined) {
    headers['Content-Type'] = 'application/json';
    init.body = JSON.stringify(body);
  }
  let response: Response;
  try {
    response = await fetch(url, init);
  } catch {
    throw new ApiError(0, 'unreachable', 'The server cannot be reached.');
  }
  if (!response.ok) {
    const error = await errorOf(response);
    if (response.status === 401 && !path.startsWith('/api/session')) onSignedOut();
    throw error;
  }
  return response;
}

/** The answer as JSON. */
export async function call<T>(
  method: string,
  path: string,
  body?: unknown,
  query?: Query,
  signal?: AbortSignal,
): Promise<T> {
  const text = await (await send(method, path, { body, query, signal })).text();
  return (text ? JSON.parse(text) : {}) as T;
}

/** All pages of a list; a page names what to go on behind. */
async function everyPage<T>(
  read: (after: string | undefined) => Promise<{ rows: T[]; next: string | undefined }>,
): Promise<T[]> {
  const all: T[] = [];
  let after: string | undefined;
  do {
    const page = await read(after);
    all.push(...page.rows);
    after = page.next;
  } while (after && all.length < MAX_THINGS);
  return all;
}

export const at = (...parts: string[]) => `/api/${parts.map(encodeURIComponent).join('/')}`;

export const session = {
  get: () => call<Session>('GET', '/api/session'),
  /** Without a code where none is asked for; `needs` says that one is. */
  login: (user: string, password: string, code?: string) =>
    call<SignInAnswer>('POST', '/api/session', code ? { user, password, code } : { user, password }),
  logout: () => call<unknown>('DELETE', '/api/session'),
  claim: (token: string, password: string) => call<SessionInfo>('POST', '/api/session/claim', { token, password }),
};

export const things = {
  list: () =>
    everyPage(async (after) => {
      const page = await call<{ things: Thing[]; next?: string }>('GET', at('things'), undefined, {
        after,
        limit: PAGE,
      });
      return { rows: page.things, next: page.next };
    }),
  get: (name: string) => call<Thing>('GET', at('things', name)),
  create: (thing: { name: string; type?: string; attributes?: Record<string, Json> }) =>
    call<Thing>('POST', at('things'), thing),
  remove: (name: string) => call<unknown>('DELETE', at('things', name)),
  token: (name: string) => call<{ token: string }>('POST', at('things', name, 'tokens'), {}),
};

export const presence = {
  list: () =>
    everyPage(async (after) => {
      const { presence: rows } = await call<{ presence: Presence[] }>('GET', at('presence'), undefined, {
        after,
        limit: PAGE,
      });
      return { rows, next: rows.length === PAGE ? rows.at(-1)!.thing : undefined };
    }),
};

export const shadows = {
  get: (thing: string) => call<Shadow>('GET', at('things', thing, 'shadow')),
  update: (thing: string, update: { state: { desired: JsonObject | null } }) =>
    call<Shadow>('PATCH', at('things', thing, 'shadow'), update),
};

export const series = {
  last: async (device?: string) =>
    (await call<{ series: LastValue[] }>('GET', '/api/series/last', undefined, { device })).series,
  range: (device: string, channel: string, from: number, to: number, points: number) =>
    call<Range>('GET', '/api/series/range', undefined, {
      device,
      channel,
      from: Math.round(from),
      to: Math.round(to),
      points: Math.round(points),
    }),
};

export const rules = {
  list: async () => (await call<{ rules: Rule[] }>('GET', at('rules'))).rules,
  put: ({ name, sql, description = '', enabled, actions }: Rule) =>
    call<Rule>('PUT', at('rules', name), { sql, description, enabled, actions }),
  remove: (name: string) => call<unknown>('DELETE', at('rules', name)),
};

export const sessions = {
  list: (query: { contains?: string | undefined; state?: SessionState | undefined }) =>
    call<{ sessions: BrokerSession[]; matched: number }>('GET', '/api/sessions', undefined, {
      ...query,
      order: 'state',
      limit: SESSIONS_SHOWN,
    }),
  get: (id: string) => call<SessionDetail>('GET', at('sessions', id)),
  end: (id: string, forget: boolean) =>
    call<unknown>('DELETE', at('sessions', id), undefined, { forget: forget ? 'true' : undefined }),
  explain: (id: string, question: { topic: string; qos: number }) =>
    call<Explanation>('GET', at('sessions', id, 'explain'), undefined, question),
};

export const groups = {
  list: (contains?: string) =>
    call<{ shared: SharedGroup[]; matched: number }>('GET', '/api/shared', undefined, {
      contains,
      order: 'queued',
      limit: SESSIONS_SHOWN,
    }),
  get: (name: string) => call<SharedGroupDetail>('GET', at('shared', name)),
  clear: (name: string) => call<{ messages: number }>('POST', at('shared', name, 'clear'), {}),
  end: (name: string) => call<{ messages: number; members: number }>('DELETE', at('shared', name)),
};

export const bridges = {
  list: async () => (await call<{ bridges: Bridge[] }>('GET', at('bridges'))).bridges,
  get: (name: string) => call<Bridge>('GET', at('bridges', name)),
  add: (bridge: Partial<BridgeSettings> & { name: string }) => call<Bridge>('POST', at('bridges'), bridge),
  update: (name: string, changes: Partial<BridgeSettings>) => call<Bridge>('PATCH', at('bridges', name), changes),
  remove: (name: string) => call<unknown>('DELETE', at('bridges', name)),
  pause: (name: string) => call<Bridge>('POST', at('bridges', name, 'pause'), {}),
  resume: (name: string) => call<Bridge>('POST', at('bridges', name, 'resume'), {}),
  test: (name: string) => call<BridgeTest>('POST', at('bridges', name, 'test'), {}),
};

export const retained = {
  list: (filter?: string) =>
    call<{ retained: RetainedMessage[]; next?: string }>('GET', '/api/retained', undefined, {
      filter,
      limit: SESSIONS_SHOWN,
    }),
  get: (topic: string) => call<RetainedMessage>('GET', '/api/retained/message', undefined, { topic }),
  remove: (filter: string) => call<unknown>('DELETE', '/api/retained', undefined, { filter }),
};

export const system = { status: () => call<Status>('GET', '/api/status') };

// What /api/live says in JSON, besides the binary frames of live/decode.ts.
export type LiveMessage =
  | { type: 'series'; id: number; device: string; channel: string; unit?: string }
  | { type: 'presence'; thing: string; online: boolean; at?: Time }
  | { type: 'thing'; thing: Thing }
  | {
      type: 'shadow';
      thing: string;
      version: number;
      desired?: JsonObject;
      reported?: JsonObject;
      delta?: JsonObject;
    }
  | { type: 'alarm'; alarm: Alarm }
  | { type: 'trace'; state: 'running' | 'ended' | 'refused'; reason?: string; message?: string }
  | { type: 'trace_events'; events: TraceEvent[]; dropped: number }
  | { type: 'refusals'; total: number }
  | { type: 'pong' }
  | { type: 'error'; message: string }
  | { type: 'frame'; device: string; channel: string; content_type: string; at?: string };
