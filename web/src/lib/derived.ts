// What the page of derived channels shows and reads as text.
import type { DerivedChannel, DerivedTrial } from '../api_derived.ts';
import type { Line } from '../live/chart_data.ts';
import type { JsonObject } from './shadow.ts';

/** As it is written into its field: a length where there is nothing else to say. */
export function windowText(window: JsonObject | undefined | null): string {
  if (!window) return '';
  const { kind = 'tumbling', length, ...more } = window;
  if (kind === 'tumbling' && typeof length === 'string' && Object.keys(more).length === 0) return length;
  return JSON.stringify(window);
}

export const tagsText = (tags: Readonly<Record<string, string>>): string =>
  Object.entries(tags)
    .map(([name, value]) => `${name}=${value}`)
    .join('\n');

/** Of lines NAME=VALUE; undefined where one is not of that form. */
export function tagsOf(text: string): Record<string, string> | undefined {
  const tags: [string, string][] = [];
  for (const line of text.split('\n').map((one) => one.trim())) {
    if (!line) continue;
    const cut = line.indexOf('=');
    if (cut < 1) return undefined;
    tags.push([line.slice(0, cut).trim(), line.slice(cut + 1).trim()]);
  }
  return Object.fromEntries(tags);
}

export type DerivedState = 'off' | 'waiting' | 'late' | 'works';
/** In the order of what a person should know first. */
export function stateOf({ enabled, active_devices, late }: DerivedChannel): DerivedState {
  if (!enabled) return 'off';
  if (active_devices === 0) return 'waiting';
  return late > 0 ? 'late' : 'works';
}

/** What can be drawn of it: numbers, and truth values as 1 and 0. */
export function lineOfTrial({ time, value }: Pick<DerivedTrial, 'time' | 'value'>): Line {
  return {
    time: time.map((at) => Date.parse(at) / 1000),
    value: value.map((one) => (typeof one === 'number' ? one : typeof one === 'boolean' ? Number(one) : null)),
  };
}
