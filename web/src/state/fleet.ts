// Things, their presence and their alarms, kept current by the live link.
import { createMemo, createRoot, createSignal, untrack } from 'solid-js';
import { createStore, reconcile } from 'solid-js/store';
import { presence as presenceApi, things as thingApi, type Alarm, type Thing } from '../api.ts';
import { alarms as alarmApi } from '../api_alarms.ts';
import { toMs } from '../lib/format.ts';

const [things, setThings] = createStore<Record<string, Thing>>({});
const [alarms, setAlarms] = createStore<Record<string, Alarm>>({});
const [loaded, setLoaded] = createSignal(false);
export { things, alarms, loaded };

export interface PresenceChange {
  online: boolean;
  at: number;
}
const PRESENCE_KEPT = 20;
const [presence, setPresence] = createStore<Record<string, PresenceChange[]>>({});
export const presenceOf = (thing: string): readonly PresenceChange[] => presence[thing] ?? [];

export async function loadFleet(): Promise<void> {
  const [thingList, presenceList, alarmList] = await Promise.all([
    thingApi.list(),
    presenceApi.list(),
    alarmApi.list(),
  ]);
  const all: Record<string, Thing> = Object.fromEntries(thingList.map((thing) => [thing.name, thing]));
  for (const { thing, online, last_seen, gateway } of presenceList) {
    all[thing] = { ...(all[thing] ?? { name: thing }), online, last_seen: last_seen ?? null };
    if (gateway && !all[thing].gateway) all[thing].gateway = gateway;
  }
  setThings(reconcile(all));
  setAlarms(reconcile(Object.fromEntries(alarmList.map((alarm) => [alarm.id, alarm]))));
  setLoaded(true);
}

/** What is known of its presence stays; all else is as it is told, also what is gone. */
export function upsertThing(thing: Thing): void {
  if (thing.version === 0) return removeThing(thing.name);
  const { online, last_seen } = untrack(() => things[thing.name] ?? thing);
  const presence = { ...(online === undefined ? {} : { online }), ...(last_seen === undefined ? {} : { last_seen }) };
  setThings(thing.name, reconcile({ ...thing, ...presence }));
}

export function removeThing(name: string): void {
  setThings(name, undefined!);
}

/** Devices that send without being registered are shown all the same. */
export function noteDevices(names: Iterable<string>): void {
  const known = untrack(() => things);
  const missing = [...names].filter((name) => !known[name]);
  if (missing.length > 0) setThings(Object.fromEntries(missing.map((name) => [name, { name }])));
}

export function applyPresence(name: string, online: boolean, at: number): void {
  noteDevices([name]);
  setThings(name, { online, last_seen: at });
  setPresence(name, (list = []) => [{ online, at }, ...list].slice(0, PRESENCE_KEPT));
}

export function upsertAlarm(alarm: Alarm): void {
  setAlarms(alarm.id, reconcile(alarm));
}

export async function acknowledgeAlarm(id: string): Promise<void> {
  upsertAlarm(await alarmApi.acknowledge(id));
}

export async function clearAlarm(id: string): Promise<void> {
  upsertAlarm(await alarmApi.clear(id));
}

const SEVERITY_ORDER = ['critical', 'major', 'minor', 'warning', 'info'];
export const severityRank = (alarm: Alarm): number => {
  const rank = SEVERITY_ORDER.indexOf(alarm.severity);
  return rank < 0 ? SEVERITY_ORDER.length : rank;
};

export const { thingList, onlineCount, alarmList, openAlarms, alarmsByThing } = createRoot(() => {
  const thingList = createMemo(() => Object.values(things));
  const onlineCount = createMemo(() => thingList().reduce((n, thing) => n + (thing.online ? 1 : 0), 0));
  const alarmList = createMemo(() => Object.values(alarms).sort((a, b) => toMs(b.raised_at) - toMs(a.raised_at)));
  // Those that call for somebody: what is shelved or suppressed does not.
  const openAlarms = createMemo(() =>
    alarmList().filter((alarm) => alarm.state === 'active' || alarm.state === 'acknowledged'),
  );
  const alarmsByThing = createMemo(() => {
    const byThing = new Map<string, Alarm[]>();
    for (const alarm of openAlarms()) {
      if (alarm.thing) byThing.set(alarm.thing, [...(byThing.get(alarm.thing) ?? []), alarm]);
    }
    return byThing;
  });
  return { thingList, onlineCount, alarmList, openAlarms, alarmsByThing };
});
