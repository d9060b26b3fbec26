// What was done, by whom and from where; and whether the log of it is whole.
import { createResource, createSignal, For, Show } from 'solid-js';
import { audit, type AuditRecord } from '../api_security.ts';
import { t } from '../i18n/index.ts';
import { formatCount, formatDate, toMs } from '../lib/format.ts';
import { createTyped } from '../state/polling.ts';
import { Loading, PageHead, Problem } from '../ui/parts.tsx';
import { attempt, reasonOf } from '../ui/toast.tsx';
import { Check } from './audit_check.tsx';
import { SecurityTabs } from './security_tabs.tsx';
import '../styles/security.css';

const ROWS = 100;

function Row(props: { record: AuditRecord }) {
  const who = () => [props.record.proof, props.record.address].filter(Boolean).join(' · ');
  return (
    <tr>
      <td class="number">{formatDate(toMs(props.record.at))}</td>
      <td>
        <b>{props.record.actor}</b>
        <div class="quiet-text">{who()}</div>
      </td>
      <td>
        <code>{props.record.action}</code>
        <Show when={props.record.outcome !== 'ok'}>
          {' '}
          <span class={`state audit-${props.record.outcome}`}>{t(`audit.${props.record.outcome}`)}</span>
        </Show>
        <Show when={props.record.count > 1}> × {formatCount(props.record.count)}</Show>
      </td>
      <td class="wide wrap">
        {props.record.object}
        <div class="quiet-text">{props.record.detail}</div>
      </td>
    </tr>
  );
}

export default function Audit() {
  const [actor, typeActor] = createTyped();
  const [action, typeAction] = createTyped();
  const [object, typeObject] = createTyped();
  const [from, setFrom] = createSignal('');
  const [until, setUntil] = createSignal('');
  const [older, setOlder] = createSignal<AuditRecord[]>([]);
  const [next, setNext] = createSignal<number | undefined>();
  const query = () => ({
    ...(actor() ? { actor: actor() } : {}),
    ...(action() ? { action: action() } : {}),
    ...(object() ? { object: object() } : {}),
    ...(from() ? { from: new Date(from()).toISOString() } : {}),
    ...(until() ? { until: new Date(until()).toISOString() } : {}),
    limit: ROWS,
  });
  const [newest, { refetch }] = createResource(query, async (wanted) => {
    const page = await audit.list(wanted);
    setOlder([]);
    setNext(page.next);
    return page.records;
  });
  const more = () =>
    attempt(async () => {
      const page = await audit.list({ ...query(), before: next()! });
      setOlder((rows) => [...rows, ...page.records]);
      setNext(page.next);
    });
  const rows = () => (newest.error ? [] : [...(newest.latest ?? []), ...older()]);
  const filters = [
    ['audit.actor', typeActor],
    ['audit.action', typeAction],
    ['audit.object', typeObject],
  ] as const;
  const times = [
    ['audit.from', setFrom],
    ['audit.until', setUntil],
  ] as const;
  return (
    <>
      <PageHead title={t('nav.certificates')}>
        <SecurityTabs />
      </PageHead>
      <div class="filter-row">
        <For each={filters}>
          {([label, type]) => (
            <input
              type="search"
              placeholder={t(label)}
              aria-label={t(label)}
              autocomplete="off"
              onInput={(event) => type(event.currentTarget.value)}
            />
          )}
        </For>
        <For each={times}>
          {([label, set]) => (
            <label>
              {t(label)} <input type="datetime-local" onChange={(event) => set(event.currentTarget.value)} />
            </label>
          )}
        </For>
        <button type="button" class="button" onClick={() => void refetch()}>
          {t('audit.refresh')}
        </button>
      </div>
      <Check />
      <Show when={!newest.error} fallback={<Problem text={reasonOf(newest.error)} retry={() => void refetch()} />}>
        <Show when={newest.latest} fallback={<Loading />}>
          <Show
            when={rows().length > 0}
            fallback={<p class="nothing">{t(next() === undefined ? 'search.none' : 'audit.none.yet')}</p>}
          >
            <div class="panel table-scroll">
              <table>
                <thead>
                  <tr>
                    <th>{t('audit.when')}</th>
                    <th>{t('audit.who')}</th>
                    <th>{t('audit.what')}</th>
                    <th>{t('audit.to')}</th>
                  </tr>
                </thead>
                <tbody>
                  <For each={rows()}>{(record) => <Row record={record} />}</For>
                </tbody>
              </table>
            </div>
          </Show>
          <Show when={next() !== undefined}>
            <button type="button" class="button" onClick={() => void more()}>
              {t('audit.more')}
            </button>
          </Show>
        </Show>
      </Show>
    </>
  );
}
