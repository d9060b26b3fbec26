// Bridges to other MQTT servers: whether they are up, what waits, and what went wrong.
import { createResource, createSignal, For, Show } from 'solid-js';
import { bridges, type Bridge, type BridgeTest } from '../api.ts';
import { t, type TextKey } from '../i18n/index.ts';
import { formatBytes, formatCount, formatDate, toMs } from '../lib/format.ts';
import { keepRows, whileSeen } from '../state/polling.ts';
import { Deeds, type Deed } from '../ui/deeds.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { Icon } from '../ui/icon.tsx';
import { ActionTable, OpenCell } from '../ui/list.tsx';
import { Age, Facts, Loading, PageHead, Problem } from '../ui/parts.tsx';
import { attempt, reasonOf } from '../ui/toast.tsx';
import { BridgeForm } from './bridge_form.tsx';
import { BrokerTabs } from './broker_tabs.tsx';

function StateBadge(props: { bridge: Bridge }) {
  return (
    <span class={`state bridge-${props.bridge.state}`}>{t(`bridge.state.${props.bridge.state}` as TextKey)}</span>
  );
}

/** What was dropped, refused or stopped, on both ways. */
const lost = ({ out, in: came }: Bridge) =>
  out.refused + out.dropped + out.expired + out.stopped_loops + came.refused + came.stopped_loops;

function factsOf(bridge: Bridge): [string, string][] {
  const { out, in: came } = bridge;
  const waiting = `${formatCount(out.waiting_records)} (${formatBytes(out.waiting_bytes)})`;
  const facts: [string, string][] = [
    [t('bridge.address'), bridge.address],
    [t('session.since'), bridge.since ? formatDate(toMs(bridge.since)) : '–'],
    ['MQTT', bridge.version],
    [t('bridge.connections'), formatCount(bridge.connections)],
    [t('bridge.waiting'), waiting],
    [t('bridge.flight'), formatCount(out.in_flight)],
    [t('bridge.out.acknowledged'), formatCount(out.acknowledged)],
    [t('bridge.in.published'), `${formatCount(came.published)} / ${formatCount(came.received)}`],
    [t('bridge.source'), t(`bridge.source.${bridge.source}`)],
    [
      t('bridge.full', { size: formatBytes(bridge.settings.max_queue_bytes) }),
      t(`bridge.set.full.${bridge.settings.full}` as TextKey),
    ],
  ];
  const losses: [TextKey, number][] = [
    ['bridge.out.refused', out.refused],
    ['bridge.out.dropped', out.dropped],
    ['bridge.out.expired', out.expired],
    ['bridge.out.loops', out.stopped_loops],
    ['bridge.in.refused', came.refused],
    ['bridge.in.loops', came.stopped_loops],
  ];
  for (const [key, count] of losses) if (count) facts.push([t(key), formatCount(count)]);
  return facts;
}

/** A line of topics: the direction in words, the line itself as it stands. */
function Topics(props: { lines: string[] }) {
  const way = (line: string) => {
    const word = line.trim().split(/\s+/)[1];
    return word === 'in' || word === 'both' ? word : 'out';
  };
  return (
    <section>
      <h3>{t('bridge.topics.of', { n: props.lines.length })}</h3>
      <ul class="chips">
        <For each={props.lines}>
          {(line) => (
            <li class="chip">
              {t(`bridge.way.${way(line)}`)} <code>{line}</code>
            </li>
          )}
        </For>
      </ul>
    </section>
  );
}

function TestResult(props: { result: BridgeTest }) {
  return (
    <div class="explanation" role="status">
      <p class="verdict" classList={{ good: props.result.ok }}>
        <Icon name={props.result.ok ? 'check' : 'close'} />
        <span>{t(props.result.ok ? 'bridge.test.good' : 'bridge.test.bad')}</span>
      </p>
      <ul class="steps">
        <For each={props.result.steps}>
          {(step) => (
            <li class={step.ok ? 'step-ok' : 'step-problem'}>
              <b>{step.step.replaceAll('_', ' ')}</b> {step.detail}
            </li>
          )}
        </For>
      </ul>
    </div>
  );
}

