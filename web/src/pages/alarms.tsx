// Alarms: by state, by severity, by words; each can be opened.
import { createMemo, createSignal, For, Show } from 'solid-js';
import type { Alarm, AlarmState, Severity } from '../api.ts';
import { t } from '../i18n/index.ts';
import { matches } from '../lib/search.ts';
import { alarmList, alarms, loaded, severityRank } from '../state/fleet.ts';
import { may } from '../state/session.ts';
import { ActionTable, SearchBox } from '../ui/list.tsx';
import { Loading, PageHead, raisedMs } from '../ui/parts.tsx';
import AlarmDialog from './alarm_dialog.tsx';
import { acknowledge, AlarmRow } from './alarm_row.tsx';
import '../styles/alarms.css';
import '../styles/tables.css';

type Tab = AlarmState | 'all';
const TABS: Tab[] = ['active', 'acknowledged', 'shelved', 'suppressed', 'cleared', 'all'];
const SEVERITIES: Severity[] = ['critical', 'major', 'minor', 'warning'];
const SHOWN = 200;

/** ↑ ↓ (k j) go from row to row, Enter opens one, Shift A acknowledges it. */
function pressed(event: KeyboardEvent, open: (id: string) => void): void {
  const row = (event.target as HTMLElement).closest<HTMLTableRowElement>('tr[data-alarm]');
  if (!row || event.target !== row || event.ctrlKey || event.metaKey || event.altKey) return;
  const next = { ArrowDown: row.nextElementSibling, j: row.nextElementSibling, ArrowUp: row.previousElementSibling, k: row.previousElementSibling }[
    event.key
  ];
  const alarm = alarms[row.dataset['alarm']!];
  if (next !== undefined) (next as HTMLElement | null)?.focus();
  else if (event.key === 'Enter') open(row.dataset['alarm']!);
  else if (event.key === 'A' && alarm?.state === 'active' && may('alarms:write')) void acknowledge(alarm);
  else return;
  event.preventDefault();
}

function Tools(props: { tab: Tab; setTab: (tab: Tab) => void; least: (severity: string) => void; search: (text: string) => void }) {
  const counts = createMemo(() => {
    const n: Record<Tab, number> = { active: 0, acknowledged: 0, shelved: 0, suppressed: 0, cleared: 0, all: alarmList().length };
    for (const alarm of alarmList()) n[alarm.state]++;
    return n;
  });
  return (
    <>
      <SearchBox label={t('search.alarms')} onSearch={props.search} />
      <select class="alarm-least" aria-label={t('alarm.least')} onChange={(event) => props.least(event.currentTarget.value)}>
        <option value="">{t('alarm.least.all')}</option>
        <For each={SEVERITIES}>
          {(severity) => (
            <option value={severity}>
              {t('alarm.least')}: {t(`severity.${severity}`)}
            </option>
          )}
        </For>
      </select>
      <div class="segments alarm-tabs" role="group" aria-label={t('filter')}>
        <For each={TABS}>
          {(name) => (
            <button type="button" aria-pressed={props.tab === name} onClick={() => props.setTab(name)}>
              {t(`alarm.${name}`)}
              <span class="count">{counts()[name]}</span>
            </button>
          )}
        </For>
      </div>
    </>
  );
}

export default function Alarms() {
  const [tab, setTab] = createSignal<Tab>('active');
  const [query, setQuery] = createSignal('');
  const [least, setLeast] = createSignal('');
  const [opened, setOpened] = createSignal<string | undefined>();
  const severe = (alarm: Alarm) => !least() || severityRank(alarm) <= SEVERITIES.indexOf(least() as Severity);
  const found = (alarm: Alarm) =>
    matches(
      { name: alarm.name, type: alarm.thing, attributes: { message: alarm.message ?? '', severity: alarm.severity } },
      query(),
    );
  const shown = createMemo(() =>
    alarmList()
      .filter((alarm) => tab() === 'all' || alarm.state === tab())
      .filter((alarm) => severe(alarm) && found(alarm))
      .sort((a, b) => severityRank(a) - severityRank(b) || raisedMs(b) - raisedMs(a)),
  );
  const isFiltered = () => query() !== '' || least() !== '' || tab() !== 'active';
  const openedAlarm = () => {
    const id = opened();
    return id === undefined ? undefined : alarms[id];
  };
  const close = () => {
    const id = opened();
    setOpened(undefined);
    if (id) document.querySelector<HTMLElement>(`tr[data-alarm="${CSS.escape(id)}"]`)?.focus();
  };
  return (
    <>
      <PageHead title={t('nav.alarms')}>
        <Tools tab={tab()} setTab={setTab} least={setLeast} search={setQuery} />
      </PageHead>
      <Show when={loaded()} fallback={<Loading />}>
        <Show
          when={shown().length > 0}
          fallback={<p class="nothing">{t(isFiltered() ? 'alarms.none' : 'alarms.calm')}</p>}
        >
          <div class="panel table-scroll" onKeyDown={(event) => pressed(event, setOpened)}>
            <ActionTable columns={[t('alarm.severity'), t('alarm.what'), t('device'), t('alarm.when'), t('alarm.state')]}>
              <For each={shown().slice(0, SHOWN)}>
                {(alarm) => <AlarmRow alarm={alarm} open={() => setOpened(alarm.id)} />}
              </For>
            </ActionTable>
          </div>
          <p class="quiet-text alarm-keys">{t('alarms.keys')}</p>
          <Show when={shown().length > SHOWN}>
            <p class="quiet-text">{t('list.cut', { n: SHOWN, all: shown().length })}</p>
          </Show>
        </Show>
      </Show>
      <Show when={openedAlarm()}>{(alarm) => <AlarmDialog alarm={alarm()} onClose={close} />}</Show>
    </>
  );
}
