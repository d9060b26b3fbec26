// One session in full: its facts, subscriptions and losses, the question why a message did not arrive, and its end.
import { createResource, createSignal, For, Show } from 'solid-js';
import { sessions, type Explanation, type SessionDetail } from '../api.ts';
import { t } from '../i18n/index.ts';
import { formatBytes, formatCount, formatDate, formatDuration, toMs } from '../lib/format.ts';
import { whileSeen } from '../state/polling.ts';
import { Deeds, type Deed } from '../ui/deeds.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { Icon } from '../ui/icon.tsx';
import { Facts, Loading, Problem } from '../ui/parts.tsx';
import { attempt, reasonOf } from '../ui/toast.tsx';
import { StateBadge } from './connections.tsx';

/** What happens when more comes than the client takes, in words, and where it begins. */
function pressureText(s: SessionDetail): string {
  const { state, since, hold, refuse } = s.back_pressure;
  if (state === 'refusing') return t('session.pressure.refusing', { n: formatCount(refuse.messages) });
  if (state === 'holding') return t('session.pressure.holding', { n: s.holds, at: formatDate(toMs(since)) });
  if (!hold) return t('session.pressure.away', { n: formatCount(refuse.messages) });
  return t('session.pressure.none', { hold: formatCount(hold.messages), refuse: formatCount(refuse.messages) });
}

function factsOf(s: SessionDetail): [string, string][] {
  const size = (messages: number, bytes: number) => `${formatCount(messages)} (${formatBytes(bytes)})`;
  const list: [string, string][] = [
    [t('session.owner'), s.thing],
    [t('session.since'), formatDate(toMs(s.since))],
    [t('session.line'), [s.version && `MQTT ${s.version}`, s.transport, s.address].filter(Boolean).join(', ')],
    [`${t('session.waiting.long')}: QoS 1/2`, size(s.queued, s.queued_bytes)],
    [`${t('session.waiting.long')}: QoS 0`, size(s.queued_qos0, s.queued_qos0_bytes)],
    [t('session.flight'), `${s.in_flight_out} / ${s.in_flight_in} (Receive Maximum ${s.receive_maximum})`],
    [t('session.inout'), `${formatCount(s.messages_in)} / ${formatCount(s.messages_out)}`],
    [t('session.kept'), s.expiry_seconds ? formatDuration(s.expiry_seconds) : t('session.kept.not')],
    [t('session.pressure'), pressureText(s)],
    [
      t('session.pressure.qos0'),
      s.back_pressure.qos0.messages
        ? t('session.pressure.qos0.oldest', { n: formatCount(s.back_pressure.qos0.messages) })
        : t('session.pressure.qos0.away'),
    ],
  ];
  if (s.queued_on_disk) list.splice(4, 0, [t('session.disk'), size(s.queued_on_disk, s.queued_on_disk_bytes)]);
  if (s.rests) list.push([t('session.rests'), formatCount(s.rests)]);
  if (s.publishes_refused) list.push([t('session.refused'), formatCount(s.publishes_refused)]);
  if (s.held_by)
    list.push([
      t('session.held'),
      t('session.held.since', { n: s.held_by, at: s.held_since ? formatDate(toMs(s.held_since)) : '' }),
    ]);
  for (const [reason, count] of Object.entries(s.dropped_by_reason))
    if (count) list.push([`${t('session.dropped')}: ${reason.replaceAll('_', ' ')}`, formatCount(count)]);
  return list;
}

function Answer(props: { explanation: Explanation }) {
  return (
    <div class="explanation" role="status">
      <p class="verdict" classList={{ good: props.explanation.arrives }}>
        <Icon name={props.explanation.arrives ? 'check' : 'close'} />
        <span>{props.explanation.summary}</span>
      </p>
      <ul class="steps">
        <For each={props.explanation.steps}>
          {(step) => (
            <li class={`step-${step.outcome}`}>
              <b>{step.check.replaceAll('_', ' ')}</b> {step.text}
            </li>
          )}
        </For>
      </ul>
    </div>
  );
}

