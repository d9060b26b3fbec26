// The picture of an attack: kinds of refusals in groups, and their history as stacked bars.

export const GROUPS = ['connections', 'tls', 'credentials', 'rights', 'protocol', 'devices'] as const;
export type Group = (typeof GROUPS)[number];

const KINDS: Record<Group, readonly string[]> = {
  connections: [
    'address_blocked',
    'connection_rate',
    'connection_limit',
    'first_bytes',
    'connect_timeout',
    'memory',
    'server_busy',
    'publish_limit',
  ],
  tls: [
    'tls_limit',
    'tls_timeout',
    'tls_failed',
    'certificate_authority',
    'certificate_expired',
    'certificate_revoked',
    'certificate_invalid',
    'certificate_unregistered',
  ],
  credentials: [
    'no_credentials',
    'password',
    'second_factor',
    'token',
    'jwt',
    'sas_token',
    'identity_disabled',
    'penalty',
    'enrolment',
    'http_unauthenticated',
  ],
  rights: ['client_id', 'connect_denied', 'publish_denied', 'subscribe_denied', 'http_forbidden'],
  protocol: ['malformed', 'protocol_error', 'packet_too_large'],
  devices: ['behaviour', 'tamper'],
};
const groupOfKind = new Map(GROUPS.flatMap((group) => KINDS[group].map((kind) => [kind, group] as const)));

/** A newer server may know more kinds than this page. */
export const groupOf = (kind: string): Group => groupOfKind.get(kind) ?? 'connections';

export interface History {
  step_seconds: number;
  from?: string;
  kinds: Record<string, number[]>;
}

export interface Bars {
  from: number; // Unix ms
  stepMs: number;
  /** Of each bar the counts by group, in the order of GROUPS. */
  bars: number[][];
  most: number;
}

/** The last `count` bars of `merge` steps each; the last one ends with the history, and those before it are empty. */
export function barsOf(history: History, end: number, count: number, merge: number): Bars {
  const stepMs = history.step_seconds * 1000;
  const bars = Array.from({ length: count }, () => GROUPS.map(() => 0));
  const first = history.from === undefined ? end : Date.parse(history.from);
  // Bars end where steps do, so that a bar keeps its content while it moves to the left.
  const width = stepMs * merge;
  const begin = (Math.floor(end / width) + 1 - count) * width;
  for (const [kind, counts] of Object.entries(history.kinds)) {
    const group = GROUPS.indexOf(groupOf(kind));
    counts.forEach((value, step) => {
      const bar = Math.floor((first + step * stepMs + stepMs / 2 - begin) / width);
      if (value > 0 && bar >= 0) bars[Math.min(bar, count - 1)]![group]! += value;
    });
  }
  const most = Math.max(0, ...bars.map((bar) => bar.reduce((sum, one) => sum + one, 0)));
  return { from: begin, stepMs: width, bars, most };
}

/** The sum of a kind's steps. */
export const sumOf = (counts: readonly number[] | undefined): number => (counts ?? []).reduce((sum, one) => sum + one, 0);

/** A round number that is not less: 1, 2 or 5 times a power of ten. */
export function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, value)));
  return [1, 2, 5, 10].map((times) => times * power).find((round) => round >= value)!;
}

/** The outline of one group's part of every bar, stacked on the groups before it, in a box of `count` by 100. */
export function groupPath(bars: Bars, group: number, top: number): string {
  let path = '';
  bars.bars.forEach((bar, at) => {
    const value = bar[group]!;
    if (value === 0) return;
    const below = bar.slice(0, group).reduce((sum, one) => sum + one, 0);
    const y = 100 - ((below + value) / top) * 100;
    path += `M${at + 0.1} ${y.toFixed(2)}h0.8v${((value / top) * 100).toFixed(2)}h-0.8z`;
  });
  return path;
}
