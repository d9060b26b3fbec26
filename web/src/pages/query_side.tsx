// What stands beside the editor: examples, tables with their columns, and the last queries.
import { createMemo, createResource, createSignal, For, Show } from 'solid-js';
import { queries } from '../api_series.ts';
import { t } from '../i18n/index.ts';
import { sqlName, tablesOf } from '../lib/sql.ts';
import { store } from '../state/live.ts';
import { whileSeen } from '../state/polling.ts';
import { forget, history } from '../state/query_history.ts';
import { reasonOf } from '../ui/toast.tsx';
import { EXAMPLES } from './query_examples.ts';

function Columns(props: { table: string; onPick: (text: string) => void }) {
  const [answer] = createResource(() =>
    queries.run(`SELECT * FROM ${sqlName(props.table)} LIMIT 1`, AbortSignal.timeout(10_000)),
  );
  return (
    <Show when={!answer.error} fallback={<p class="field-error">{reasonOf(answer.error)}</p>}>
      <Show when={answer()} fallback={<p class="quiet-text">{t('loading')}</p>}>
        {(found) => (
          <ul class="chips" aria-label={t('query.tables.columns', { name: props.table })}>
            <For each={found().columns} fallback={<li class="quiet-text">{t('query.tables.none')}</li>}>
              {(column) => (
                <li>
                  <button type="button" class="chip" aria-pressed="true" onClick={() => props.onPick(sqlName(column.name))}>
                    {column.name}
                    <Show when={column.type !== 'NULL'}>
                      <small>{column.type}</small>
                    </Show>
                  </button>
                </li>
              )}
            </For>
          </ul>
        )}
      </Show>
    </Show>
  );
}

function Table(props: { name: string; onPick: (text: string) => void }) {
  const [open, setOpen] = createSignal(false);
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <code>{props.name}</code>
      </summary>
      <Show when={open()}>
        <Columns table={props.name} onPick={props.onPick} />
      </Show>
    </details>
  );
}

export function QuerySide(props: { onQuery: (sql: string) => void; onPick: (text: string) => void }) {
  const [known, setKnown] = createSignal(store.size);
  whileSeen(() => setKnown(store.size));
  const channels = () => store.devices().flatMap((device) => store.of(device).map(({ channel }) => channel));
  const tables = createMemo(() => (known(), tablesOf(channels())));
  return (
    <aside class="query-side">
      <section class="panel">
        <h2>{t('query.examples')}</h2>
        <ul>
          <For each={EXAMPLES}>
            {({ name, sql }) => (
              <li>
                <button type="button" class="query-pick" onClick={() => props.onQuery(sql)}>
                  {t(name)}
                </button>
              </li>
            )}
          </For>
        </ul>
      </section>
      <section class="panel">
        <h2>{t('query.tables')}</h2>
        <For each={tables()}>{(name) => <Table name={name} onPick={props.onPick} />}</For>
        <p class="quiet-text small">{t('query.guide')}</p>
      </section>
      <section class="panel">
        <div class="section-head">
          <h2>{t('query.history')}</h2>
          <Show when={history().length > 0}>
            <button type="button" class="button small quiet" onClick={forget}>
              {t('query.history.forget')}
            </button>
          </Show>
        </div>
        <ul aria-label={t('query.history')}>
          <For each={history()} fallback={<li class="quiet-text">{t('query.history.none')}</li>}>
            {(sql) => (
              <li>
                <button type="button" class="query-pick one-line" title={sql} onClick={() => props.onQuery(sql)}>
                  <code>{sql.replace(/\s+/g, ' ')}</code>
                </button>
              </li>
            )}
          </For>
        </ul>
      </section>
    </aside>
  );
}
