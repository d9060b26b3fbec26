// What the page Query knows of SQL: places in a text, names, tables by their channels, and lines of an answer.
import type { Column, QueryAnswer } from '../api_series.ts';
import type { Line } from '../live/chart_data.ts';
import type { Json } from './shadow.ts';

/** Where a query is wrong; the first line is 1. */
export interface Fault {
  line: number;
  text: string;
  /** Within the line: of UTF-16 units, from 0. */
  at: number;
  /** Within the whole. */
  offset: number;
}

/** The server counts bytes of UTF-8 from 1. */
function unitsOf(line: string, bytes: number): number {
  return new TextDecoder().decode(new TextEncoder().encode(line).slice(0, bytes)).length;
}

/** What an error of the server points at; undefined where it names no place. */
export function faultOf(sql: string, message: string): Fault | undefined {
  const found = /\bline (\d+), column (\d+)/.exec(message);
  if (!found) return undefined;
  const lines = sql.split('\n');
  const line = Number(found[1]);
  const text = lines[line - 1];
  if (text === undefined) return undefined;
  const at = unitsOf(text, Number(found[2]) - 1);
  const before = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
  return { line, text, at, offset: before + at };
}

/** As a name in SQL: in quotes unless it is a plain word. */
export const sqlName = (name: string): string =>
  /^[a-z_][a-z0-9_]*$/i.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
export const sqlText = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** The tables that channels of these names make, and those that are always there. */
export function tablesOf(channels: Iterable<string>): string[] {
  const groups = new Set<string>();
  for (const channel of channels) {
    const cut = channel.search(/[/.]/);
    if (cut !== 0) groups.add(cut < 0 ? 'points' : channel.slice(0, cut));
  }
  return [...[...groups].sort(), 'samples', 'things'];
}

export interface Plot {
  lines: { name: string; line: Line }[];
  /** Lines that are not drawn because there are too many. */
  left: number;
  from: number; // Unix ms
  to: number;
}
const MAX_LINES = 12;
const isNumber = ({ type }: Column) => type === 'integer' || type === 'number';

function lineNames(columns: readonly Column[], row: readonly Json[]): string {
  return columns.flatMap(({ type }, i) => (type === 'text' && row[i] !== null ? [String(row[i])] : [])).join(' · ');
}

/**
 * The chart of an answer whose first column is a time: a line for each column of numbers, and of these one for what each
 * text beside them says. Undefined where there is nothing to draw.
 */
export function plotOf({ columns, rows }: QueryAnswer): Plot | undefined {
  const numbers = columns.flatMap((column, i) => (isNumber(column) ? [{ name: column.name, i }] : []));
  if (columns[0]?.type !== 'time' || numbers.length === 0) return undefined;
  const points = rows
    .map((row) => ({ at: typeof row[0] === 'string' ? Date.parse(row[0]) : NaN, row }))
    .filter(({ at }) => !Number.isNaN(at))
    .sort((a, b) => a.at - b.at);
  if (points.length === 0 || points[0]!.at === points.at(-1)!.at) return undefined;
  const byName = new Map<string, Line>();
  for (const { at, row } of points) {
    const whose = lineNames(columns, row);
    for (const { name, i } of numbers) {
      const key = whose && numbers.length > 1 ? `${whose} · ${name}` : whose || name;
      if (!byName.has(key)) byName.set(key, { time: [], value: [] });
      const line = byName.get(key)!;
      if (line.time.at(-1) === at / 1000) continue; // one value at a time
      line.time.push(at / 1000);
      line.value.push(typeof row[i] === 'number' ? row[i] : null);
    }
  }
  const lines = [...byName].map(([name, line]) => ({ name, line }));
  return {
    lines: lines.slice(0, MAX_LINES),
    left: Math.max(0, lines.length - MAX_LINES),
    from: points[0]!.at,
    to: points.at(-1)!.at,
  };
}

/** Counts what a deletion would take. */
export function countSql(what: { device: string; channel?: string | undefined; from?: number | undefined; to?: number | undefined }): string {
  const time = (ms: number) => sqlText(new Date(ms).toISOString());
  const conditions = [
    `device = ${sqlText(what.device)}`,
    what.channel === undefined ? '' : `channel = ${sqlText(what.channel)}`,
    what.from === undefined ? '' : `time >= ${time(what.from)}`,
    what.to === undefined ? '' : `time < ${time(what.to)}`,
  ];
  return `SELECT count(*) FROM samples WHERE ${conditions.filter(Boolean).join(' AND ')}`;
}
