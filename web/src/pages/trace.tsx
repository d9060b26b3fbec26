// What happens to messages and clients, as it happens.
import { createSignal, For, onCleanup, onMount, Show } from 'solid-js';
import type { LiveMessage, TraceEvent } from '../api.ts';
import { t, type TextKey } from '../i18n/index.ts';
import { linkState, onTrace, sendLive } from '../state/live.ts';
import { Icon } from '../ui/icon.tsx';
import { PageHead } from '../ui/parts.tsx';
import { say } from '../ui/toast.tsx';
import { BrokerTabs } from './broker_tabs.tsx';

const KEPT = 500;
const SECONDS = 300;
const BAD = new Set(['dropped', 'publish_refused', 'subscribe_refused', 'connect_refused', 'ended']);

function Line(props: { event: TraceEvent }) {
  const more = () => {
    const e = props.event;
    const parts: string[] = [];
    if (e.qos !== undefined) parts.push(`QoS ${e.qos}`);
    if (e.bytes !== undefined) parts.push(`${e.bytes} B`);
    if (e.sessions !== undefined) parts.push(t('trace.sessions', { n: e.sessions }));
    if (e.publisher && e.publisher !== e.client) parts.push(t('trace.from', { name: e.publisher }));
    if (e.detail) parts.push(e.detail);
    return parts.join(' · ');
  };
  return (
    <tr classList={{ bad: BAD.has(props.event.event) }}>
      <td class="number">{props.event.at.slice(11, 23)}</td>
      <td>
        <span class="state">{props.event.event.replaceAll('_', ' ')}</span>
      </td>
      <td>{props.event.client ?? ''}</td>
      <td class="wide">
        <code>{props.event.topic ?? ''}</code>
        <Show when={props.event.payload ?? props.event.payload_base64}>
          {(payload) => <div class="quiet-text trace-payload">{payload()}</div>}
        </Show>
      </td>
      <td class="quiet-text">{more()}</td>
    </tr>
  );
}

export default function Trace() {
  const [topic, setTopic] = createSignal('');
  const [client, setClient] = createSignal('');
  const [payload, setPayload] = createSignal(false);
  const [running, setRunning] = createSignal(false);
  const [events, setEvents] = createSignal<TraceEvent[]>([]);
  const [dropped, setDropped] = createSignal(0);
  const [note, setNote] = createSignal('');
  const take = (message: LiveMessage) => {
    if (message.type === 'trace_events') {
      setDropped((n) => n + message.dropped);
      setEvents((list) => [...message.events.reverse(), ...list].slice(0, KEPT));
    } else if (message.type === 'trace') {
      setRunning(message.state === 'running');
      if (message.state === 'refused') say(message.message ?? '', 'error');
      setNote(message.state === 'ended' ? t(`trace.ended.${message.reason}` as TextKey) : '');
    }
  };
  onMount(() => onCleanup(onTrace(take)));
  onCleanup(() => running() && sendLive({ trace: 'stop' }));
  const start = (event: SubmitEvent) => {
    event.preventDefault();
    if (running()) return void sendLive({ trace: 'stop' });
    setEvents([]);
    setDropped(0);
    const sent = sendLive({ trace: { topic: topic().trim(), client: client().trim(), seconds: SECONDS, payload: payload() } });
    if (!sent) say(t('link.lost'), 'error');
  };
  const alive = () => running() && linkState() === 'live';
  return (
    <>
      <PageHead title={t('nav.connections')}>
        <BrokerTabs />
      </PageHead>
      <form class="panel trace-form" onSubmit={start}>
        <input
          type="search"
          disabled={alive()}
          aria-label={t('trace.topic')}
          placeholder={t('trace.topic')}
          onInput={(e) => setTopic(e.currentTarget.value)}
        />
        <input
          disabled={alive()}
          aria-label={t('trace.client')}
          placeholder={t('trace.client')}
          onInput={(e) => setClient(e.currentTarget.value)}
        />
        <label class="check">
          <input type="checkbox" disabled={alive()} onChange={(e) => setPayload(e.currentTarget.checked)} />
          {t('trace.payload')}
        </label>
        <button type="submit" class="button" classList={{ primary: !alive() }}>
          <Icon name={alive() ? 'pause' : 'play'} />
          {t(alive() ? 'trace.stop' : 'trace.start')}
        </button>
      </form>
      <p class="quiet-text" role="status">
        {alive() ? t('trace.running') : note()}
        {dropped() > 0 ? ` ${t('trace.dropped', { n: dropped() })}` : ''}
      </p>
      <Show when={events().length > 0} fallback={<p class="nothing">{t(alive() ? 'trace.waiting' : 'trace.none')}</p>}>
        <div class="panel table-scroll trace-table">
          <table>
            <tbody>
              <For each={events()}>{(event) => <Line event={event} />}</For>
            </tbody>
          </table>
        </div>
      </Show>
    </>
  );
}
