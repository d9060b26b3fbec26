// The newest samples of one series in two fixed arrays.

/** Times must not go back; an older sample is ignored, one of equal time replaces the newest. */
export class SeriesRing {
  readonly capacity: number;
  private readonly time: Float64Array;
  private readonly value: Float64Array;
  private head = 0; // where the next sample goes
  private count = 0;
  private interval = NaN; // running mean of the gaps, ms

  constructor(capacity: number) {
    if (capacity < 1) throw new RangeError('a ring needs room for one sample');
    this.capacity = capacity;
    this.time = new Float64Array(capacity);
    this.value = new Float64Array(capacity);
  }

  get size(): number {
    return this.count;
  }

  private at(i: number): number {
    return (this.head - this.count + i + 2 * this.capacity) % this.capacity;
  }

  get lastTime(): number {
    return this.count === 0 ? NaN : this.time[this.at(this.count - 1)]!;
  }

  get lastValue(): number {
    return this.count === 0 ? NaN : this.value[this.at(this.count - 1)]!;
  }

  /** Mean milliseconds between samples, weighted to the recent ones; NaN before the second sample. */
  get usualInterval(): number {
    return this.interval;
  }

  /** Whether the sample was taken. */
  push(time: number, value: number): boolean {
    if (!Number.isFinite(time)) return false;
    const last = this.lastTime;
    if (time < last) return false;
    if (time === last) {
      this.value[this.at(this.count - 1)] = value;
      return true;
    }
    if (this.count > 0) {
      const gap = time - last;
      this.interval = Number.isNaN(this.interval) ? gap : this.interval + (gap - this.interval) / 8;
    }
    this.time[this.head] = time;
    this.value[this.head] = value;
    this.head = (this.head + 1) % this.capacity;
    if (this.count < this.capacity) this.count++;
    return true;
  }

  /** Puts older samples before the present ones, as far as there is room; they must be in order of time. */
  prepend(times: readonly number[], values: readonly number[]): void {
    const { time, value } = this.toArrays();
    const first = time.length > 0 ? time[0]! : Infinity;
    this.head = 0;
    this.count = 0;
    this.interval = NaN;
    for (let i = 0; i < times.length; i++) if (times[i]! < first) this.push(times[i]!, values[i]!);
    for (let i = 0; i < time.length; i++) this.push(time[i]!, value[i]!);
  }

  /** Copies, oldest first, of the samples at or after `since`. */
  toArrays(since = -Infinity): { time: number[]; value: number[] } {
    const time: number[] = [];
    const value: number[] = [];
    for (let i = 0; i < this.count; i++) {
      const at = this.at(i);
      if (this.time[at]! < since) continue;
      time.push(this.time[at]!);
      value.push(this.value[at]!);
    }
    return { time, value };
  }
}

export type Freshness = 'none' | 'fresh' | 'stale';

const SHORTEST_STALE_MS = 5_000;
const UNKNOWN_INTERVAL_STALE_MS = 300_000;

/** Stale when nothing came for three times the usual interval. */
export function freshness(lastTime: number, usualInterval: number, now: number): Freshness {
  if (Number.isNaN(lastTime)) return 'none';
  const limit = Number.isNaN(usualInterval)
    ? UNKNOWN_INTERVAL_STALE_MS
    : Math.max(SHORTEST_STALE_MS, 3 * usualInterval);
  return now - lastTime > limit ? 'stale' : 'fresh';
}