function BridgeDialog(props: { name: string; onClose: () => void; onEdit: (bridge: Bridge) => void; onChange: () => void }) {
  const [bridge, { refetch }] = createResource(() => bridges.get(props.name), { storage: keepRows('name') });
  whileSeen(refetch);
  const [tested, setTested] = createSignal<BridgeTest | 'running' | undefined>();
  const result = () => {
    const now = tested();
    return now === 'running' ? undefined : now;
  };
  const test = async () => {
    setTested('running');
    if (!(await attempt(async () => setTested(await bridges.test(props.name))))) setTested(undefined);
  };
  const change = async (action: () => Promise<unknown>, done: TextKey) => {
    if (await attempt(action, t(done, { name: props.name }))) void refetch();
    props.onChange();
  };
  const remove = async () => {
    if (!(await attempt(() => bridges.remove(props.name), t('removed', { name: props.name })))) return;
    props.onChange();
    props.onClose();
  };
  const deeds = (found: Bridge): Deed[] => [
    { label: t('bridge.test'), icon: 'status', run: test },
    found.state === 'paused'
      ? { label: t('bridge.resume'), icon: 'play', run: () => change(() => bridges.resume(props.name), 'bridge.resumed') }
      : {
          label: t('bridge.pause'),
          icon: 'pause',
          sure: t('bridge.pause.sure'),
          run: () => change(() => bridges.pause(props.name), 'bridge.paused'),
        },
    ...(found.source === 'api'
      ? [
          { label: t('edit'), icon: 'rules', run: () => props.onEdit(found) } as Deed,
          {
            label: t('remove'),
            icon: 'trash',
            quiet: true,
            sure: t('bridge.remove.sure', { n: formatCount(found.out.waiting_records) }),
            run: remove,
          } as Deed,
        ]
      : []),
  ];
  return (
    <Dialog title={props.name} class="wide-dialog session-dialog" onClose={props.onClose}>
      <Show when={!bridge.error} fallback={<Problem text={reasonOf(bridge.error)} />}>
        <Show when={bridge.latest} fallback={<Loading />}>
          {(found) => (
            <>
              <p>
                <StateBadge bridge={found()} /> <span class="quiet-text">{found().last_error}</span>
              </p>
              <Facts facts={factsOf(found())} />
              <Topics lines={found().settings.topics} />
              <Show when={tested() === 'running'}>
                <p class="quiet-text" role="status">
                  {t('bridge.test.running')}
                </p>
              </Show>
              <Show when={result()}>{(shown) => <TestResult result={shown()} />}</Show>
              <Show when={found().source === 'configuration'}>
                <p class="quiet-text hint">{t('bridge.configured')}</p>
              </Show>
              <Deeds deeds={deeds(found())} />
            </>
          )}
        </Show>
      </Show>
    </Dialog>
  );
}

function Row(props: { bridge: Bridge; onOpen: () => void }) {
  return (
    <tr>
      <td class="wide">
        <b>{props.bridge.name}</b>
        <div class="quiet-text">{props.bridge.last_error || props.bridge.address}</div>
      </td>
      <td>
        <StateBadge bridge={props.bridge} />
      </td>
      <td>
        <Show when={props.bridge.since} fallback="–">
          {(since) => <Age at={toMs(since())} />}
        </Show>
      </td>
      <td class="number">
        {formatCount(props.bridge.out.waiting_records)}
        <small class="quiet-text"> {formatBytes(props.bridge.out.waiting_bytes)}</small>
      </td>
      <td class="number">
        {formatCount(props.bridge.out.acknowledged)} / {formatCount(props.bridge.in.published)}
      </td>
      <td class="number" classList={{ bad: lost(props.bridge) > 0 }}>
        {formatCount(lost(props.bridge))}
      </td>
      <OpenCell label={t('session.open')} of={props.bridge.name} open={() => props.onOpen()} />
    </tr>
  );
}

function Nothing(props: { onNew: () => void }) {
  return (
    <div class="nothing">
      <p>{t('bridge.none')}</p>
      <p>
        <button type="button" class="button primary" onClick={() => props.onNew()}>
          <Icon name="plus" />
          {t('bridge.new')}
        </button>
      </p>
    </div>
  );
}

type Window = { kind: 'show'; name: string } | { kind: 'form'; bridge?: Bridge };

export default function Bridges() {
  const [list, { refetch }] = createResource(bridges.list, { storage: keepRows('name') });
  whileSeen(refetch);
  const [open, setOpen] = createSignal<Window | undefined>();
  // A window tells late that it closed: by then another may be open.
  const closed = (which: Window) => setOpen((now) => (now === which ? undefined : now));
  const saved = (name: string) => {
    setOpen({ kind: 'show', name });
    void refetch();
  };
  const rows = () => (list.error ? [] : (list.latest ?? []));
  return (
    <>
      <PageHead title={t('nav.connections')} count={rows().length ? formatCount(rows().length) : undefined}>
        <BrokerTabs />
        <Show when={rows().length > 0}>
          <button type="button" class="button primary" onClick={() => setOpen({ kind: 'form' })}>
            <Icon name="plus" />
            {t('bridge.new')}
          </button>
        </Show>
      </PageHead>
      <Show when={!list.error} fallback={<Problem text={reasonOf(list.error)} retry={() => void refetch()} />}>
        <Show when={list.latest} fallback={<Loading />}>
          <Show when={rows().length > 0} fallback={<Nothing onNew={() => setOpen({ kind: 'form' })} />}>
            <div class="panel table-scroll">
              <ActionTable
                columns={[
                  t('bridge.bridge'),
                  t('alarm.state'),
                  t('session.since'),
                  t('bridge.waiting'),
                  t('bridge.outin'),
                  t('bridge.lost'),
                ]}
              >
                <For each={rows()}>
                  {(bridge) => <Row bridge={bridge} onOpen={() => setOpen({ kind: 'show', name: bridge.name })} />}
                </For>
              </ActionTable>
            </div>
          </Show>
        </Show>
      </Show>
      <Show when={open()} keyed>
        {(at) =>
          at.kind === 'show' ? (
            <BridgeDialog
              name={at.name}
              onClose={() => closed(at)}
              onEdit={(bridge) => setOpen({ kind: 'form', bridge })}
              onChange={() => void refetch()}
            />
          ) : (
            <Dialog title={at.bridge?.name ?? t('bridge.new')} class="wide-dialog" onClose={() => closed(at)}>
              <BridgeForm bridge={at.bridge} onSaved={saved} />
            </Dialog>
          )
        }
      </Show>
    </>
  );
}
