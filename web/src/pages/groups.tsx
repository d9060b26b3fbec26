// Groups of shared subscriptions: who takes part, what waits, and their end.
import { createResource, createSignal, For, Show } from 'solid-js';
import { groups, type SharedGroup, type SharedGroupDetail } from '../api.ts';
import { t } from '../i18n/index.ts';
import { formatBytes, formatCount } from '../lib/format.ts';
import { createTyped, keepRows, whileSeen } from '../state/polling.ts';
import { Deeds } from '../ui/deeds.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { ListFrame } from '../ui/list_frame.tsx';
import { OpenCell, SearchBox } from '../ui/list.tsx';
import { Facts, Loading, PageHead, Problem } from '../ui/parts.tsx';
import { attempt, reasonOf } from '../ui/toast.tsx';
import { BrokerTabs } from './broker_tabs.tsx';

const size = (messages: number, bytes: number) => `${formatCount(messages)} (${formatBytes(bytes)})`;

type Condition = 'refuses' | 'nobody' | 'busy' | 'ready';
/** The word for a group's state; the worst first. */
function conditionOf(group: SharedGroup): Condition {
  if (group.refuses) return 'refuses';
  if (group.connected === 0) return 'nobody';
  return group.ready === 0 ? 'busy' : 'ready';
}

function ConditionBadge(props: { group: SharedGroup }) {
  return (
    <span class={`state group-${conditionOf(props.group)}`}>{t(`group.is.${conditionOf(props.group)}`)}</span>
  );
}

function factsOf(group: SharedGroupDetail): [string, string][] {
  const facts: [string, string][] = [
    [t('group.strategy'), t(`group.strategy.${group.strategy}`)],
    [t('group.next'), group.next || '–'],
    [t('group.waiting'), size(group.queued, group.queued_bytes)],
    [t('session.disk'), size(group.queued_on_disk, group.queued_on_disk_bytes)],
    [`${t('group.waiting')}: QoS 0`, formatCount(group.queued_qos0)],
    [t('group.lent'), formatCount(group.lent)],
    [t('group.given'), `${formatCount(group.given)} / ${formatCount(group.returned)}`],
    [t('group.keeps'), t(group.keeps ? 'group.keeps.yes' : 'group.keeps.no')],
    [t('group.room'), formatCount(group.room_messages)],
  ];
  if (group.handed_over) facts.push([t('group.handed'), formatCount(group.handed_over)]);
  if (group.holds) facts.push([t('session.holds'), formatCount(group.holds)]);
  for (const [reason, count] of Object.entries(group.dropped_by_reason))
    if (count) facts.push([`${t('session.dropped')}: ${reason.replaceAll('_', ' ')}`, formatCount(count)]);
  return facts;
}

function Members(props: { group: SharedGroupDetail }) {
  return (
    <section>
      <h3>{t('group.members', { n: props.group.members })}</h3>
      <div class="table-scroll">
        <table>
          <thead>
            <tr>
              <th>{t('session.client')}</th>
              <th>{t('alarm.state')}</th>
              <th>{t('group.flight')}</th>
              <th>{t('group.got')}</th>
              <th>{t('group.filled')}</th>
            </tr>
          </thead>
          <tbody>
            <For each={props.group.member_list}>
              {(member) => (
                <tr>
                  <td class="wide">
                    {member.client_id} <small class="quiet-text">QoS {member.qos}</small>
                  </td>
                  <td>
                    <span class={`state member-${member.state}`}>{t(`group.member.${member.state}`)}</span>
                  </td>
                  <td class="number">
                    {member.in_flight} / {member.window}
                  </td>
                  <td class="number">{formatCount(member.given)}</td>
                  <td class="number">{formatCount(member.filled)}</td>
                </tr>
              )}
            </For>
          </tbody>
        </table>
      </div>
      <Show when={props.group.member_list.length < props.group.members}>
        <p class="quiet-text">{t('group.cut', { n: props.group.member_list.length, all: props.group.members })}</p>
      </Show>
    </section>
  );
}

