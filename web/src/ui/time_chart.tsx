// One uPlot chart of lines that share a unit. The window [from, to] is the owner's; the chart draws and reports zooms: by
// dragging, by keys, and by the wheel with Ctrl or while the chart has the focus (else the wheel scrolls the page).
import { createEffect, createMemo, createSignal, For, on, onCleanup, onMount, Show, untrack } from 'solid-js';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { Severity } from '../api.ts';
import { t } from '../i18n/index.ts';
import { channelLabel, formatDate, formatValue, unitLabel } from '../lib/format.ts';
import { windowOfKey, zoomed } from '../lib/zoom.ts';
import { summarize, type Line } from '../live/chart_data.ts';
import { theme } from '../state/theme.ts';
import { drawBands, drawMarks, marksAt, type Band, type Mark } from './chart_marks.ts';

export interface ChartLine {
  channel: string;
  color: number;
  line: Line;
}

interface Props {
  unit: string;
  lines: ChartLine[];
  /** Grows whenever the lines' contents changed. */
  version: number;
  from: number; // Unix ms
  to: number;
  height: number;
  /** When something was unusual. */
  marks?: readonly Mark[];
  /** Where values were expected. */
  bands?: readonly Band[];
  onZoom: (from: number, to: number) => void;
  onReset: () => void;
}

const SEVERITY_COLORS: Record<Severity, string> = {
  critical: '--bad',
  major: '--bad',
  minor: '--warn',
  warning: '--warn',
  info: '--info',
};
/** Pixels around the pointer within which a mark counts as pointed at. */
const MARK_SLACK = 4;
const css = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const two = (n: number) => String(n).padStart(2, '0');

function timeLabel(seconds: number, step: number): string {
  const at = new Date(seconds * 1000);
  if (step >= 28 * 86_400) return `${at.getMonth() + 1}/${at.getFullYear()}`;
  if (step >= 86_400) return `${at.getDate()}/${at.getMonth() + 1}`;
  const text = `${two(at.getHours())}:${two(at.getMinutes())}`;
  return step < 60 ? `${text}:${two(at.getSeconds())}` : text;
}

function dataOf(lines: readonly ChartLine[]): uPlot.AlignedData {
  if (lines.length === 1) return [lines[0]!.line.time, lines[0]!.line.value];
  return uPlot.join(lines.map(({ line }) => [line.time, line.value] as uPlot.AlignedData));
}

function options(props: Props, width: number, onCursor: (index: number | null | undefined) => void): uPlot.Options {
  const axis = {
    stroke: css('--text-2'),
    font: '12px system-ui, sans-serif',
    grid: { stroke: css('--line'), width: 1 },
    ticks: { show: false },
  };
  return {
    width,
    height: props.height,
    legend: { show: false },
    padding: [10, 14, 0, 0],
    cursor: {
      sync: { key: 'device' },
      drag: { x: true, y: false, setScale: false },
      points: { size: 7 },
      bind: {
        dblclick: (_u: uPlot) => () => {
          props.onReset();
          return null;
        },
      },
    },
    scales: { x: { time: true, auto: false } },
    axes: [
      {
        ...axis,
        values: (_u, splits, _axis, _space, step) => splits.map((s) => timeLabel(s, step)),
        space: 70,
        size: 30,
      },
      { ...axis, size: 58, values: (_u, splits) => splits.map((v) => Number(v.toPrecision(6)).toLocaleString('en')) },
    ],
    series: [
      {},
      ...props.lines.map(({ channel, color }) => ({
        label: channel,
        stroke: css(`--series-${(color % 6) + 1}`),
        width: 1.75,
        points: { show: false },
        spanGaps: false,
        fill: props.lines.length === 1 ? `${css(`--series-${(color % 6) + 1}`)}16` : '',
      })),
    ],
    hooks: {
      drawAxes: [
        (u) => {
          drawBands(u, props.bands ?? [], (color) => css(`--series-${(color % 6) + 1}`), props.to);
          drawMarks(u, props.marks ?? [], (severity) => css(SEVERITY_COLORS[severity] ?? '--bad'), props.to);
        },
      ],
      setCursor: [(u) => onCursor(u.cursor.idx)],
      setSelect: [
        (u) => {
          if (u.select.width < 8) return;
          const from = u.posToVal(u.select.left, 'x') * 1000;
          const to = u.posToVal(u.select.left + u.select.width, 'x') * 1000;
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          props.onZoom(from, to);
        },
      ],
    },
  };
}

