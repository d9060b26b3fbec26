// Binds the live link to what the pages show. Samples are collected and shown once per animation frame.
import { batch, createSignal, type Accessor, type Setter } from 'solid-js';
import { series as seriesApi, type LastValue, type LiveMessage } from '../api.ts';
import { toMs } from '../lib/format.ts';
import { SeriesStore, type Series } from '../live/series_store.ts';
import { LiveLink, type LinkState } from '../live/socket.ts';
import { applyPresence, loadFleet, loaded, noteDevices, upsertAlarm, upsertThing } from './fleet.ts';

export const store = new SeriesStore();
const [linkState, setLinkState] = createSignal<LinkState>('connecting');
const [retryAt, setRetryAt] = createSignal<number | undefined>();
const [samplesPerSecond, setSamplesPerSecond] = createSignal(0);
const [loadError, setLoadError] = createSignal<string | undefined>();
export { linkState, retryAt, samplesPerSecond, loadError };

// One signal per series and one per device's list of series, made when something first looks.
const seriesSignals = new WeakMap<Series, [Accessor<number>, Setter<number>]>();
const deviceSignals = new Map<string, [Accessor<number>, Setter<number>]>();

/** Reads the series reactively: the caller runs again in the frame after a new sample. */
export function tracked(series: Series): Series {
  let signal = seriesSignals.get(series);
  if (!signal) {
    signal = createSignal(0);
    seriesSignals.set(series, signal);
  }
  signal[0]();
  return series;
}

/** The device's series, reactively: the caller runs again when one is added. */
export function seriesOf(device: string): readonly Series[] {
  let signal = deviceSignals.get(device);
  if (!signal) {
    signal = createSignal(0);
    deviceSignals.set(device, signal);
  }
  signal[0]();
  return [...store.of(device)];
}

const knownDevices = new Set<string>();
const newDevices = new Set<string>(); // waiting for the frame: a connection begins with thousands
function announce(device: string): void {
  deviceSignals.get(device)?.[1]((n) => n + 1);
  if (knownDevices.has(device)) return;
  knownDevices.add(device);
  newDevices.add(device);
  showSoon();
}

let frameAsked = false;
export function showSoon(): void {
  if (frameAsked) return;
  frameAsked = true;
  requestAnimationFrame(() => {
    frameAsked = false;
    batch(() => {
      applyWaiting();
      for (const series of store.take()) seriesSignals.get(series)?.[1]((n) => n + 1);
    });
  });
}

// Events wait for the frame too: a site that comes back sends thousands at once. A hidden page has no frames, so a full
// list is applied at once.
const MAX_WAITING = 1000;
let waiting: LiveMessage[] = [];

function applyWaiting(): void {
  const messages = waiting;
  waiting = [];
  messages.forEach(apply);
  noteDevices(newDevices);
  newDevices.clear();
}

export interface Picture {
  url: string;
  channel: string;
  at: number;
}
const pictures = new Map<string, [Accessor<Picture | undefined>, Setter<Picture | undefined>]>();
const [pictureDevices, setPictureDevices] = createSignal<ReadonlySet<string>>(new Set());

/** The newest camera picture of the device. */
export function pictureOf(device: string): Picture | undefined {
  if (!pictureDevices().has(device)) return undefined;
  return pictures.get(device)?.[0]();
}

function showPicture(device: string, channel: string, blob: Blob, at: string | undefined): void {
  noteDevices([device]);
  let signal = pictures.get(device);
  if (!signal) {
    signal = createSignal<Picture | undefined>();
    pictures.set(device, signal);
    setPictureDevices(new Set([...pictureDevices(), device]));
  }
  const old = signal[0]();
  signal[1]({ url: URL.createObjectURL(blob), channel, at: at ? toMs(at) : Date.now() });
  // The element may still be decoding the former picture.
  if (old) setTimeout(() => URL.revokeObjectURL(old.url), 2000);
}

const shadowListeners = new Map<string, Set<() => void>>();
/** Calls `changed` when the thing's shadow changes; returns the way to stop. */
export function onShadow(thing: string, changed: () => void): () => void {
  const listeners = shadowListeners.get(thing) ?? new Set();
  shadowListeners.set(thing, listeners.add(changed));
  return () => {
    listeners.delete(changed);
    if (listeners.size === 0) shadowListeners.delete(thing);
  };
}

