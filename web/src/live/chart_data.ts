// Columns of one chart line: history from the server, then live samples thinned to the chart's resolution, so that a
// day of view does not grow by every sample.

export interface Line {
  time: number[]; // seconds, as uPlot wants them
  value: (number | null)[];
}

export function lineOf(timesMs: readonly number[], values: readonly (number | null)[]): Line {
  return { time: timesMs.map((t) => t / 1000), value: [...values] };
}

/**
 * Adds a live sample. One closer than `resolutionMs` to the one before the last replaces the last, so at most one sample
 * per step stays; one not newer than the last is ignored.
 */
export function appendLive(line: Line, timeMs: number, value: number, resolutionMs: number): boolean {
  const time = timeMs / 1000;
  const n = line.time.length;
  if (n > 0 && time <= line.time[n - 1]!) return false;
  if (n > 1 && (time - line.time[n - 2]!) * 1000 < resolutionMs) {
    line.time[n - 1] = time;
    line.value[n - 1] = value;
    return true;
  }
  line.time.push(time);
  line.value.push(value);
  return true;
}

/** Drops what lies before the window, but for one point that lets the line reach the left edge. */
export function trimBefore(line: Line, sinceMs: number): void {
  const since = sinceMs / 1000;
  let drop = 0;
  while (drop + 1 < line.time.length && line.time[drop + 1]! < since) drop++;
  if (drop === 0) return;
  line.time.splice(0, drop);
  line.value.splice(0, drop);
}

/** Minimum, mean and maximum within the window; null when it holds no value. */
export function summarize(line: Line, sinceMs: number): { min: number; mean: number; max: number } | null {
  let min = Infinity;
  let max = -Infinity;
  let sum = 0;
  let count = 0;
  for (let i = 0; i < line.time.length; i++) {
    const value = line.value[i];
    if (value === null || value === undefined || line.time[i]! * 1000 < sinceMs) continue;
    min = Math.min(min, value);
    max = Math.max(max, value);
    sum += value;
    count++;
  }
  return count === 0 ? null : { min, mean: sum / count, max };
}

/** SVG path of a small line in a box of width x height; empty with fewer than two points. */
export function sparkPath(values: readonly number[], width: number, height: number): string {
  if (values.length < 2) return '';
  let min = Infinity;
  let max = -Infinity;
  for (const value of values) {
    if (value < min) min = value;
    if (value > max) max = value;
  }
  const span = max - min;
  const step = width / (values.length - 1);
  let path = '';
  for (let i = 0; i < values.length; i++) {
    const y = span === 0 ? height / 2 : height - ((values[i]! - min) / span) * height;
    path += `${i === 0 ? 'M' : 'L'}${(i * step).toFixed(1)} ${y.toFixed(1)}`;
  }
  return path;
}
