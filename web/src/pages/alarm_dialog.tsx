// One alarm in full: what it is, why it was raised, what has happened to it, comments, and what can be done.
import { createResource, createSignal, For, Show } from 'solid-js';
import type { Alarm, AlarmCause } from '../api.ts';
import { alarms, type AlarmEvent } from '../api_alarms.ts';
import { t } from '../i18n/index.ts';
import { formatCount, formatDate, toMs } from '../lib/format.ts';
import { deviceHref } from '../router.ts';
import { upsertAlarm } from '../state/fleet.ts';
import { keepRows } from '../state/polling.ts';
import { may } from '../state/session.ts';
import { Deeds, type Deed } from '../ui/deeds.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { SentForm } from '../ui/form.tsx';
import { Facts, Problem, raisedMs, SeverityBadge } from '../ui/parts.tsx';
import { attempt, reasonOf, say } from '../ui/toast.tsx';
import { FlappingBadge } from './alarm_row.tsx';
import '../styles/alarms.css';
import '../styles/broker.css';

const MINUTES = [15, 60, 240, 480, 1440, 10_080];
const MAX_WORDS = 1024;

const timeText = (minutes: number): string => {
  if (minutes < 60) return t('alarm.shelve.minutes', { n: minutes });
  return minutes < 2880 ? t('alarm.shelve.hours', { n: minutes / 60 }) : t('alarm.shelve.days', { n: minutes / 1440 });
};

function factsOf(alarm: Alarm): [string, string][] {
  const facts: [string, string][] = [
    [t('alarm.state'), t(`alarm.${alarm.state}`)],
    [t('alarm.when'), formatDate(raisedMs(alarm))],
    [t('alarm.count'), formatCount(alarm.count ?? 1)],
    [t('alarm.found'), t(`alarm.source.${alarm.source ?? 'rule'}`)],
  ];
  if (alarm.acknowledged_by)
    facts.push([t('alarm.acknowledged'), t('alarm.by', { name: alarm.acknowledged_by })]);
  if (alarm.shelved)
    facts.push([
      t('alarm.shelved'),
      [t('alarm.until', { at: formatDate(toMs(alarm.shelved.until)) }), t('alarm.by', { name: alarm.shelved.by }), alarm.shelved.reason].join(', '),
    ]);
  if (alarm.suppressed) facts.push([t('alarm.suppressed'), t('alarm.behind', { name: alarm.suppressed.gateway })]);
  if (alarm.flapping)
    facts.push([
      t('alarm.flapping'),
      `${t('alarm.flapping.help', { n: alarm.flapping.changes, at: formatDate(toMs(alarm.flapping.since)) })} (${t(alarm.flapping.present ? 'alarm.there' : 'alarm.gone')})`,
    ]);
  if (alarm.cleared_at) facts.push([t('alarm.cleared'), formatDate(toMs(alarm.cleared_at))]);
  return facts;
}

function Causes(props: { causes: AlarmCause[] }) {
  return (
    <section>
      <h3>{t('alarm.causes')}</h3>
      <Show when={props.causes.length > 0} fallback={<p class="quiet-text">{t('alarm.causes.none')}</p>}>
        <ol class="alarm-log causes" aria-label={t('alarm.causes')}>
          <For each={props.causes}>
            {(cause) => (
              <li>
                <b>{t(`alarm.cause.${cause.kind}`)}</b> <code>{cause.name}</code>
                <Show when={cause.by}>{(by) => <small class="quiet-text"> {t('alarm.by', { name: by() })}</small>}</Show>
                <time class="quiet-text"> {formatDate(toMs(cause.at))}</time>
              </li>
            )}
          </For>
        </ol>
      </Show>
    </section>
  );
}

const whoOf = (event: AlarmEvent): string =>
  event.by === 'time' ? t('alarm.by.time') : event.by ? t('alarm.by', { name: event.by }) : '';

function Events(props: { title: string; nothing: string; events: AlarmEvent[]; plain?: boolean }) {
  return (
    <section>
      <h3>{props.title}</h3>
      <Show when={props.events.length > 0} fallback={<p class="quiet-text">{props.nothing}</p>}>
        <ol class="alarm-log" aria-label={props.title}>
          <For each={props.events}>
            {(event) => (
              <li class={`event-${event.what}`}>
                <Show when={!props.plain}>
                  <b>{t(`alarm.event.${event.what}`)}</b>{' '}
                </Show>
                <time class="quiet-text">{formatDate(toMs(event.at))}</time>
                <Show when={whoOf(event)}>{(who) => <small class="quiet-text"> {who()}</small>}</Show>
                <Show when={event.why}>
                  <div class="why">{event.why}</div>
                </Show>
              </li>
            )}
          </For>
        </ol>
      </Show>
    </section>
  );
}