function ExplainForm(props: { clientId: string }) {
  const [topic, setTopic] = createSignal('');
  const [qos, setQos] = createSignal(0);
  const [answer, setAnswer] = createSignal<Explanation | undefined>();
  const ask = (event: SubmitEvent) => {
    event.preventDefault();
    void attempt(async () => setAnswer(await sessions.explain(props.clientId, { topic: topic(), qos: qos() })));
  };
  return (
    <section>
      <h3>{t('explain.title')}</h3>
      <form class="explain-form" onSubmit={ask}>
        <input
          required
          aria-label={t('explain.topic')}
          placeholder={t('explain.topic')}
          onInput={(e) => setTopic(e.currentTarget.value)}
        />
        <select aria-label="QoS" onChange={(e) => setQos(Number(e.currentTarget.value))}>
          <For each={[0, 1, 2]}>{(n) => <option value={n}>QoS {n}</option>}</For>
        </select>
        <button type="submit" class="button">
          {t('explain.ask')}
        </button>
      </form>
      <Show when={answer()}>{(explanation) => <Answer explanation={explanation()} />}</Show>
    </section>
  );
}

function deedsOf(s: SessionDetail, onEnded: () => void): Deed[] {
  const end = async (forget: boolean) => {
    if (await attempt(() => sessions.end(s.client_id, forget), t('session.ended', { name: s.client_id }))) onEnded();
  };
  const deeds: Deed[] = [];
  if (s.state !== 'offline')
    deeds.push({ label: t('session.end'), icon: 'out', sure: t('session.end.sure'), run: () => end(false) });
  if (s.expiry_seconds > 0)
    deeds.push({
      label: t('session.forget'),
      icon: 'trash',
      sure: t('session.forget.sure'),
      quiet: true,
      run: () => end(true),
    });
  return deeds;
}

export function SessionDialog(props: { clientId: string; onClose: () => void; onEnded: () => void }) {
  const [session, { refetch }] = createResource(() => sessions.get(props.clientId));
  whileSeen(refetch);
  return (
    <Dialog title={props.clientId} class="wide-dialog session-dialog" onClose={props.onClose}>
      <Show when={!session.error} fallback={<Problem text={reasonOf(session.error)} />}>
        <Show when={session.latest} fallback={<Loading />}>
          {(found) => (
            <>
              <p>
                <StateBadge state={found().state} /> <span class="quiet-text">{found().slow_reason}</span>
              </p>
              <Facts facts={factsOf(found())} />
              <section>
                <h3>{t('session.subscriptions', { n: found().subscriptions })}</h3>
                <Show
                  when={found().subscription_list.length > 0}
                  fallback={<p class="quiet-text">{t('session.subscriptions.none')}</p>}
                >
                  <ul class="chips">
                    <For each={found().subscription_list}>
                      {(one) => (
                        <li class="chip">
                          <code>{one.filter}</code> QoS {one.qos}
                          {one.no_local ? ' · no local' : ''}
                        </li>
                      )}
                    </For>
                  </ul>
                </Show>
              </section>
              <Show when={found().recent_drops.length > 0}>
                <section>
                  <h3>{t('session.drops')}</h3>
                  <ul class="steps">
                    <For each={[...found().recent_drops].reverse()}>
                      {(drop) => (
                        <li class="step-problem">
                          <b>{drop.reason.replaceAll('_', ' ')}</b> {drop.topic} ×{drop.count},{' '}
                          {formatDate(toMs(drop.at))}
                        </li>
                      )}
                    </For>
                  </ul>
                </section>
              </Show>
              <ExplainForm clientId={props.clientId} />
              <Deeds deeds={deedsOf(found(), props.onEnded)} />
            </>
          )}
        </Show>
      </Show>
    </Dialog>
  );
}