const traceListeners = new Set<(message: LiveMessage) => void>();
/** Calls `take` with what belongs to a trace; returns the way to stop. */
export function onTrace(take: (message: LiveMessage) => void): () => void {
  traceListeners.add(take);
  return () => traceListeners.delete(take);
}

const refusalListeners = new Set<() => void>();
/** Calls `told` when something was refused, at most once a second; returns the way to stop. */
export function onRefusals(told: () => void): () => void {
  refusalListeners.add(told);
  return () => refusalListeners.delete(told);
}

function receive(message: LiveMessage): void {
  if (message.type === 'refusals') {
    refusalListeners.forEach((told) => told());
    return;
  }
  if (message.type === 'trace' || message.type === 'trace_events') {
    traceListeners.forEach((take) => take(message));
    return;
  }
  if (message.type === 'series') {
    // At once: its samples may be in the next frame of the stream.
    if (store.define(message.id, message.device, message.channel, message.unit ?? '')) announce(message.device);
    return;
  }
  waiting.push(message);
  if (waiting.length >= MAX_WAITING) batch(applyWaiting);
  else showSoon();
}

// What is told while the lists are on their way may be newer than they are: it is applied behind them.
const MAX_HELD_BACK = 10_000;
let listsUnderWay = 0;
const heldBack: LiveMessage[] = [];

async function loadLists(): Promise<void> {
  listsUnderWay++;
  try {
    await loadFleet();
  } finally {
    listsUnderWay--;
    if (listsUnderWay === 0) batch(() => heldBack.splice(0).forEach(apply));
  }
}

function apply(message: LiveMessage): void {
  if (listsUnderWay > 0 && heldBack.length < MAX_HELD_BACK) {
    heldBack.push(message);
    return;
  }
  switch (message.type) {
    case 'presence':
      applyPresence(message.thing, message.online, message.at ? toMs(message.at) : Date.now());
      break;
    case 'thing':
      upsertThing(message.thing);
      break;
    case 'alarm':
      upsertAlarm(message.alarm);
      break;
    case 'shadow':
      shadowListeners.get(message.thing)?.forEach((changed) => changed());
      break;
    case 'error':
      console.warn('live:', message.message);
      break;
    default:
      break; // A newer server may say more than this page knows.
  }
}

/** Takes over last values read from the API, for series that have not spoken on the live link yet. */
export function applyLast(values: readonly LastValue[]): void {
  for (const { device, channel, unit, t, value } of values) {
    const series = store.ensure(device, channel, unit ?? '');
    if (!series) continue;
    const number = typeof value === 'boolean' ? Number(value) : value;
    const taken = series.ring.push(toMs(t), typeof number === 'number' ? number : NaN);
    if (taken && typeof number !== 'number')
      series.text = typeof number === 'string' ? number : JSON.stringify(number);
    store.touch(series);
    announce(device);
  }
  showSoon();
}

async function load(): Promise<void> {
  try {
    await loadLists();
    setLoadError(undefined);
    applyLast(await seriesApi.last());
  } catch (error) {
    setLoadError(error instanceof Error ? error.message : String(error));
  }
}

let onRefused: () => void = () => {};
/** What to do when the server has closed the link because of who asks. */
export function whenLinkRefused(action: () => void): void {
  onRefused = action;
}

const link = new LiveLink({
  state(state, retry) {
    setLinkState(state);
    setRetryAt(retry);
    // Everything is read once per connection; afterwards the link tells what changes.
    if (state === 'live') store.forgetIds();
    // Where the link cannot be had at all, the page still shows what the API tells.
    if (state === 'live' || (retry && !loaded())) void load();
  },
  message: receive,
  samples(frame) {
    store.apply(frame);
    showSoon();
  },
  picture: showPicture,
  refused: () => onRefused(),
});

/** Asks the live channel for something; false where there is no link. */
export const sendLive = (request: object): boolean => link.send(request);

export const reconnectNow = (): void => link.hurry();

let rateTimer: ReturnType<typeof setInterval> | undefined;
export function startLive(): void {
  if (rateTimer) return;
  let before = store.samplesReceived;
  rateTimer = setInterval(() => {
    const received = store.samplesReceived - before;
    before = store.samplesReceived;
    setSamplesPerSecond((rate) => (rate === 0 ? received : rate + (received - rate) / 4));
  }, 1000);
  link.start();
}

export function stopLive(): void {
  clearInterval(rateTimer);
  rateTimer = undefined;
  link.stop();
}
