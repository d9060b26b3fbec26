// The answer of a query: its rows as a table, and as a chart where the first column is a time.
import { createEffect, createMemo, createSignal, For, on, Show } from 'solid-js';
import { queries, type Column, type QueryAnswer } from '../api_series.ts';
import { blobs } from '../api_blobs.ts';
import { t } from '../i18n/index.ts';
import { formatCount } from '../lib/format.ts';
import { blobOf } from '../lib/blob.ts';
import type { Json } from '../lib/shadow.ts';
import { plotOf, type Plot } from '../lib/sql.ts';
import { deviceHref } from '../router.ts';
import { Icon } from '../ui/icon.tsx';
import { saveFile } from '../ui/pem_field.tsx';
import { TimeChart } from '../ui/time_chart.tsx';
import { attempt } from '../ui/toast.tsx';

export interface Answered {
  sql: string;
  answer: QueryAnswer;
  ms: number;
}
const FIRST_ROWS = 200;
const MORE_ROWS = 1000;
const RIGHT = new Set(['integer', 'number', 'interval']);

function Cell(props: { column: Column; value: Json }) {
  const text = () => (typeof props.value === 'string' ? props.value : JSON.stringify(props.value));
  return (
    <td classList={{ number: RIGHT.has(props.column.type) }}>
      <Show when={props.value !== null} fallback={<span class="quiet-text">NULL</span>}>
        <Show
          when={props.column.name === 'device' && props.column.type === 'text'}
          fallback={
            <Show when={blobOf(text())} fallback={text()}>
              {(blob) => <a href={blobs.href(blob())} download="">{text()}</a>}
            </Show>
          }
        >
          <a href={deviceHref(text())}>{text()}</a>
        </Show>
      </Show>
    </td>
  );
}

function Rows(props: { answer: QueryAnswer }) {
  const [shown, setShown] = createSignal(FIRST_ROWS);
  const left = () => props.answer.rows.length - shown();
  return (
    <>
      <div class="answer-scroll" tabindex="0" role="region" aria-label={t('query.answer')}>
        <table>
          <thead>
            <tr>
              <For each={props.answer.columns}>
                {(column) => (
                  <th classList={{ number: RIGHT.has(column.type) }} title={column.type}>
                    {column.name}
                  </th>
                )}
              </For>
            </tr>
          </thead>
          <tbody>
            <For each={props.answer.rows.slice(0, shown())}>
              {(row) => (
                <tr>
                  <For each={props.answer.columns}>{(column, i) => <Cell column={column} value={row[i()] ?? null} />}</For>
                </tr>
              )}
            </For>
          </tbody>
        </table>
      </div>
      <Show when={left() > 0}>
        <button type="button" class="button small" onClick={() => setShown((n) => n + MORE_ROWS)}>
          {t('query.more', { n: formatCount(Math.min(left(), MORE_ROWS)) })}
        </button>
      </Show>
    </>
  );
}

function Chart(props: { plot: Plot }) {
  const whole = (): readonly [number, number] => [props.plot.from, props.plot.to];
  const [window, setWindow] = createSignal(whole());
  const [version, setVersion] = createSignal(0);
  createEffect(on(() => props.plot, () => (setWindow(whole()), setVersion((n) => n + 1)), { defer: true }));
  return (
    <>
      <TimeChart
        unit=""
        lines={props.plot.lines.map(({ name, line }, color) => ({ channel: name, color, line }))}
        version={version()}
        from={window()[0]}
        to={window()[1]}
        height={300}
        onZoom={(from, to) => setWindow([from, to])}
        onReset={() => setWindow(whole())}
      />
      <Show when={props.plot.left > 0}>
        <p class="quiet-text">{t('query.chart.left', { n: formatCount(props.plot.left) })}</p>
      </Show>
    </>
  );
}

export function Answer(props: Answered) {
  const plot = createMemo(() => plotOf(props.answer));
  const [view, setView] = createSignal<'table' | 'chart'>('chart');
  const drawn = () => (view() === 'chart' ? plot() : undefined);
  const download = () =>
    attempt(async () => {
      saveFile('query.csv', await queries.csv(props.sql));
    });
  const summary = () => {
    const n = props.answer.rows.length;
    return t(n === 0 ? 'query.rows.none' : n === 1 ? 'query.row' : 'query.rows', {
      n: formatCount(n),
      ms: formatCount(Math.max(1, Math.round(props.ms))),
    });
  };
  const cost = () =>
    t('query.cost', {
      points: formatCount(props.answer.points_read),
      chunks: formatCount(props.answer.chunks_by_summary),
    });
  return (
    <section class="panel answer" aria-label={t('query.answer')}>
      <header class="panel-head">
        <p role="status" title={cost()}>
          {summary()}
          <Show when={props.answer.parts_left_out > 0}>
            {' '}
            {t('query.left.out', { n: formatCount(props.answer.parts_left_out) })}
          </Show>
        </p>
        <div class="panel-tools">
          <Show when={plot()}>
            <div class="segments" role="group" aria-label={t('query.answer')}>
              <For each={['table', 'chart'] as const}>
                {(one) => (
                  <button type="button" aria-pressed={view() === one} onClick={() => setView(one)}>
                    {t(`query.${one}`)}
                  </button>
                )}
              </For>
            </div>
          </Show>
          <button type="button" class="button small" disabled={props.answer.rows.length === 0} onClick={download}>
            <Icon name="save" />
            {t('query.csv')}
          </button>
        </div>
      </header>
      <Show when={props.answer.truncated}>
        <p class="quiet-text">{t('query.truncated', { n: formatCount(props.answer.rows.length) })}</p>
      </Show>
      <Show when={drawn()} fallback={<Show when={props.answer.rows.length > 0}><Rows answer={props.answer} /></Show>}>
        {(chart) => <Chart plot={chart()} />}
      </Show>
    </section>
  );
}
