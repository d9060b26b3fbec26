// One uPlot chart of lines that share a unit. The window [from, to] is the owner's; the chart draws and reports zooms.
import { createEffect, createSignal, For, on, onCleanup, onMount, Show, untrack } from 'solid-js';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { t } from '../i18n/index.ts';
import { channelLabel, formatDate, formatValue, unitLabel } from '../lib/format.ts';
import { summarize, type Line } from '../live/chart_data.ts';
import { theme } from '../state/theme.ts';

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
  onZoom: (from: number, to: number) => void;
  onReset: () => void;
}

const css = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const two = (n: number) => String(n).padStart(2, '0');

function timeLabel(seconds: number, step: number): string {
  const at = new Date(seconds * 1000);
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
    createEffect(
      on([() => props.lines.map((l) => `${l.channel}:${l.color}`).join('|'), () => props.height, theme], build),
    );
    // One redraw per frame, however many values came.
    let asked = 0;
    createEffect(
      on(
        [() => props.version, () => props.from, () => props.to],
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
  const label = () =>
    props.lines
      .map(({ channel, line }) => {
        const s = summary(line);
        return s
          ? t('chart.alt', { channel, min: formatValue(s.min), mean: formatValue(s.mean), max: formatValue(s.max) })
          : channel;
      })
      .join('; ');
  return (
    <div class="chart">
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
        <span class="legend-time">{cursorTime()}</span>
      </div>
      <div class="chart-box" ref={box} role="img" aria-label={label()} />
    </div>
  );
}
