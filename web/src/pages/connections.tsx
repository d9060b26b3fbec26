import { createResource, createSignal, For, Show } from 'solid-js';
import { sessions, type BrokerSession, type SessionState } from '../api.ts';
import { t, type TextKey } from '../i18n/index.ts';
import { formatCount, formatDate, formatDuration, toMs } from '../lib/format.ts';
import { createTyped, keepRows, whileSeen } from '../state/polling.ts';
import { Icon } from '../ui/icon.tsx';
import { ListFrame } from '../ui/list_frame.tsx';
import { OpenCell, SearchBox } from '../ui/list.tsx';
import { Age, PageHead } from '../ui/parts.tsx';
import { BrokerTabs } from './broker_tabs.tsx';
import { SessionDialog } from './session_dialog.tsx';

type Chip = SessionState | 'all';
const CHIPS: Chip[] = ['all', 'slow', 'online', 'offline'];

export function StateBadge(props: { state: SessionState }) {
  return <span class={`state session-${props.state}`}>{t(`session.${props.state}` as TextKey)}</span>;
}

function Row(props: { session: BrokerSession; onOpen: () => void }) {
  const waits = () => props.session.queued + props.session.queued_qos0;
  return (
    <tr>
      <td class="wide">
        <b>{props.session.client_id}</b>
        <div class="quiet-text">
          {props.session.slow_reason || [props.session.thing, props.session.address].filter(Boolean).join(' · ')}
        </div>
      </td>
      <td>
        <StateBadge state={props.session.state} />
        <Show when={props.session.slow_seconds}>
          {(seconds) => <small class="quiet-text"> {formatDuration(Math.round(seconds()))}</small>}
        </Show>
      </td>
      <td title={formatDate(toMs(props.session.since))}>
        <Age at={toMs(props.session.since)} />
      </td>
      <td class="number">
        {formatCount(waits())}
        <small class="quiet-text"> / {formatCount(props.session.in_flight_out)}</small>
      </td>
      <td class="number">
        {formatCount(props.session.messages_in)} / {formatCount(props.session.messages_out)}
      </td>
      <td class="number" classList={{ bad: props.session.dropped > 0 }}>
        {formatCount(props.session.dropped)}
      </td>
      <OpenCell label={t('session.open')} of={props.session.client_id} open={() => props.onOpen()} />
    </tr>
  );
}

export default function Connections() {
  const [query, type] = createTyped();
  const [chip, setChip] = createSignal<Chip>('all');
  const [opened, setOpened] = createSignal<string | undefined>();
  const [page, { refetch }] = createResource(
    () => ({ contains: query(), chip: chip() }),
    ({ contains, chip: state }) =>
      sessions.list({ contains: contains || undefined, state: state === 'all' ? undefined : state }),
    { storage: keepRows('client_id') },
  );
  whileSeen(refetch);
  const rows = () => page.latest?.sessions ?? [];
  return (
    <>
      <PageHead title={t('nav.connections')} count={page.latest ? formatCount(page.latest.matched) : undefined}>
        <BrokerTabs />
        <SearchBox label={t('session.search')} onSearch={type} />
        <div class="segments" role="group" aria-label={t('filter')}>
          <For each={CHIPS}>
            {(name) => (
              <button type="button" aria-pressed={chip() === name} onClick={() => setChip(name)}>
                {t(`session.${name}` as TextKey)}
              </button>
            )}
          </For>
        </div>
      </PageHead>
      <ListFrame
        page={page}
        retry={() => void refetch()}
        rows={rows().length}
        matched={page.error ? undefined : page.latest?.matched}
        nothing={t(query() ? 'session.none.search' : chip() === 'slow' ? 'session.none.slow' : 'session.none')}
        columns={[
          t('session.client'),
          t('alarm.state'),
          t('session.since'),
          t('session.waiting'),
          t('session.inout'),
          t('session.dropped'),
        ]}
        opened={opened()}
        dialog={(clientId) => (
          <SessionDialog
            clientId={clientId}
            onClose={() => setOpened(undefined)}
            onEnded={() => {
              setOpened(undefined);
              void refetch();
            }}
          />
        )}
      >
        <For each={rows()}>
          {(session) => <Row session={session} onOpen={() => setOpened(session.client_id)} />}
        </For>
      </ListFrame>
      <p class="quiet-text hint">
        <Icon name="help" /> {t('session.hint')}
      </p>
    </>
  );
}
