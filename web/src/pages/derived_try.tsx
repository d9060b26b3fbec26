// An expression computed over the last hour of a device, drawn beside what it reads.
import { createMemo, createSignal, For, onMount, Show } from 'solid-js';
import { series } from '../api.ts';
import { derived, type DerivedTrial } from '../api_derived.ts';
import { t } from '../i18n/index.ts';
import { lineOfTrial } from '../lib/derived.ts';
import { formatCount } from '../lib/format.ts';
import { lineOf } from '../live/chart_data.ts';
import { thingList } from '../state/fleet.ts';
import { Icon } from '../ui/icon.tsx';
import { TimeChart, type ChartLine } from '../ui/time_chart.tsx';
import { reasonOf } from '../ui/toast.tsx';
import type { Draft } from './derived_editor.tsx';
import { SqlFailure } from './sql_failure.tsx';
import '../styles/device.css';

const SPAN_MS = 3_600_000;
const POINTS = 600;
const LAST = 5;
const OFFERED = 500;

interface Tried {
  /** What it is of. */
  draft: string;
  device: string;
  unit: string;
  from: number;
  to: number;
  trial: DerivedTrial;
  inputs: { unit: string; lines: ChartLine[] }[];
}
type Outcome = { state: 'none' | 'running' } | { state: 'failed'; expression: string; reason: string } | ({ state: 'done' } & Tried);

/** What decides the results. */
const textOf = (draft: Draft) => JSON.stringify([draft.expression, draft.window, draft.max_age]);

/** Lines of what is read, by unit; of texts there is none. */
async function readInputs(trial: DerivedTrial, from: number, to: number): Promise<Tried['inputs']> {
  const known = trial.inputs.filter((input) => input.known);
  const ranges = await Promise.all(
    known.map(({ device, channel }) => series.range(device, channel, from, to, POINTS).catch(() => undefined)),
  );
  const byUnit = new Map<string, ChartLine[]>();
  ranges.forEach((range, i) => {
    if (!range || !range.value.some((value) => typeof value === 'number')) return;
    const { device, channel } = known[i]!;
    const line = { channel: `${device} · ${channel}`, color: i + 1, line: lineOf(range.t, range.value) };
    const unit = range.unit ?? '';
    byUnit.set(unit, [...(byUnit.get(unit) ?? []), line]);
  });
  return [...byUnit].map(([unit, lines]) => ({ unit, lines }));
}

async function attemptTrial(draft: Draft, device: string): Promise<Outcome> {
  const to = Date.now() + 1;
  const from = to - SPAN_MS;
  const of = { draft: textOf(draft), device, unit: draft.unit, from, to };
  const { expression, window, max_age } = draft;
  try {
    const said = { ...(window.trim() && { window: window.trim() }), ...(max_age.trim() && { max_age: max_age.trim() }) };
    const trial = await derived.test({ expression, device, from, to, ...said });
    return { state: 'done', ...of, trial, inputs: await readInputs(trial, from, to) };
  } catch (error) {
    return { state: 'failed', expression, reason: reasonOf(error) };
  }
}

function Charts(props: { of: Tried }) {
  const whole = (): readonly [number, number] => [props.of.from, props.of.to];
  const [window, setWindow] = createSignal(whole());
  const output = createMemo<ChartLine>(() => ({ channel: t('derived.try.output'), color: 0, line: lineOfTrial(props.of.trial) }));
  const drawable = () => output().line.value.some((value) => value !== null);
  const Chart = (it: { title: string; head?: boolean; unit: string; lines: ChartLine[]; height: number }) => (
    <section aria-label={it.title}>
      <Show when={it.head}>
        <h4>{it.title}</h4>
      </Show>
      <TimeChart
        unit={it.unit}
        lines={it.lines}
        version={0}
        from={window()[0]}
        to={window()[1]}
        height={it.height}
        onZoom={(from, to) => setWindow([from, to])}
        onReset={() => setWindow(whole())}
      />
    </section>
  );
  return (
    <>
      <Show when={drawable()} fallback={<LastResults of={props.of.trial} />}>
        <Chart title={t('derived.try.output')} unit={props.of.unit} lines={[output()]} height={180} />
      </Show>
      <For each={props.of.inputs}>
        {({ unit, lines }, i) => (
          <Chart title={t('derived.try.inputs')} head={i() === 0} unit={unit} lines={lines} height={140} />
        )}
      </For>
    </>
  );
}

