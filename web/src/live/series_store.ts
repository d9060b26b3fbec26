// All series that the page has heard of. Knows no framework: what changed since the last take() is collected here and
// handed out once per animation frame.
import type { SampleFrame } from './decode.ts';
import { SeriesRing } from './ring.ts';

export const RING_SAMPLES = 180;
/** Series beyond this are counted, not kept: a page cannot show them. */
export const MAX_SERIES = 200_000;

export interface Series {
  readonly device: string;
  readonly channel: string;
  unit: string;
  /** The newest value where it is no number (text, JSON); undefined otherwise. */
  text: string | undefined;
  readonly ring: SeriesRing;
}

export function seriesKey(device: string, channel: string): string {
  return `${device}\u0000${channel}`;
}

export class SeriesStore {
  private readonly byKey = new Map<string, Series>();
  private readonly byDevice = new Map<string, Series[]>();
  private byId = new Map<number, Series>(); // ids belong to one connection
  private dirty = new Set<Series>();
  samplesReceived = 0;
  samplesUnknown = 0;
  seriesRefused = 0;

  get size(): number {
    return this.byKey.size;
  }

  get(device: string, channel: string): Series | undefined {
    return this.byKey.get(seriesKey(device, channel));
  }

  /** In the order of their names. */
  of(device: string): readonly Series[] {
    return this.byDevice.get(device) ?? [];
  }

  devices(): string[] {
    return [...this.byDevice.keys()];
  }

  /** The series, made when new; undefined past MAX_SERIES. */
  ensure(device: string, channel: string, unit: string): Series | undefined {
    const key = seriesKey(device, channel);
    const known = this.byKey.get(key);
    if (known) {
      if (unit) known.unit = unit;
      return known;
    }
    if (this.byKey.size >= MAX_SERIES) {
      this.seriesRefused++;
      return undefined;
    }
    const series: Series = { device, channel, unit, text: undefined, ring: new SeriesRing(RING_SAMPLES) };
    this.byKey.set(key, series);
    const siblings = this.byDevice.get(device) ?? [];
    siblings.push(series);
    siblings.sort((a, b) => (a.channel < b.channel ? -1 : 1));
    this.byDevice.set(device, siblings);
    return series;
  }

  /** A connection's announcement of a series. */
  define(id: number, device: string, channel: string, unit: string): Series | undefined {
    const series = this.ensure(device, channel, unit);
    if (series) this.byId.set(id, series);
    return series;
  }

  /** Ids are per connection: the next connection announces them anew. */
  forgetIds(): void {
    this.byId = new Map();
  }

  apply(frame: SampleFrame): void {
    const { series, time, value } = frame;
    for (let i = 0; i < series.length; i++) {
      const target = this.byId.get(series[i]!);
      this.samplesReceived++;
      if (!target) {
        this.samplesUnknown++;
        continue;
      }
      if (target.ring.push(time[i]!, value[i]!)) {
        target.text = undefined;
        this.dirty.add(target);
      }
    }
  }

  touch(series: Series): void {
    this.dirty.add(series);
  }

  get hasChanges(): boolean {
    return this.dirty.size > 0;
  }

  /** The series changed since the last call. */
  take(): Set<Series> {
    const changed = this.dirty;
    this.dirty = new Set();
    return changed;
  }
}
