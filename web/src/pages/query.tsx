// Questions to the stored series in SQL, answered as a table, a chart or a file.
import { createSignal, onCleanup, Show } from 'solid-js';
import { queries } from '../api_series.ts';
import { t } from '../i18n/index.ts';
import { recall, remember } from '../state/query_history.ts';
import { Icon } from '../ui/icon.tsx';
import { PageHead } from '../ui/parts.tsx';
import { reasonOf } from '../ui/toast.tsx';
import { DataTabs } from './data_tabs.tsx';
import { Answer, type Answered } from './query_answer.tsx';
import { EXAMPLES } from './query_examples.ts';
import { QuerySide } from './query_side.tsx';
import { SqlFailure } from './sql_failure.tsx';
import '../styles/device.css';
import '../styles/query.css';

type Outcome = { state: 'none' | 'cancelled' } | { state: 'failed'; sql: string; reason: string } | ({ state: 'answered' } & Answered);
const MAX_SQL = 65_536;

/** Runs one query at a time; the next one takes the place of the one before. */
function useQuery() {
  const [outcome, setOutcome] = createSignal<Outcome>({ state: 'none' });
  const [running, setRunning] = createSignal<AbortController>();
  const [seconds, setSeconds] = createSignal(0);
  const cancel = () => running()?.abort();
  const run = async (sql: string) => {
    cancel();
    const mine = new AbortController();
    const began = performance.now();
    setRunning(mine);
    setSeconds(0);
    const timer = setInterval(() => setSeconds(Math.floor((performance.now() - began) / 1000)), 250);
    let next: Outcome;
    try {
      const answer = await queries.run(sql, mine.signal);
      next = { state: 'answered', sql, answer, ms: performance.now() - began };
    } catch (error) {
      next = mine.signal.aborted ? { state: 'cancelled' } : { state: 'failed', sql, reason: reasonOf(error) };
    }
    clearInterval(timer);
    if (running() !== mine) return;
    setRunning(undefined);
    setOutcome(next);
  };
  onCleanup(cancel);
  return { outcome, running, seconds, run, cancel };
}

export default function Query() {
  let editor!: HTMLTextAreaElement;
  const [sql, setSql] = createSignal(recall()[0] ?? EXAMPLES[0]!.sql);
  const { outcome, running, seconds, run, cancel } = useQuery();
  const start = () => {
    if (!sql().trim()) return editor.focus();
    remember(sql().trim());
    return void run(sql());
  };
  const press = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    start();
  };
  const goTo = (offset: number) => {
    editor.focus();
    editor.setSelectionRange(offset, offset);
  };
  const take = (text: string) => {
    setSql(text);
    start();
  };
  const insert = (text: string) => {
    editor.setRangeText(text, editor.selectionStart, editor.selectionEnd, 'end');
    setSql(editor.value);
    editor.focus();
  };
  const failed = () => {
    const now = outcome();
    return now.state === 'failed' ? now : undefined;
  };
  const answered = () => {
    const now = outcome();
    return now.state === 'answered' ? now : undefined;
  };
  return (
    <>
      <PageHead title={t('nav.query')}>
        <DataTabs />
      </PageHead>
      <div class="query-grid">
        <div class="query-main">
          <section class="panel query-editor">
            <label for="query-sql">{t('query.sql')}</label>
            <textarea
              id="query-sql"
              class="code"
              rows="7"
              spellcheck={false}
              autocomplete="off"
              autocapitalize="off"
              maxlength={MAX_SQL}
              aria-invalid={failed() ? 'true' : undefined}
              ref={editor}
              value={sql()}
              onInput={(event) => setSql(event.currentTarget.value)}
              onKeyDown={press}
            />
            <div class="query-tools">
              <button type="button" class="button primary" disabled={running() !== undefined} onClick={start}>
                <Icon name="play" />
                {t('query.run')}
              </button>
              <Show when={running()} fallback={<span class="quiet-text small">{t('query.hint')}</span>}>
                <button type="button" class="button" onClick={cancel}>
                  {t('cancel')}
                </button>
                <span class="quiet-text" role="status">
                  {t('query.running', { n: seconds() })}
                </span>
              </Show>
            </div>
          </section>
          <Show when={failed()}>{(why) => <SqlFailure sql={why().sql} reason={why().reason} onGo={goTo} />}</Show>
          <Show when={answered()}>{(it) => <Answer sql={it().sql} answer={it().answer} ms={it().ms} />}</Show>
          <Show when={outcome().state === 'none' || outcome().state === 'cancelled'}>
            <p class="nothing" role="status">
              {t(outcome().state === 'none' ? 'query.empty' : 'query.cancelled')}
            </p>
          </Show>
        </div>
        <QuerySide onQuery={take} onPick={insert} />
      </div>
    </>
  );
}
