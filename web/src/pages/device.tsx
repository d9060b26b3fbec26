// One device: chart, values, picture, shadow, alarms, attributes and presence.
import { createMemo, For, onMount, Show } from 'solid-js';
import { series as seriesApi, type Thing } from '../api.ts';
import { t } from '../i18n/index.ts';
import { formatDate, toMs } from '../lib/format.ts';
import { deviceHref } from '../router.ts';
import { alarmsByThing, loaded, presenceOf, things } from '../state/fleet.ts';
import { backfill } from '../state/backfill.ts';
import { applyLast, pictureOf, seriesOf } from '../state/live.ts';
import { Icon } from '../ui/icon.tsx';
import { Age, ChannelRow, Loading, PresenceDot, Problem } from '../ui/parts.tsx';
import { StageBadge } from '../ui/stage_badge.tsx';
import { AttachedPanel } from './attachments.tsx';
import { AlarmRow } from './alarm_row.tsx';
import { CameraPicture } from './device_card.tsx';
import { DeviceChart } from './device_chart.tsx';
import { BehaviourPanel } from './behaviour_panel.tsx';
import { LifePanel, QuarantineBanner } from './life_panel.tsx';
import { ShadowPanel } from './shadow_panel.tsx';
import '../styles/tables.css';
import '../styles/device.css';

function Head(props: { thing: Thing }) {
  const site = () => String(props.thing.attributes?.['site'] ?? '');
  return (
    <header class="page-head device-head">
      <a class="button quiet square" href="#/" aria-label={t('back')} title={t('back')}>
        <Icon name="back" />
      </a>
      <div>
        <h1>
          <PresenceDot online={props.thing.online} />
          {props.thing.name}
          <StageBadge thing={props.thing} />
        </h1>
        <p class="quiet-text">
          {[props.thing.type, site()].filter(Boolean).join(' · ')}
          <Show when={props.thing.gateway}>
            {(gateway) => (
              <>
                {' '}
                · {t('via', { name: '' })}
                <a href={deviceHref(gateway())}>{gateway()}</a>
              </>
            )}
          </Show>
          {' · '}
          {t(
            props.thing.online
              ? 'presence.online'
              : props.thing.online === false
                ? 'presence.offline'
                : 'presence.unknown',
          )}
          <Show when={!props.thing.online && props.thing.last_seen}>
            {(at) => (
              <>
                , {t('seen')} <Age at={toMs(at())} />
              </>
            )}
          </Show>
        </p>
      </div>
    </header>
  );
}

function Attributes(props: { thing: Thing }) {
  const entries = () => Object.entries(props.thing.attributes ?? {});
  return (
    <section class="panel">
      <h2>{t('attributes')}</h2>
      <Show when={entries().length > 0} fallback={<p class="quiet-text">{t('attributes.none')}</p>}>
        <dl class="facts">
          <For each={entries()}>
            {([key, value]) => (
              <div>
                <dt>{key}</dt>
                <dd>{typeof value === 'string' ? value : JSON.stringify(value)}</dd>
              </div>
            )}
          </For>
        </dl>
      </Show>
    </section>
  );
}

function Presence(props: { thing: Thing }) {
  return (
    <section class="panel">
      <h2>{t('presence')}</h2>
      <ul class="presence">
        <For each={presenceOf(props.thing.name)}>
          {(change) => (
            <li>
              <PresenceDot online={change.online} /> {t(change.online ? 'presence.came' : 'presence.left')}{' '}
              <time class="quiet-text">{formatDate(change.at)}</time>
            </li>
          )}
        </For>
        <Show when={presenceOf(props.thing.name).length === 0}>
          <li>
            <PresenceDot online={props.thing.online} />{' '}
            {t(props.thing.online ? 'presence.online' : 'presence.offline')}
            <Show when={!props.thing.online && props.thing.last_seen}>
              {(at) => (
                <span class="quiet-text">
                  {' '}
                  · {t('seen')} {formatDate(toMs(at()))}
                </span>
              )}
            </Show>
          </li>
        </Show>
      </ul>
      <p class="quiet-text small">{t('presence.since')}</p>
    </section>
  );
}

function Body(props: { thing: Thing }) {
  const name = () => props.thing.name;
  const channels = createMemo(() => seriesOf(name()));
  const alarms = () => alarmsByThing().get(name()) ?? [];
  onMount(() => {
    channels().forEach(backfill);
    // Text values do not travel on the live link's sample frames; they are read once here.
    void seriesApi.last(name()).then(applyLast, () => undefined);
  });
  return (
    <>
      <Head thing={props.thing} />
      <QuarantineBanner thing={props.thing} />
      <Show when={alarms().length > 0}>
        <section class="panel table-scroll device-alarms" aria-label={t('nav.alarms')}>
          <table>
            <tbody>
              <For each={alarms()}>{(alarm) => <AlarmRow alarm={alarm} bare />}</For>
            </tbody>
          </table>
        </section>
      </Show>
      <div class="device-grid">
        <div class="device-main">
          <Show when={channels().length > 0 || !pictureOf(name())}>
            <DeviceChart channels={channels()} />
          </Show>
          <ShadowPanel thing={name()} />
          <Show when={props.thing.lifecycle}>
            <LifePanel thing={props.thing} />
            <BehaviourPanel thing={name()} />
          </Show>
        </div>
        <div class="device-side">
          <Show when={pictureOf(name())}>
            <section class="panel camera-panel">
              <h2>{t('camera')}</h2>
              <CameraPicture device={name()} />
            </section>
          </Show>
          <section class="panel values-panel">
            <h2>{t('values')}</h2>
            <Show
              when={channels().length > 0}
              fallback={
                <p class="quiet-text">{t(props.thing.online === false ? 'values.offline' : 'values.none')}</p>
              }
            >
              <div class="channels">
                <For each={channels()}>{(series) => <ChannelRow series={series} />}</For>
              </div>
            </Show>
          </section>
          <Attributes thing={props.thing} />
          <AttachedPanel thing={name()} />
          <Presence thing={props.thing} />
        </div>
      </div>
    </>
  );
}

export default function Device(props: { name: string }) {
  return (
    <Show
      when={things[props.name]}
      fallback={
        <Show when={loaded()} fallback={<Loading />}>
          <Problem text={t('device.unknown', { name: props.name })} />
        </Show>
      }
    >
      {(thing) => <Body thing={thing()} />}
    </Show>
  );
}
