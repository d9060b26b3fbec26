// What was done, by whom and from where; and whether the log of it is whole.
import { createResource, createSignal, For, Show } from 'solid-js';
import { audit, type AuditCheck, type AuditRecord } from '../api_security.ts';
import { t } from '../i18n/index.ts';
import { formatCount } from '../lib/format.ts';
import { createTyped } from '../state/polling.ts';
import { Icon } from '../ui/icon.tsx';
import { Loading, PageHead, Problem } from '../ui/parts.tsx';
import { attempt, reasonOf } from '../ui/toast.tsx';
import { AuditTable } from './audit_table.tsx';
import { SecurityTabs } from './security_tabs.tsx';
import '../styles/security.css';

const ROWS = 100;

function Check() {
  const [result, setResult] = createSignal<AuditCheck | 'running' | undefined>();
  const ended = () => {
    const now = result();
    return now === 'running' ? undefined : now;
  };
  const verify = async () => {
    setResult('running');
    if (!(await attempt(async () => setResult(await audit.verify())))) setResult(undefined);
  };
  return (
    <div class="audit-check">
      <button type="button" class="button" disabled={result() === 'running'} onClick={() => void verify()}>
        <Icon name="certificates" />
        {t(result() === 'running' ? 'audit.verifying' : 'audit.verify')}
      </button>
      <Show when={ended()}>
        {(check) => (
          <p class="verdict" classList={{ good: check().ok }} role="status">
            <Icon name={check().ok ? 'check' : 'close'} />
            <span>
              {check().ok
                ? t('audit.whole', { n: formatCount(check().records), first: check().first, last: check().last })
                : check().problem}
              <Show when={check().ok}>
                <br />
                <code>{check().hash}</code>
              </Show>
            </span>
          </p>
        )}
      </Show>
    </div>
  );
}

export default function Audit() {
  const [actor, typeActor] = createTyped();
  const [action, typeAction] = createTyped();
  const [object, typeObject] = createTyped();
  const [older, setOlder] = createSignal<AuditRecord[]>([]);
  const [next, setNext] = createSignal<number | undefined>();
  const query = () => ({
    ...(actor() ? { actor: actor() } : {}),
    ...(action() ? { action: action() } : {}),
    ...(object() ? { object: object() } : {}),
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
        <button type="button" class="button" onClick={() => void refetch()}>
          {t('audit.refresh')}
        </button>
      </div>
      <Check />
      <Show when={!newest.error} fallback={<Problem text={reasonOf(newest.error)} retry={() => void refetch()} />}>
        <Show when={newest.latest} fallback={<Loading />}>
          <AuditTable records={rows()} nothing={t('search.none')} />
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
