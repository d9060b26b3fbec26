// The device's chart: history from the server, live values behind it, paused or running.
import { batch, createEffect, createMemo, createSignal, For, on, onCleanup, Show, untrack } from 'solid-js';
import { series as api, type Alarm } from '../api.ts';
import { t } from '../i18n/index.ts';
import { channelLabel, toMs, unitLabel } from '../lib/format.ts';
import { appendLive, lineOf, trimBefore, type Line } from '../live/chart_data.ts';
import type { Series } from '../live/series_store.ts';
import { now } from '../state/clock.ts';
import { useExpectations } from '../state/expectations.ts';
import { alarmList } from '../state/fleet.ts';
import { linkState, tracked } from '../state/live.ts';
import type { Mark } from '../ui/chart_marks.ts';
import { Icon } from '../ui/icon.tsx';
import { TimeChart } from '../ui/time_chart.tsx';
import { reasonOf } from '../ui/toast.tsx';

const SPANS = [
  { label: '5m', ms: 300_000 },
  { label: '1h', ms: 3_600_000 },
  { label: '24h', ms: 86_400_000 },
  { label: '7d', ms: 7 * 86_400_000 },
  { label: '30d', ms: 30 * 86_400_000 },
  { label: '1y', ms: 366 * 86_400_000 },
];
const POINTS = 600;
const FIRST_CHOSEN = 3;
/** Zooming asks anew once it pauses. */
const SETTLED_MS = 150;

/** The lines of the chosen channels; `version` grows with every change of their contents. */
function useLines(
  chosen: () => readonly Series[],
  span: () => number,
  window: () => readonly [number, number] | undefined,
) {
  const [lines, setLines] = createSignal<ReadonlyMap<Series, Line>>(new Map());
  const [version, setVersion] = createSignal(0);
  const [error, setError] = createSignal<string>();
  const [loading, setLoading] = createSignal(0);
  const grow = () => setVersion((n) => n + 1);

  const follow = (series: Series, line: Line) => {
    const { time, value } = series.ring.toArrays((line.time.at(-1) ?? 0) * 1000 + 1);
    let changed = false;
    time.forEach((at, i) => {
      if (Number.isFinite(value[i]!)) changed = appendLive(line, at, value[i]!, span() / POINTS) || changed;
    });
    if (changed) grow();
  };
  const load = async (series: Series, from: number, to: number, stillWanted: () => boolean) => {
    setLoading((n) => n + 1);
    let line: Line = { time: [], value: [] };
    try {
      const range = await api.range(series.device, series.channel, from, to, POINTS);
      line = lineOf(range.t, range.value);
    } catch (problem) {
      if (stillWanted()) setError(reasonOf(problem));
    } finally {
      setLoading((n) => n - 1);
    }
    if (!stillWanted()) return;
    if (!window()) follow(series, line);
    setLines((known) => new Map(known).set(series, line));
    grow();
  };
  createEffect(
    on([chosen, span, window], ([list, ms, fixed]) => {
      let wanted = true;
      onCleanup(() => (wanted = false));
      setError(undefined);
      const to = Date.now();
      setLines((known) => new Map([...known].filter(([series]) => list.includes(series))));
      const ask = () =>
        list.forEach((series) => void load(series, fixed?.[0] ?? to - ms, fixed?.[1] ?? to, () => wanted));
      if (!fixed) return ask();
      const timer = setTimeout(ask, SETTLED_MS);
      onCleanup(() => clearTimeout(timer));
    }),
  );
  createEffect(() => {
    if (window()) return;
    for (const [series, line] of lines()) {
      tracked(series);
      untrack(() => follow(series, line));
    }
  });
  const trim = (since: number) => untrack(lines).forEach((line) => trimBefore(line, since));
  return { lines, version, error, loading, trim };
}

/** Numeric channels of which something is known. */
const plottable = (series: Series) => series.text === undefined;

/** An alarm of a monitor, from its begin to its end. */
const markOf = (alarm: Alarm): Mark => ({
  from: toMs(alarm.raised_at),
  to: alarm.state === 'cleared' ? toMs(alarm.cleared_at) : undefined,
  severity: alarm.severity,
  text: alarm.message || alarm.name,
});

