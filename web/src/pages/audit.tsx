// What was done, by whom and from where; and whether the log of it is whole.
import { createResource, createSignal, For, Show } from 'solid-js';
import { audit, type AuditRecord } from '../api_security.ts';
import { t } from '../i18n/index.ts';
import { createTyped } from '../state/polling.ts';
import { Loading, PageHead, Problem } from '../ui/parts.tsx';
import { attempt, reasonOf } from '../ui/toast.tsx';
import { Check } from './audit_check.tsx';
import { AuditTable } from './audit_table.tsx';
import { SecurityTabs } from './security_tabs.tsx';
import '../styles/security.css';

const ROWS = 100;

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
          <AuditTable records={rows()} nothing={t(next() === undefined ? 'search.none' : 'audit.none.yet')} />
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