function LastResults(props: { of: DerivedTrial }) {
  const rows = () => props.of.time.map((at, i) => [at, String(props.of.value[i])] as const).slice(-LAST);
  return (
    <Show when={rows().length > 0}>
      <table aria-label={t('derived.try.last')}>
        <tbody>
          <For each={rows()}>
            {([at, value]) => (
              <tr>
                <td>{at}</td>
                <td class="wrap">{value}</td>
              </tr>
            )}
          </For>
        </tbody>
      </table>
    </Show>
  );
}

function Result(props: { of: Tried; isOld: boolean }) {
  const n = () => props.of.trial.time.length;
  const text = () => {
    const key = n() === 0 ? 'derived.try.none' : n() === 1 ? 'derived.try.result' : 'derived.try.results';
    return t(key, { n: formatCount(n()), device: props.of.device });
  };
  return (
    <div class="derived-result" classList={{ old: props.isOld }}>
      <p role="status">
        {text()} {props.of.trial.truncated ? t('derived.try.cut', { n: formatCount(n()) }) : ''}
      </p>
      <For each={props.of.trial.inputs.filter((input) => !input.known)}>
        {({ device, channel }) => <p class="state pending">{t('derived.try.missing', { device, channel })}</p>}
      </For>
      <Show when={props.isOld}>
        <p class="state pending">{t('derived.try.old')}</p>
      </Show>
      <Charts of={props.of} />
    </div>
  );
}

/** `arm` gets what tries it out. */
export function DerivedTry(props: { draft: Draft; onGo: (offset: number) => void; arm: (run: () => void) => void }) {
  let input!: HTMLInputElement;
  const [outcome, setOutcome] = createSignal<Outcome>({ state: 'none' });
  const running = () => outcome().state === 'running';
  const names = () => thingList().slice(0, OFFERED).map(({ name }) => name);
  const likely = () => {
    const begin = props.draft.devices.replace(/\*$/, '');
    return names().find((name) => name.startsWith(begin)) ?? '';
  };
  const run = async () => {
    if (running()) return;
    const device = input.value.trim() || likely();
    if (!device) return input.focus();
    input.value = device;
    setOutcome({ state: 'running' });
    setOutcome(await attemptTrial(props.draft, device));
  };
  onMount(() => props.arm(() => void run()));
  const failed = () => {
    const it = outcome();
    return it.state === 'failed' ? it : undefined;
  };
  const done = () => {
    const it = outcome();
    return it.state === 'done' ? it : undefined;
  };
  // Enter would save what was to be tried.
  const press = (event: KeyboardEvent) => {
    if (event.key !== 'Enter') return;
    event.preventDefault();
    void run();
  };
  return (
    <section class="derived-try" aria-label={t('derived.try')}>
      <h3>{t('derived.try')}</h3>
      <div class="derived-try-head">
        <label>
          {t('derived.try.device')}
          <input list="derived-devices" maxlength="128" autocomplete="off" placeholder={likely()} ref={input} onKeyDown={press} />
        </label>
        <datalist id="derived-devices">
          <For each={names()}>{(name) => <option value={name} />}</For>
        </datalist>
        <button type="button" class="button" disabled={running() || !props.draft.expression.trim()} onClick={() => void run()}>
          <Icon name="play" />
          {t('derived.try.run')}
        </button>
        <span class="quiet-text small" role="status">
          {t(running() ? 'working' : 'derived.try.note')}
        </span>
      </div>
      <Show when={failed()}>{(it) => <SqlFailure sql={it().expression} reason={it().reason} onGo={props.onGo} />}</Show>
      <Show when={done()}>{(it) => <Result of={it()} isOld={it().draft !== textOf(props.draft)} />}</Show>
    </section>
  );
}
