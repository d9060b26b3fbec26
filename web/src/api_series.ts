// The part of the HTTP API that asks stored series by SQL, says what they take, and deletes them.
import { ApiError, at, call, PAGE, send } from './api.ts';
import type { Json } from './lib/shadow.ts';

/** Times are RFC 3339 in UTC, intervals seconds. */
export type ColumnType = 'NULL' | 'boolean' | 'integer' | 'number' | 'text' | 'time' | 'interval';
export interface Column {
  name: string;
  type: ColumnType;
}
export interface QueryAnswer {
  columns: Column[];
  rows: Json[][];
  /** There were more rows than the answer may have. */
  truncated: boolean;
  points_read: number;
  chunks_by_summary: number;
  parts_by_rollup: number;
  /** Of rollups: the range cuts them, and their points are gone. */
  parts_left_out: number;
}

export interface UsageRow {
  name: string;
  series: number;
  points: number;
  /** Not in chunks yet. */
  open_points: number;
  bytes: number;
  rollup_bytes: number;
}
/** Points and bytes are of stored chunks; memory and log are of all tenants. */
export interface Usage extends Omit<UsageRow, 'name'> {
  open_bytes: number;
  log_bytes: number;
  /** Devices, or a device's channels, the largest first. */
  rows: UsageRow[];
}
export interface Deletion {
  device: string;
  /** Unset: all of them. */
  channel?: string | undefined;
  /** Unix ms; unset: without a bound. */
  from?: number | undefined;
  to?: number | undefined;
}

export const queries = {
  /** When `signal` aborts the server ends the query, too. */
  run: async (sql: string, signal: AbortSignal) => {
    const id = crypto.randomUUID();
    // It may have ended meanwhile.
    const cancel = () => void call('DELETE', at('series', 'query', id)).catch(() => {});
    signal.addEventListener('abort', cancel);
    try {
      return await call<QueryAnswer>('POST', '/api/series/query', { sql, id }, {}, signal);
    } finally {
      signal.removeEventListener('abort', cancel);
    }
  },
  /** All rows, however many there are. */
  csv: async (sql: string) => {
    const answer = await send('POST', '/api/series/query', { body: { sql }, accept: 'text/csv' });
    try {
      return await answer.blob();
    } catch {
      throw new ApiError(0, 'unreachable', 'The answer ended before all rows had come; ask again.');
    }
  },
};

export const storage = {
  usage: (device?: string) => call<Usage>('GET', '/api/series/usage', undefined, { device, limit: PAGE }),
  erase: (what: Deletion) => call<{ series: number }>('DELETE', '/api/series', undefined, { ...what }),
};
