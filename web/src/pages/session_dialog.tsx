// One session in full: its facts, subscriptions and losses, the question why a message did not arrive, and its end.
import { createResource, createSignal, For, Show } from 'solid-js';
import { sessions, type Explanation, type SessionDetail } from '../api.ts';
import { t } from '../i18n/index.ts';
import { formatCount, formatDate, formatDuration, toMs } from '../lib/format.ts';
import { Dialog } from '../ui/dialog.tsx';
import { Icon } from '../ui/icon.tsx';
import { Loading, Problem } from '../ui/parts.tsx';
import { attempt, reasonOf } from '../ui/toast.tsx';
import { StateBadge } from './connections.tsx';

function Facts(props: { session: SessionDetail }) {
  const facts = (): [string, string][] => {
    const s = props.session;
    const list: [string, string][] = [
      [t('session.owner'), s.thing],
      [t('session.since'), formatDate(toMs(s.since))],
      [t('session.line'), [s.version && `MQTT ${s.version}`, s.transport, s.address].filter(Boolean).join(', ')],
      [t('session.waiting.long'), `${formatCount(s.queued)} QoS 1/2, ${formatCount(s.queued_qos0)} QoS 0`],
      [t('session.flight'), `${s.in_flight_out} / ${s.in_flight_in} (Receive Maximum ${s.receive_maximum})`],
      [t('session.inout'), `${formatCount(s.messages_in)} / ${formatCount(s.messages_out)}`],
      [t('session.kept'), s.expiry_seconds ? formatDuration(s.expiry_seconds) : t('session.kept.not')],
    ];
    if (s.holds) list.push([t('session.holds'), formatCount(s.holds)]);
    if (s.held_by) list.push([t('session.held'), formatCount(s.held_by)]);
    for (const [reason, count] of Object.entries(s.dropped_by_reason))
      if (count) list.push([`${t('session.dropped')}: ${reason.replaceAll('_', ' ')}`, formatCount(count)]);
    return list;
  };
  return (
    <dl class="facts">
      <For each={facts()}>
        {([name, value]) => (
          <div>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        )}
      </For>
    </dl>
  );
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

function Ending(props: { session: SessionDetail; onEnded: () => void }) {
  const [asked, setAsked] = createSignal<'end' | 'forget' | undefined>();
  const online = () => props.session.state !== 'offline';
  const kept = () => props.session.expiry_seconds > 0;
  const end = async () => {
    const id = props.session.client_id;
    if (await attempt(() => sessions.end(id, asked() === 'forget'), t('session.ended', { name: id }))) props.onEnded();
  };
  return (
    <div class="ending">
      <Show
        when={asked()}
        fallback={
          <>
            <Show when={online()}>
              <button type="button" class="button" onClick={() => setAsked('end')}>
                <Icon name="out" />
                {t('session.end')}
              </button>
            </Show>
            <Show when={kept()}>
              <button type="button" class="button quiet" onClick={() => setAsked('forget')}>
                <Icon name="trash" />
                {t('session.forget')}
              </button>
            </Show>
          </>
        }
      >
        <p>{t(asked() === 'forget' ? 'session.forget.sure' : 'session.end.sure')}</p>
        <button type="button" class="button danger" ref={(button) => queueMicrotask(() => button.focus())} onClick={() => void end()}>
          {t('session.sure')}
        </button>
        <button type="button" class="button quiet" onClick={() => setAsked(undefined)}>
          {t('cancel')}
        </button>
      </Show>
    </div>
  );
}

export function SessionDialog(props: { clientId: string; onClose: () => void; onEnded: () => void }) {
  const [session] = createResource(() => sessions.get(props.clientId));
  return (
    <Dialog title={props.clientId} class="wide-dialog session-dialog" onClose={props.onClose}>
      <Show when={!session.error} fallback={<Problem text={reasonOf(session.error)} />}>
        <Show when={session()} fallback={<Loading />}>
          {(found) => (
            <>
              <p>
                <StateBadge state={found().state} /> <span class="quiet-text">{found().slow_reason}</span>
              </p>
              <Facts session={found()} />
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
              <Ending session={found()} onEnded={props.onEnded} />
            </>
          )}
        </Show>
      </Show>
    </Dialog>
  );
}