function ShelveForm(props: { alarm: Alarm; done: () => void }) {
  const send = async (text: (name: string) => string) => {
    upsertAlarm(await alarms.shelve(props.alarm.id, Number(text('minutes')), text('reason')));
    say(t('alarm.shelve.done'));
    props.done();
  };
  return (
    <SentForm button={t('alarm.shelve')} send={send}>
      <p class="hint">{t('alarm.shelve.help')}</p>
      <label>
        {t('alarm.shelve.for')}
        <select name="minutes">
          <For each={MINUTES}>
            {(minutes) => (
              <option value={minutes} selected={minutes === 60}>
                {timeText(minutes)}
              </option>
            )}
          </For>
        </select>
      </label>
      <label>
        {t('alarm.reason')}
        <input
          name="reason"
          required
          maxlength={MAX_WORDS}
          autocomplete="off"
          ref={(element) => queueMicrotask(() => element.focus())}
        />
      </label>
    </SentForm>
  );
}

function CommentForm(props: { alarm: Alarm; done: () => void }) {
  // Made anew after each comment, so that it is empty.
  const [turn, setTurn] = createSignal(1);
  const send = async (text: (name: string) => string) => {
    upsertAlarm(await alarms.comment(props.alarm.id, text('text')));
    say(t('alarm.comment.done'));
    setTurn((n) => n + 1);
    props.done();
  };
  return (
    <Show when={turn()} keyed>
      {(_turn) => (
        <SentForm button={t('alarm.comment.add')} send={send}>
          <label>
            {t('alarm.comment')}
            <textarea name="text" rows="2" required maxlength={MAX_WORDS} />
          </label>
        </SentForm>
      )}
    </Show>
  );
}

function deedsOf(alarm: Alarm, shelve: () => void, done: () => void): Deed[] {
  const run = async (step: () => Promise<Alarm>, said: string) => {
    await attempt(async () => upsertAlarm(await step()), said);
    done();
  };
  const deeds: Deed[] = [];
  if (alarm.state === 'active')
    deeds.push({
      label: t('alarm.ack'),
      icon: 'check',
      run: () => run(() => alarms.acknowledge(alarm.id), t('alarm.acked')),
    });
  if (alarm.state !== 'cleared' && !alarm.shelved)
    deeds.push({ label: t('alarm.shelve'), icon: 'pause', quiet: true, run: shelve });
  if (alarm.shelved)
    deeds.push({
      label: t('alarm.unshelve'),
      icon: 'play',
      quiet: true,
      run: () => run(() => alarms.unshelve(alarm.id, ''), t('alarm.unshelve.done')),
    });
  if (alarm.state !== 'cleared')
    deeds.push({
      label: t('alarm.clear'),
      icon: 'close',
      quiet: true,
      sure: t('alarm.clear.sure'),
      reason: t('life.reason'),
      run: (why) => run(() => alarms.clear(alarm.id, why), t('alarm.cleared.done')),
    });
  return deeds;
}

export default function AlarmDialog(props: { alarm: Alarm; onClose: () => void }) {
  const [shelving, setShelving] = createSignal(false);
  const version = () => `${props.alarm.id} ${props.alarm.history} ${props.alarm.comments}`;
  const [log, { refetch }] = createResource(version, () => alarms.history(props.alarm.id), {
    storage: keepRows('at'),
  });
  const latest = () => (log.error ? undefined : log.latest);
  const done = () => {
    setShelving(false);
    void refetch();
  };
  return (
    <Dialog title={`${props.alarm.name} · ${props.alarm.thing ?? ''}`} class="alarm-dialog" onClose={props.onClose}>
      <p>
        <SeverityBadge alarm={props.alarm} /> <FlappingBadge alarm={props.alarm} />{' '}
        <Show when={props.alarm.thing}>{(thing) => <a href={deviceHref(thing())}>{thing()}</a>}</Show>
      </p>
      <Show when={props.alarm.message}>{(message) => <p class="alarm-message">{message()}</p>}</Show>
      <Facts facts={factsOf(props.alarm)} />
      <Show when={may('alarms:write')}>
        <Show
          when={shelving()}
          fallback={<Deeds deeds={deedsOf(props.alarm, () => setShelving(true), done)} />}
        >
          <ShelveForm alarm={props.alarm} done={done} />
          <button type="button" class="button quiet" onClick={() => setShelving(false)}>
            {t('cancel')}
          </button>
        </Show>
      </Show>
      <Causes causes={props.alarm.causes ?? []} />
      <Show when={log.error}>
        <Problem text={reasonOf(log.error)} retry={() => void refetch()} />
      </Show>
      <Events title={t('alarm.comments')} nothing={t('alarm.comments.none')} events={latest()?.comments ?? []} plain />
      <Show when={may('alarms:write')}>
        <CommentForm alarm={props.alarm} done={done} />
      </Show>
      <Events title={t('alarm.history')} nothing={t('alarm.history.none')} events={(latest()?.history ?? []).toReversed()} />
    </Dialog>
  );
}
