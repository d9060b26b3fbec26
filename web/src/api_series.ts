// The part of the HTTP API that asks stored series by SQL, says what they take, and deletes them.
import { call, PAGE } from './api.ts';
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
}

export interface UsageRow {
  name: string;
  series: number;
  points: number;
  /** Not in chunks yet. */
  open_points: number;
  bytes: number;
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

/** Rows of a downloaded file at most. */
const CSV_ROWS = 100_000;

export const queries = {
  run: (sql: string, signal: AbortSignal) => call<QueryAnswer>('POST', '/api/series/query', { sql }, {}, signal),
  csv: (sql: string) =>
    call<{ csv: string; truncated: boolean }>('POST', '/api/series/query', { sql, format: 'csv', limit: CSV_ROWS }),
};

export const storage = {
  usage: (device?: string) => call<Usage>('GET', '/api/series/usage', undefined, { device, limit: PAGE }),
  erase: (what: Deletion) => call<{ series: number }>('DELETE', '/api/series', undefined, { ...what }),
};