function GroupDialog(props: { name: string; onClose: () => void; onEnded: () => void }) {
  const [group, { refetch }] = createResource(() => groups.get(props.name), {
    storage: keepRows('client_id'),
  });
  whileSeen(refetch);
  const clear = async () => {
    if (await attempt(() => groups.clear(props.name), t('group.cleared', { name: props.name }))) void refetch();
  };
  const end = async () => {
    if (await attempt(() => groups.end(props.name), t('session.ended', { name: props.name }))) props.onEnded();
  };
  return (
    <Dialog title={props.name} class="wide-dialog session-dialog" onClose={props.onClose}>
      <Show when={!group.error} fallback={<Problem text={reasonOf(group.error)} />}>
        <Show when={group.latest} fallback={<Loading />}>
          {(found) => (
            <>
              <p>
                <ConditionBadge group={found()} />{' '}
                <span class="quiet-text">{t(`group.is.${conditionOf(found())}.help`)}</span>
              </p>
              <Facts facts={factsOf(found())} />
              <Members group={found()} />
              <Deeds
                deeds={[
                  {
                    label: t('group.clear'),
                    icon: 'close',
                    sure: t('group.clear.sure', { n: found().queued + found().queued_qos0 + found().lent }),
                    run: clear,
                  },
                  {
                    label: t('group.end'),
                    icon: 'trash',
                    quiet: true,
                    sure: t('group.end.sure', {
                      n: found().queued + found().queued_qos0 + found().lent,
                      members: found().members,
                    }),
                    run: end,
                  },
                ]}
              />
            </>
          )}
        </Show>
      </Show>
    </Dialog>
  );
}

function Row(props: { group: SharedGroup; onOpen: () => void }) {
  return (
    <tr>
      <td class="wide">
        <b>{props.group.group}</b>
        <div class="quiet-text">
          <code>{props.group.filter}</code>
        </div>
      </td>
      <td>
        <ConditionBadge group={props.group} />
      </td>
      <td class="number">
        {props.group.connected} / {props.group.members}
      </td>
      <td class="number" title={formatBytes(props.group.queued_bytes)}>
        {formatCount(props.group.queued + props.group.queued_qos0)}
        <small class="quiet-text"> / {formatCount(props.group.lent)}</small>
      </td>
      <td class="number">{formatCount(props.group.given)}</td>
      <OpenCell label={t('session.open')} of={props.group.name} open={() => props.onOpen()} />
    </tr>
  );
}

export default function Groups() {
  const [query, type] = createTyped();
  const [opened, setOpened] = createSignal<string | undefined>();
  const [page, { refetch }] = createResource(
    () => ({ contains: query() }),
    ({ contains }) => groups.list(contains || undefined),
    { storage: keepRows('name') },
  );
  whileSeen(refetch);
  const rows = () => page.latest?.shared ?? [];
  return (
    <>
      <PageHead title={t('nav.connections')} count={page.latest ? formatCount(page.latest.matched) : undefined}>
        <BrokerTabs />
        <SearchBox label={t('group.search')} onSearch={type} />
      </PageHead>
      <ListFrame
        page={page}
        retry={() => void refetch()}
        rows={rows().length}
        matched={page.error ? undefined : page.latest?.matched}
        nothing={t(query() ? 'group.none.search' : 'group.none')}
        columns={[t('group.name'), t('alarm.state'), t('group.connected'), t('session.waiting'), t('group.got')]}
        opened={opened()}
        dialog={(name) => (
          <GroupDialog
            name={name}
            onClose={() => setOpened(undefined)}
            onEnded={() => {
              setOpened(undefined);
              void refetch();
            }}
          />
        )}
      >
        <For each={rows()}>{(group) => <Row group={group} onOpen={() => setOpened(group.name)} />}</For>
      </ListFrame>
    </>
  );
}
