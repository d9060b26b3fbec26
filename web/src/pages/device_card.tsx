// One device on the overview.
import { createEffect, createSignal, For, onCleanup, onMount, Show } from 'solid-js';
import type { Thing } from '../api.ts';
import { t } from '../i18n/index.ts';
import { toMs } from '../lib/format.ts';
import { deviceHref } from '../router.ts';
import { alarmsByThing, severityRank } from '../state/fleet.ts';
import { backfill } from '../state/backfill.ts';
import { pictureOf, seriesOf } from '../state/live.ts';
import { Icon } from '../ui/icon.tsx';
import { Age, ChannelRow, PresenceDot } from '../ui/parts.tsx';

const CHANNELS_SHOWN = 4;

export function CameraPicture(props: { device: string }) {
  return (
    <Show when={pictureOf(props.device)}>
      {(picture) => (
        <figure class="camera">
          <img src={picture().url} alt={t('camera.alt', { name: props.device })} decoding="async" />
          <figcaption>
            {picture().channel} · <Age at={picture().at} />
          </figcaption>
        </figure>
      )}
    </Show>
  );
}

export function DeviceCard(props: { thing: Thing }) {
  let element!: HTMLElement;
  // Rows far from the window are not there: a site of thousands must not pay for lines that nobody sees.
  const [near, setNear] = createSignal(false);
  const name = () => props.thing.name;
  const channels = () => seriesOf(name());
  const shown = () => channels().slice(0, CHANNELS_SHOWN);
  const alarms = () => [...(alarmsByThing().get(name()) ?? [])].sort((a, b) => severityRank(a) - severityRank(b));
  onMount(() => {
    const observer = new IntersectionObserver((entries) => setNear(entries.at(-1)!.isIntersecting), {
      rootMargin: '400px',
    });
    observer.observe(element);
    onCleanup(() => observer.disconnect());
  });
  createEffect(() => {
    if (near()) shown().forEach(backfill);
  });
  return (
    <article
      class="card"
      classList={{ offline: props.thing.online === false, alarmed: alarms().length > 0 }}
      ref={element}
    >
      <header>
        <PresenceDot online={props.thing.online} />
        <h4>
          <a href={deviceHref(name())}>{name()}</a>
        </h4>
        <Show when={alarms()[0]}>
          {(alarm) => (
            <span class={`badge severity ${alarm().severity}`} title={alarm().message || alarm().name}>
              <Icon name="alarms" />
              {alarms().length > 1 ? `${alarm().name} +${alarms().length - 1}` : alarm().name}
            </span>
          )}
        </Show>
      </header>
      <CameraPicture device={name()} />
      <Show
        when={shown().length > 0}
        fallback={
          <Show when={!pictureOf(name())}>
            <p class="card-empty">{t('card.empty')}</p>
          </Show>
        }
      >
        <div class={`channels rows-${shown().length}`}>
          <Show when={near()}>
            <For each={shown()}>{(series) => <ChannelRow series={series} />}</For>
          </Show>
        </div>
      </Show>
      <footer>
        <Show when={props.thing.online === false && props.thing.last_seen}>
          <span>
            {t('seen')} <Age at={toMs(props.thing.last_seen)} />
          </span>
        </Show>
        <Show when={props.thing.gateway}>
          <span>{t('via', { name: props.thing.gateway! })}</span>
        </Show>
        <Show when={channels().length > CHANNELS_SHOWN}>
          <a href={deviceHref(name())}>{t('card.more', { n: channels().length - CHANNELS_SHOWN })}</a>
        </Show>
      </footer>
    </article>
  );
}
