// Fetches a little history for the small lines that are in view, two at a time.
import { series as seriesApi } from '../api.ts';
import type { Series } from '../live/series_store.ts';
import { showSoon, store } from './live.ts';

const SPAN_MS = 10 * 60_000;
const POINTS = 60;
const AT_ONCE = 2;
const asked = new WeakSet<Series>();
const waiting: Series[] = [];
let running = 0;

async function fetchOne(series: Series): Promise<void> {
  try {
    const to = Date.now();
    const range = await seriesApi.range(series.device, series.channel, to - SPAN_MS, to, POINTS);
    const keep = range.t
      .map((t, i) => [t, range.value[i]] as const)
      .filter((p): p is readonly [number, number] => p[1] != null);
    series.ring.prepend(
      keep.map((p) => p[0]),
      keep.map((p) => p[1]),
    );
    store.touch(series);
    showSoon();
  } catch {
    // A small line without history fills up from live values; the device page reports errors.
  }
}

function next(): void {
  while (running < AT_ONCE) {
    const series = waiting.shift();
    if (!series) return;
    running++;
    void fetchOne(series).finally(() => {
      running--;
      next();
    });
  }
}

/** Asks once per series and page load. */
export function backfill(series: Series): void {
  if (asked.has(series)) return;
  asked.add(series);
  waiting.push(series);
  next();
}
