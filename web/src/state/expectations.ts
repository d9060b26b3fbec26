// What monitors expect of a device's channels: limits, and the band of those that learn: of the past by what is stored, and
// then as it grows while the device is looked at.
import { createEffect, createResource, createSignal, on, onCleanup, type Accessor } from 'solid-js';
import { monitors, type Monitor, type MonitorState } from '../api_monitors.ts';
import { toMs } from '../lib/format.ts';
import { whileSeen } from './polling.ts';
import { may } from './session.ts';

export interface Expectation {
  monitor: string;
  channel: string;
  time: number[]; // Unix ms
  low: (number | undefined)[];
  high: (number | undefined)[];
}
/** Bands that are kept, and points of one. */
const MOST_BANDS = 200;
const MOST_POINTS = 1200;
const learned = new Map<string, Expectation>();
/** Parts of the past that is seen, and how long looking must pause before they are asked for. */
const PAST_POINTS = 300;
const SETTLED_MS = 300;

function bandOf(monitor: Monitor, device: string): Expectation {
  const key = `${device}\u0000${monitor.name}`;
  const known = learned.get(key);
  if (known && known.channel === monitor.channel) return known;
  const fresh = { monitor: monitor.name, channel: monitor.channel, time: [], low: [], high: [] };
  if (learned.size >= MOST_BANDS) learned.delete(learned.keys().next().value!);
  learned.set(key, fresh);
  return fresh;
}

/** Adds what is newer; true if something was. */
export function addState(band: Expectation, state: MonitorState): boolean {
  const at = toMs(state.time);
  if (Number.isNaN(at) || at <= (band.time.at(-1) ?? -Infinity)) return false;
  if (state.expected_low === undefined && state.expected_high === undefined) return false;
  band.time.push(at);
  band.low.push(state.expected_low);
  band.high.push(state.expected_high);
  if (band.time.length > MOST_POINTS) for (const column of [band.time, band.low, band.high]) column.shift();
  return true;
}

const limitsOf = ({ name, channel, options }: Monitor): Expectation => ({
  monitor: name,
  channel,
  time: [0],
  low: [options.low],
  high: [options.high],
});

/** The past, and behind it what is newer. */
export function joined(past: Expectation | undefined, band: Expectation): Expectation {
  if (!past) return band;
  const from = band.time.findIndex((at) => at > (past.time.at(-1) ?? -Infinity));
  if (from < 0) return past;
  return {
    ...band,
    time: [...past.time, ...band.time.slice(from)],
    low: [...past.low, ...band.low.slice(from)],
    high: [...past.high, ...band.high.slice(from)],
  };
}

/** The bands of these channels in the time that is seen, as the detector would have told them. */
function usePast(device: Accessor<string>, channels: Accessor<string[]>, seen: Accessor<readonly [number, number]>) {
  const [past, setPast] = createSignal<ReadonlyMap<string, Expectation>>(new Map());
  const ask = async (channel: string, from: number, to: number, stillWanted: () => boolean) => {
    try {
      const { t, low, high } = await monitors.expected(device(), channel, from, to, PAST_POINTS);
      if (stillWanted()) setPast((known) => new Map(known).set(channel, { monitor: '', channel, time: t, low, high }));
    } catch {
      // Too much is stored of that time, or nothing: the band begins with the page.
    }
  };
  createEffect(
    on([device, () => channels().join('\u0000'), seen], ([, , [from, to]]) => {
      let wanted = true;
      setPast(new Map());
      const timer = setTimeout(() => channels().forEach((one) => void ask(one, from, to, () => wanted)), SETTLED_MS);
      onCleanup(() => {
        wanted = false;
        clearTimeout(timer);
      });
    }),
  );
  return past;
}

/** Monitors and bands of the device's channels; `version` grows when a band has. `seen`: the time that is looked at. */
export function useExpectations(device: Accessor<string>, seen: Accessor<readonly [number, number]>) {
  const [version, setVersion] = createSignal(0);
  const [list] = createResource(
    () => may('rules:read') && device(),
    async (name) => {
      const all = await monitors.list();
      return all.filter((one) => one.enabled && (!one.device || one.device === name));
    },
  );
  // A server that refuses has no monitors for this page.
  const watching = () => (list.error ? [] : (list.latest ?? []));
  const learning = () => watching().filter(({ kind }) => kind === 'anomaly');
  const ask = async (monitor: Monitor, name: string) => {
    try {
      const [state] = await monitors.state(monitor.name, name);
      if (state && addState(bandOf(monitor, name), state)) setVersion((n) => n + 1);
    } catch {
      // It may have been removed meanwhile; the next look at the device reads the list anew.
    }
  };
  whileSeen(() => learning().forEach((monitor) => void ask(monitor, device())));
  const past = usePast(device, () => [...new Set(learning().map(({ channel }) => channel))], seen);
  const expectations = (): Expectation[] => [
    ...watching().filter(({ kind }) => kind === 'threshold').map(limitsOf),
    ...(version(), learning().map((monitor) => joined(past().get(monitor.channel), bandOf(monitor, device())))),
  ];
  return { watching, expectations, version };
}
