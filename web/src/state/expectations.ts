// What monitors expect of a device's channels: limits, and the band of those that learn, kept from the moment on at which
// the device was first looked at.
import { createResource, createSignal, type Accessor } from 'solid-js';
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

/** Monitors and bands of the device's channels; `version` grows when a band has. */
export function useExpectations(device: Accessor<string>) {
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
  const expectations = (): Expectation[] => [
    ...watching().filter(({ kind }) => kind === 'threshold').map(limitsOf),
    ...(version(), learning().map((monitor) => bandOf(monitor, device()))),
  ];
  return { watching, expectations, version };
}
