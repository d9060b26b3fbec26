// Everything at a glance, built from what the devices send: nothing is configured here.
import { createMemo, createSignal, For, onCleanup, Show } from 'solid-js';
import { system, type Thing } from '../api.ts';
import { t, type TextKey } from '../i18n/index.ts';
import { formatCount, formatRate } from '../lib/format.ts';
import { groupThings, matches, type Group } from '../lib/search.ts';
import { alarmsByThing, loaded, onlineCount, openAlarms, thingList } from '../state/fleet.ts';
import { loadError, samplesPerSecond } from '../state/live.ts';
import { SearchBox } from '../ui/list.tsx';
import { Loading, PageHead, Problem } from '../ui/parts.tsx';
import { DeviceCard } from './device_card.tsx';
import { FirstSteps } from './first_steps.tsx';

type Filter = 'all' | 'online' | 'offline' | 'alarms';
const FILTERS: Filter[] = ['all', 'online', 'offline', 'alarms'];
const GROUP_SHOWN = 48;
const STATUS_EVERY_MS = 5000;

/** Messages a second as the server counts them, or undefined where it does not tell. */
function useMessageRate() {
  const [rate, setRate] = createSignal<number | undefined>();
  let before: { count: number; at: number } | undefined;
  const read = async () => {
    if (document.visibilityState !== 'visible') return;
    try {
      const count = (await system.status()).counts['messages_received'];
      if (count === undefined) return;
      const at = performance.now();
      if (before && count >= before.count) setRate(((count - before.count) * 1000) / (at - before.at));
      before = { count, at };
    } catch {
      setRate(undefined);
    }
  };
  void read();
  const soon = setTimeout(() => void read(), 1500);
  const timer = setInterval(() => void read(), STATUS_EVERY_MS);
  onCleanup(() => {
    clearTimeout(soon);
    clearInterval(timer);
  });
  return rate;
}

function Counts() {
  const rate = useMessageRate();
  return (
    <dl class="counts">
      <div>
        <dt>{t('count.online')}</dt>
        <dd>
          {formatCount(onlineCount())}
          <small> / {formatCount(thingList().length)}</small>
        </dd>
      </div>
      <div classList={{ bad: openAlarms().length > 0 }}>
        <dt>{t('count.alarms')}</dt>
        <dd>
          <a href="#/alarms">{formatCount(openAlarms().length)}</a>
        </dd>
      </div>
      <div>
        <dt>{t('count.messages')}</dt>
        <dd>{formatRate(rate() ?? samplesPerSecond())}</dd>
      </div>
      <div>
        <dt>{t('count.values')}</dt>
        <dd>{formatRate(samplesPerSecond())}</dd>
      </div>
    </dl>
  );
}

function TypeGroup(props: { group: Group<Thing> }) {
  const [limit, setLimit] = createSignal(GROUP_SHOWN);
  const rest = () => props.group.items.length - limit();
  return (
    <section
      class="type-group"
      classList={{ one: props.group.items.length === 1, two: props.group.items.length === 2 }}
      aria-label={`${props.group.site} ${props.group.type}`}
    >
      <h3>
        {props.group.type || t('type.none')}
        <span class="count">{props.group.items.length}</span>
      </h3>
      <div class="cards">
        <For each={props.group.items.slice(0, limit())}>{(thing) => <DeviceCard thing={thing} />}</For>
      </div>
      <Show when={rest() > 0}>
        <button type="button" class="button" onClick={() => setLimit((n) => n + GROUP_SHOWN)}>
          {t('more', { n: rest() })}
        </button>
      </Show>
    </section>
  );
}

function Groups(props: { things: Thing[] }) {
  const sites = createMemo(() => {
    const bySite = new Map<string, Group<Thing>[]>();
    for (const group of groupThings(props.things)) bySite.set(group.site, [...(bySite.get(group.site) ?? []), group]);
    return [...bySite];
  });
  // Keyed by name, so that a changed thing does not rebuild the sections around it.
  const names = createMemo(() => sites().map(([site]) => site), [], {
    equals: (a, b) => a.join('\0') === b.join('\0'),
  });
  const groupsOf = (site: string) => sites().find(([name]) => name === site)?.[1] ?? [];
  return (
    <For each={names()}>
      {(site) => {
        const types = createMemo(() => groupsOf(site).map((g) => g.type), [], {
          equals: (a, b) => a.join('\0') === b.join('\0'),
        });
        const count = () => groupsOf(site).reduce((n, g) => n + g.items.length, 0);
        return (
          <section class="site">
            <h2>
              {site || t('site.none')}
              <span class="count">{count()}</span>
            </h2>
            <div class="types">
              <For each={types()}>
                {(type) => (
                  <Show when={groupsOf(site).find((g) => g.type === type)}>
                    {(group) => <TypeGroup group={group()} />}
                  </Show>
                )}
              </For>
            </div>
          </section>
        );
      }}
    </For>
  );
}

export function Overview() {
  const [query, setQuery] = createSignal('');
  const [filter, setFilter] = createSignal<Filter>('all');
  const passes = (thing: Thing): boolean => {
    if (filter() === 'online') return thing.online === true;
    if (filter() === 'offline') return thing.online !== true;
    return filter() === 'all' || alarmsByThing().has(thing.name);
  };
  const shown = createMemo(() => thingList().filter((thing) => passes(thing) && matches(thing, query())));
  return (
    <>
      <PageHead title={t('nav.overview')}>
        <SearchBox label={t('search.devices')} onSearch={setQuery} />
        <div class="segments" role="group" aria-label={t('filter')}>
          <For each={FILTERS}>
            {(name) => (
              <button type="button" aria-pressed={filter() === name} onClick={() => setFilter(name)}>
                {t(`filter.${name}` as TextKey)}
              </button>
            )}
          </For>
        </div>
      </PageHead>
      <Counts />
      <Show when={loadError()}>{(text) => <Problem text={text()} />}</Show>
      <Show when={loaded() || thingList().length > 0} fallback={<Loading />}>
        <Show when={thingList().length > 0} fallback={<FirstSteps />}>
          <Show when={shown().length > 0} fallback={<p class="nothing">{t('search.none')}</p>}>
            <Groups things={shown()} />
          </Show>
        </Show>
      </Show>
    </>
  );
}