export function DeviceChart(props: { channels: readonly Series[] }) {
  const [span, setSpan] = createSignal(SPANS[0]!.ms);
  const [window, setWindow] = createSignal<readonly [number, number]>();
  const candidates = createMemo(() => props.channels.filter(plottable));
  const [picked, setPicked] = createSignal<ReadonlySet<string>>();
  const isPicked = (series: Series) => picked()?.has(series.channel) ?? candidates().indexOf(series) < FIRST_CHOSEN;
  const chosen = createMemo(() => candidates().filter(isPicked), [], {
    equals: (a, b) => a.length === b.length && a.every((s, i) => s === b[i]),
  });
  const { lines, version, error, loading, trim } = useLines(chosen, span, window);

  const live = () => window() === undefined && linkState() === 'live';
  const to = createMemo(
    () =>
      window()?.[1] ??
      (version(),
      Math.max(
        now(),
        untrack(() => Date.now()),
      )),
  );
  const from = () => window()?.[0] ?? to() - span();
  createEffect(() => trim(from() - span() / POINTS));

  const pause = () => setWindow(window() ? undefined : [from(), to()]);
  const press = (event: KeyboardEvent) => {
    const inUse = (event.target as Element).closest('a, button, input, textarea, select, dialog, [contenteditable]');
    if (event.key !== ' ' || inUse || document.querySelector('dialog[open]')) return;
    event.preventDefault();
    pause();
  };
  addEventListener('keydown', press);
  onCleanup(() => removeEventListener('keydown', press));

  const toggle = (series: Series) => {
    const next = new Set(chosen().map((s) => s.channel));
    if (!next.delete(series.channel)) next.add(series.channel);
    setPicked(next);
  };
  const units = createMemo(() => [...new Set(chosen().map((s) => s.unit))], [], {
    // One unit may be the empty text.
    equals: (a, b) => a.length === b.length && a.every((unit, i) => unit === b[i]),
  });
  const linesOf = (unit: string) =>
    chosen()
      .filter((s) => s.unit === unit)
      .map((s) => ({
        channel: s.channel,
        color: candidates().indexOf(s),
        line: lines().get(s) ?? { time: [], value: [] },
      }));
  const device = () => props.channels[0]?.device ?? '';
  // Asked for once for each span or window, not with every moment that passes.
  const seen = createMemo(() => window() ?? ([Date.now() - span(), Date.now()] as const));
  const { watching, expectations } = useExpectations(device, seen);
  const colorOf = (channel: string) => candidates().findIndex((s) => s.channel === channel);
  const bandsOf = (unit: string) =>
    expectations()
      .filter(({ channel }) => chosen().some((s) => s.unit === unit && s.channel === channel))
      .map((one) => ({ ...one, color: colorOf(one.channel) }));
  const marksOf = (unit: string) => {
    const names = new Set(
      watching()
        .filter(({ channel }) => chosen().some((s) => s.unit === unit && s.channel === channel))
        .map(({ name }) => name),
    );
    return alarmList()
      .filter((alarm) => alarm.thing === device() && names.has(alarm.name))
      .map(markOf)
      .filter((mark) => mark.from <= to() && (mark.to ?? Infinity) >= from());
  };
  const height = () => (units().length > 1 ? 164 : 260);
  return (
    <section class="panel chart-panel" aria-label={t('chart')}>
      <header class="panel-head">
        <h2>{t('chart')}</h2>
        <span class={`live-mark ${live() ? 'on' : ''}`}>
          {t(window() ? 'chart.paused' : live() ? 'chart.live' : 'link.reconnecting')}
        </span>
        <Show when={loading() > 0}>
          <span class="quiet-text small">{t('loading')}</span>
        </Show>
        <div class="panel-tools">
          <div class="segments" role="group" aria-label={t('chart.span')}>
            <For each={SPANS}>
              {({ label, ms }) => (
                <button
                  type="button"
                  aria-pressed={span() === ms && !window()}
                  onClick={() =>
                    batch(() => {
                      setWindow(undefined);
                      setSpan(ms);
                    })
                  }
                >
                  {label}
                </button>
              )}
            </For>
          </div>
          <button type="button" class="button small" aria-pressed={window() !== undefined} onClick={pause}>
            <Icon name={window() ? 'play' : 'pause'} />
            {t(window() ? 'chart.resume' : 'chart.pause')}
          </button>
        </div>
      </header>
      <div class="chips" role="group" aria-label={t('channels')}>
        <For each={candidates()}>
          {(series, i) => (
            <button
              type="button"
              class="chip"
              aria-pressed={chosen().includes(series)}
              onClick={() => toggle(series)}
            >
              <i class={`swatch s${(i() % 6) + 1}`} aria-hidden="true" />
              {channelLabel(series.channel)}
              <Show when={unitLabel(series.unit)}>{(unit) => <small>{unit()}</small>}</Show>
            </button>
          )}
        </For>
      </div>
      <Show when={error()}>
        {(text) => (
          <p class="field-error" role="alert">
            {t('chart.error')} {text()}
          </p>
        )}
      </Show>
      <Show
        when={chosen().length > 0}
        fallback={<p class="nothing">{t(candidates().length ? 'chart.choose' : 'chart.none')}</p>}
      >
        <For each={units()}>
          {(unit) => (
            <TimeChart
              unit={unit}
              lines={linesOf(unit)}
              version={version()}
              from={from()}
              to={to()}
              height={height()}
              marks={marksOf(unit)}
              bands={bandsOf(unit)}
              onZoom={(a, b) => setWindow([a, b])}
              onReset={() => setWindow(undefined)}
            />
          )}
        </For>
      </Show>
    </section>
  );
}