export function TimeChart(props: Props) {
  let box!: HTMLDivElement;
  let frame!: HTMLDivElement;
  let chart: uPlot | undefined;
  const [cursor, setCursor] = createSignal<number | null | undefined>();
  const [summaryTick, setSummaryTick] = createSignal(0);
  const show = () => {
    if (!chart) return;
    const { lines, from, to } = untrack(() => ({ lines: props.lines, from: props.from, to: props.to }));
    chart.batch(() => {
      chart!.setData(dataOf(lines), false);
      chart!.setScale('x', { min: from / 1000, max: to / 1000 });
    });
  };
  const build = () => {
    chart?.destroy();
    chart = new uPlot(options(props, Math.max(200, box.clientWidth), setCursor), dataOf(props.lines), box);
    show();
  };
  onMount(() => {
    // A memo: made anew whenever values come it would end what a person is dragging.
    const shape = createMemo(() => props.lines.map((l) => `${l.channel}:${l.color}`).join('|'));
    createEffect(on([shape, () => props.height, theme], build));
    // One redraw per frame, however many values came.
    let asked = 0;
    createEffect(
      on(
        [() => props.version, () => props.from, () => props.to, () => props.marks, () => props.bands],
        () => {
          cancelAnimationFrame(asked);
          asked = requestAnimationFrame(show);
        },
        { defer: true },
      ),
    );
    createEffect(
      on(
        () => Math.floor(props.to / 1000),
        () => setSummaryTick((n) => n + 1),
      ),
    );
    const observer = new ResizeObserver(() =>
      chart?.setSize({ width: Math.max(200, box.clientWidth), height: props.height }),
    );
    observer.observe(box);
    onCleanup(() => {
      observer.disconnect();
      cancelAnimationFrame(asked);
      chart?.destroy();
    });
  });
  const summary = (line: Line) => {
    summaryTick();
    return summarize(
      line,
      untrack(() => props.from),
    );
  };
  const cursorTime = () => {
    const index = cursor();
    const time = index == null ? undefined : chart?.data[0][index];
    return time == null ? undefined : formatDate(time * 1000);
  };
  const cursorValue = (i: number) => {
    const index = cursor();
    const value = index == null ? undefined : chart?.data[i + 1]?.[index];
    return value == null ? undefined : formatValue(value);
  };
  const pointed = () => {
    const index = cursor();
    const time = index == null ? undefined : chart?.data[0][index];
    if (time == null) return undefined;
    const slack = ((props.to - props.from) / Math.max(200, box.clientWidth)) * MARK_SLACK;
    return marksAt(props.marks ?? [], time * 1000, slack).at(-1)?.text;
  };
  const take = (window: readonly [number, number]) => props.onZoom(window[0], window[1]);
  const wheel = (event: WheelEvent) => {
    if (!chart || !(event.ctrlKey || event.metaKey || document.activeElement === frame)) return;
    event.preventDefault();
    const plot = chart.over.getBoundingClientRect();
    const share = Math.min(1, Math.max(0, (event.clientX - plot.left) / plot.width));
    take(zoomed([props.from, props.to], 1.25 ** Math.sign(event.deltaY), share, Date.now()));
  };
  onMount(() => box.addEventListener('wheel', wheel, { passive: false }));
  const press = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === '0') return props.onReset();
    const window = windowOfKey(event.key, [props.from, props.to], Date.now());
    if (!window) return;
    event.preventDefault();
    take(window);
  };
  const label = () =>
    props.lines
      .map(({ channel, line }) => {
        const s = summary(line);
        return s
          ? t('chart.alt', { channel, min: formatValue(s.min), mean: formatValue(s.mean), max: formatValue(s.max) })
          : channel;
      })
      .concat(props.marks?.length ? [t('chart.marks', { n: props.marks.length })] : [])
      .join('; ');
  return (
    <div class="chart" ref={frame} tabindex="0" role="group" aria-label={t('chart.keys')} onKeyDown={press}>
      <div class="legend">
        <For each={props.lines}>
          {({ channel, color, line }, i) => (
            <span class="legend-item">
              <i class={`swatch s${(color % 6) + 1}`} aria-hidden="true" />
              {channelLabel(channel)}{' '}
              <b>{cursorValue(i()) ?? formatValue((props.version, line.value.at(-1)) ?? NaN)}</b>{' '}
              {unitLabel(props.unit)}
              <Show when={summary(line)}>
                {(s) => (
                  <small>
                    {t('chart.summary', {
                      min: formatValue(s().min),
                      mean: formatValue(s().mean),
                      max: formatValue(s().max),
                    })}
                  </small>
                )}
              </Show>
            </span>
          )}
        </For>
        <span class="legend-time">
          <Show when={pointed()}>{(text) => <b class="legend-mark">{text()} </b>}</Show>
          {cursorTime()}
        </span>
      </div>
      <div class="chart-box" ref={box} role="img" aria-label={label()} />
    </div>
  );
}
