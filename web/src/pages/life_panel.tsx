// The life of a thing: the stage that it is in, where it may go from there, quarantine, and what has happened.
import { createEffect, createResource, createSignal, For, on, Show } from 'solid-js';
import type { Thing } from '../api.ts';
import { life, STAGES, type Life, type LifeEvent, type Stage } from '../api_life.ts';
import { audit } from '../api_security.ts';
import { t } from '../i18n/index.ts';
import { formatDate, toMs } from '../lib/format.ts';
import { may } from '../state/session.ts';
import { Deeds, type Deed } from '../ui/deeds.tsx';
import { Icon } from '../ui/icon.tsx';
import { Loading, Problem } from '../ui/parts.tsx';
import { attempt, reasonOf } from '../ui/toast.tsx';
import { AuditTable } from './audit_table.tsx';
import '../styles/broker.css';
import '../styles/security.css';
import '../styles/life.css';

const RECORDS = 100;

/** "by ada: odd traffic" of a step. */
export const whyOf = (event: LifeEvent): string =>
  [t('life.by', { name: event.by }), event.reason].filter(Boolean).join(': ');

/** Takes the thing out of quarantine; who says yes may say why. */
export const releaseDeed = (thing: string, released: () => void): Deed => ({
  label: t('quarantine.release'),
  icon: 'check',
  sure: t('quarantine.release.sure'),
  reason: t('life.reason'),
  tone: 'plain',
  run: async (reason) => {
    if (await attempt(() => life.release(thing, reason), t('quarantine.released', { name: thing }))) released();
  },
});

export function QuarantineBanner(props: { thing: Thing }) {
  return (
    <Show when={props.thing.quarantine}>
      {(event) => (
        <section class="quarantine-banner" role="alert">
          <h2>
            <Icon name="lock" />
            {t('quarantine.is')}
          </h2>
          <p>
            {t('life.since', { at: formatDate(toMs(event().at)) })}, {whyOf(event())}
          </p>
          <p>{t('quarantine.means')}</p>
          <Show when={may('things:write')}>
            <Deeds deeds={[releaseDeed(props.thing.name, () => {})]} />
          </Show>
        </section>
      )}
    </Show>
  );
}

function Steps(props: { life: Life }) {
  const place = (stage: Stage) => STAGES.indexOf(stage) - STAGES.indexOf(props.life.lifecycle);
  return (
    <ol class="stages" aria-label={t('life')}>
      <For each={STAGES}>
        {(stage) => (
          <li
            classList={{ past: place(stage) < 0, present: place(stage) === 0, end: stage === 'decommission' }}
            aria-current={place(stage) === 0 ? 'step' : undefined}
            title={t(`life.${stage}.help`)}
          >
            <span>{t(`life.${stage}`)}</span>
          </li>
        )}
      </For>
    </ol>
  );
}

function whatOf(event: LifeEvent): string {
  if (event.event !== 'moved') return t(`life.event.${event.event}`);
  return t('life.event.moved', { from: t(`life.${event.from!}`), to: t(`life.${event.to!}`) });
}

function History(props: { thing: string; events: LifeEvent[] }) {
  const [wanted, setWanted] = createSignal(false);
  const [records] = createResource(
    () => wanted() && { thing: props.thing, steps: props.events.length },
    async ({ thing }) => (await audit.list({ object: thing, action: 'thing.', limit: RECORDS })).records,
  );
  return (
    <>
      <h3>{t('life.history')}</h3>
      <Show when={props.events.length > 0} fallback={<p class="quiet-text">{t('life.history.none')}</p>}>
        <ol class="life-events" aria-label={t('life.history')}>
          <For each={props.events.toReversed()}>
            {(event) => (
              <li class={`life-${event.event}`}>
                <b>{whatOf(event)}</b> <time class="quiet-text">{formatDate(toMs(event.at))}</time>
                <div class="quiet-text">{whyOf(event)}</div>
              </li>
            )}
          </For>
        </ol>
      </Show>
      <Show when={may('audit:read')}>
        <details onToggle={(event) => setWanted(event.currentTarget.open)}>
          <summary>{t('life.audit')}</summary>
          <Show when={wanted()}>
            <Show when={!records.error} fallback={<Problem text={reasonOf(records.error)} />}>
              <Show when={records.latest} fallback={<Loading />}>
                {(list) => <AuditTable records={list()} nothing={t('life.audit.none')} />}
              </Show>
            </Show>
          </Show>
        </details>
      </Show>
    </>
  );
}

function deedsOf(known: Life, changed: () => void): Deed[] {
  const run = async (step: () => Promise<unknown>, said: string) => {
    await attempt(step, said);
    changed();
  };
  const moves = known.next.map((stage): Deed => ({
    label: t(`life.to.${stage}`),
    icon: stage === 'decommission' ? 'trash' : 'play',
    quiet: stage === 'decommission',
    sure: t(`life.to.${stage}.sure`),
    reason: t('life.reason'),
    ...(stage === 'decommission' ? {} : { tone: 'plain' as const }),
    run: (reason) =>
      run(
        () => life.move(known.thing, stage, reason),
        t('life.moved', { name: known.thing, stage: t(`life.${stage}`) }),
      ),
  }));
  if (known.quarantine || known.lifecycle === 'decommission') return moves;
  const hold: Deed = {
    label: t('quarantine.put'),
    icon: 'lock',
    quiet: true,
    sure: t('quarantine.put.sure'),
    reason: t('life.reason'),
    run: (reason) => run(() => life.quarantine(known.thing, reason), t('quarantine.held', { name: known.thing })),
  };
  return [...moves, hold];
}

export function LifePanel(props: { thing: Thing }) {
  const [known, { refetch }] = createResource(() => props.thing.name, life.get);
  // The live link tells that a step was taken, also by others or by the thing itself.
  const stepped = () => `${props.thing.lifecycle} ${props.thing.quarantine?.at} ${props.thing.wiping}`;
  createEffect(on(stepped, () => void refetch(), { defer: true }));
  return (
    <section class="panel life-panel">
      <h2>{t('life')}</h2>
      <Show when={!known.error} fallback={<Problem text={reasonOf(known.error)} retry={() => void refetch()} />}>
        <Show when={known.latest} fallback={<Loading />}>
          {(at) => (
            <>
              <Steps life={at()} />
              <p class="quiet-text">{t(`life.${at().lifecycle}.help`)}</p>
              <Show when={at().wiping}>
                <p role="status">
                  <strong>{t('life.wiping')}</strong>
                </p>
              </Show>
              <Show when={may('things:write')}>
                <Deeds deeds={deedsOf(at(), () => void refetch())} />
              </Show>
              <History thing={at().thing} events={at().events} />
            </>
          )}
        </Show>
      </Show>
    </section>
  );
}
