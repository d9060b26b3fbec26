import { createMemo, createSignal, For, Show } from 'solid-js';
import type { Alarm, AlarmState } from '../api.ts';
import { t, type TextKey } from '../i18n/index.ts';
import { formatDate, toMs } from '../lib/format.ts';
import { matches } from '../lib/search.ts';
import { deviceHref } from '../router.ts';
import { acknowledgeAlarm, alarmList, clearAlarm, loaded, severityRank } from '../state/fleet.ts';
import { Icon } from '../ui/icon.tsx';
import { ActionTable, SearchBox } from '../ui/list.tsx';
import { Age, Loading, PageHead, raisedMs, SeverityBadge } from '../ui/parts.tsx';
import { attempt } from '../ui/toast.tsx';
import '../styles/tables.css';

type Tab = AlarmState | 'all';
const TABS: Tab[] = ['active', 'acknowledged', 'cleared', 'all'];
const SHOWN = 200;

function StateCell(props: { alarm: Alarm }) {
  return (
    <>
      <span class={`state ${props.alarm.state}`}>{t(`alarm.${props.alarm.state}` as TextKey)}</span>
      <Show when={props.alarm.state === 'acknowledged' && props.alarm.acknowledged_by}>
        <small class="quiet-text"> {t('alarm.by', { name: props.alarm.acknowledged_by! })}</small>
      </Show>
      <Show when={props.alarm.cleared_at}>
        {(at) => (
          <small class="quiet-text">
            {' '}
            <Age at={toMs(at())} />
          </small>
        )}
      </Show>
    </>
  );
}

export function AlarmRow(props: { alarm: Alarm; bare?: boolean }) {
  const acknowledge = () => attempt(() => acknowledgeAlarm(props.alarm.id), t('alarm.acked'));
  const clear = () => attempt(() => clearAlarm(props.alarm.id), t('alarm.cleared.done'));
  return (
    <tr class={`alarm-row ${props.alarm.state}`}>
      <td>
        <SeverityBadge alarm={props.alarm} />
      </td>
      <td class="wide">
        <b>{props.alarm.name}</b>
        <Show when={props.alarm.message}>
          <div class="quiet-text">{props.alarm.message}</div>
        </Show>
      </td>
      <Show when={!props.bare}>
        <td>
          <Show when={props.alarm.thing} fallback="–">
            {(thing) => <a href={deviceHref(thing())}>{thing()}</a>}
          </Show>
        </td>
      </Show>
      <td title={formatDate(raisedMs(props.alarm))}>
        <Age at={raisedMs(props.alarm)} />
        <Show when={(props.alarm.count ?? 1) > 1}>
          <small class="quiet-text"> ×{props.alarm.count}</small>
        </Show>
      </td>
      <td>
        <StateCell alarm={props.alarm} />
      </td>
      <td class="actions">
        <Show when={props.alarm.state === 'active'}>
          <button type="button" class="button small" onClick={acknowledge}>
            <Icon name="check" />
            {t('alarm.ack')}
          </button>
        </Show>
        <Show when={props.alarm.state !== 'cleared'}>
          <button type="button" class="button small quiet" onClick={clear}>
            {t('alarm.clear')}
          </button>
        </Show>
      </td>
    </tr>
  );
}

export default function Alarms() {
  const [tab, setTab] = createSignal<Tab>('active');
  const [query, setQuery] = createSignal('');
  const counts = createMemo(() => {
    const n: Record<Tab, number> = { active: 0, acknowledged: 0, cleared: 0, all: alarmList().length };
    for (const alarm of alarmList()) n[alarm.state]++;
    return n;
  });
  const shown = createMemo(() =>
    alarmList()
      .filter((alarm) => tab() === 'all' || alarm.state === tab())
      .filter((alarm) =>
        matches(
          {
            name: alarm.name,
            type: alarm.thing,
            attributes: { message: alarm.message ?? '', severity: alarm.severity },
          },
          query(),
        ),
      )
      .sort((a, b) => severityRank(a) - severityRank(b) || raisedMs(b) - raisedMs(a)),
  );
  return (
    <>
      <PageHead title={t('nav.alarms')}>
        <SearchBox label={t('search.alarms')} onSearch={setQuery} />
        <div class="segments" role="group" aria-label={t('filter')}>
          <For each={TABS}>
            {(name) => (
              <button type="button" aria-pressed={tab() === name} onClick={() => setTab(name)}>
                {t(`alarm.${name}` as TextKey)}
                <span class="count">{counts()[name]}</span>
              </button>
            )}
          </For>
        </div>
      </PageHead>
      <Show when={loaded()} fallback={<Loading />}>
        <Show
          when={shown().length > 0}
          fallback={<p class="nothing">{t(query() || tab() !== 'active' ? 'alarms.none' : 'alarms.calm')}</p>}
        >
          <div class="panel table-scroll">
            <ActionTable columns={[t('alarm.severity'), t('alarm.what'), t('device'), t('alarm.when'), t('alarm.state')]}>
              <For each={shown().slice(0, SHOWN)}>{(alarm) => <AlarmRow alarm={alarm} />}</For>
            </ActionTable>
          </div>
          <Show when={shown().length > SHOWN}>
            <p class="quiet-text">{t('list.cut', { n: SHOWN, all: shown().length })}</p>
          </Show>
        </Show>
      </Show>
    </>
  );
}
