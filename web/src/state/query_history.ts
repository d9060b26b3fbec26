// The queries that a person has asked last, kept in this browser for the name that was signed in.
import { createSignal } from 'solid-js';
import { access } from './session.ts';

const KEPT = 20;
/** Longer ones are not kept. */
const MAX_LENGTH = 8192;

const [history, setHistory] = createSignal<readonly string[]>([]);
export { history };

function key(): string {
  const who = access();
  return `dunlin.queries.${who.state === 'in' ? who.user.name : ''}`;
}

/** Reads what was kept; anything else that may stand there counts for nothing. */
export function recall(): readonly string[] {
  let kept: unknown;
  try {
    kept = JSON.parse(localStorage.getItem(key()) ?? '[]');
  } catch {
    kept = [];
  }
  const list = Array.isArray(kept) ? kept.filter((sql): sql is string => typeof sql === 'string') : [];
  return setHistory(list.slice(0, KEPT));
}

function keep(list: readonly string[]): void {
  setHistory(list);
  try {
    localStorage.setItem(key(), JSON.stringify(list));
  } catch {
    // No room, or not allowed: they last as long as the page.
  }
}

/** The newest first, each once. */
export function remember(sql: string): void {
  if (sql.length > MAX_LENGTH) return;
  keep([sql, ...history().filter((one) => one !== sql)].slice(0, KEPT));
}

export const forget = (): void => keep([]);
