// Small pieces that many pages use.
import { Index, Show, type JSX } from 'solid-js';
import type { Alarm } from '../api.ts';
import { t, type TextKey } from '../i18n/index.ts';
import { blobOf } from '../lib/blob.ts';
import { channelParts, formatAge, formatDate, formatValue, toMs, unitLabel } from '../lib/format.ts';
import { sparkPath } from '../live/chart_data.ts';
import { freshness } from '../live/ring.ts';
import type { Series } from '../live/series_store.ts';
import { now } from '../state/clock.ts';
import { tracked } from '../state/live.ts';
import { BlobValue } from './blob.tsx';
import { Icon } from './icon.tsx';
import { attempt, say } from './toast.tsx';

export function PresenceDot(props: { online: boolean | undefined }) {
  const label = () =>
    t(props.online === undefined ? 'presence.unknown' : props.online ? 'presence.online' : 'presence.offline');
  return (
    <span
      class="dot"
      classList={{ on: props.online === true, off: props.online === false }}
      role="img"
      aria-label={label()}
      title={label()}
    />
  );
}

/** Age of a time, kept current. */
export function Age(props: { at: number }) {
  return (
    <time
      class="age"
      dateTime={Number.isFinite(props.at) ? new Date(props.at).toISOString() : undefined}
      title={formatDate(props.at)}
    >
      {formatAge(now() - props.at)}
    </time>
  );
}

const WIDTH = 100;
const HEIGHT = 24;
export function Sparkline(props: { series: Series }) {
  const path = () => sparkPath(tracked(props.series).ring.toArrays().value.filter(Number.isFinite), WIDTH, HEIGHT);
  return (
    <svg class="spark" viewBox={`0 -2 ${WIDTH} ${HEIGHT + 4}`} preserveAspectRatio="none" aria-hidden="true">
      <path d={path()} />
    </svg>
  );
}

export function Value(props: { series: Series }) {
  const text = () => {
    const series = tracked(props.series);
    return series.text ?? formatValue(series.ring.lastValue);
  };
  return (
    <span class="value">
      <Show when={blobOf(text())} fallback={<b>{text()}</b>}>
        {(blob) => <BlobValue blob={blob()} of={props.series.channel} />}
      </Show>
      <Show when={unitLabel(tracked(props.series).unit)}>{(unit) => <span class="unit">{unit()}</span>}</Show>
    </span>
  );
}

export function isStale(series: Series): boolean {
  const { ring } = tracked(series);
  return freshness(ring.lastTime, ring.usualInterval, now()) === 'stale';
}

/** One channel as a line: name, small line, value, age; dimmed when stale. */
export function ChannelRow(props: { series: Series }) {
  const parts = () => channelParts(props.series.channel);
  return (
    <div class="channel" classList={{ stale: isStale(props.series) }}>
      <span class="channel-name" title={props.series.channel}>
        {parts()[0]}
        <Show when={parts()[1]}>{(of) => <small>{of()}</small>}</Show>
      </span>
      <Sparkline series={props.series} />
      <Value series={props.series} />
      <span class="channel-age">
        <Age at={tracked(props.series).ring.lastTime} />
        <Show when={isStale(props.series)}>
          <span class="stale-mark" title={t('stale.help')}>
            {t('stale')}
          </span>
        </Show>
      </span>
    </div>
  );
}

export function SeverityBadge(props: { alarm: Alarm }) {
  return (
    <span class={`badge severity ${props.alarm.severity}`}>
      {t(`severity.${props.alarm.severity}` as TextKey) ?? props.alarm.severity}
    </span>
  );
}

export function CopyBox(props: { text: string; label: string }) {
  let text!: HTMLPreElement;
  const copy = () => {
    // Without TLS browsers give pages no clipboard, but for localhost: then the text is at least selected.
    if (navigator.clipboard) return attempt(() => navigator.clipboard.writeText(props.text), t('copied'));
    getSelection()?.selectAllChildren(text);
    return say(t('copy.selected'));
  };
  return (
    <div class="copy-box">
      <pre ref={text} tabindex="0" aria-label={props.label}>
        {props.text}
      </pre>
      <button
        type="button"
        class="button quiet square"
        aria-label={`${t('copy')}: ${props.label}`}
        title={t('copy')}
        onClick={copy}
      >
        <Icon name="copy" />
      </button>
    </div>
  );
}

export function PageHead(props: { title: string; count?: string | undefined; children?: JSX.Element }) {
  return (
    <header class="page-head">
      <h1>
        {props.title}
        <Show when={props.count}>
          <span class="count">{props.count}</span>
        </Show>
      </h1>
      <div class="page-tools">{props.children}</div>
    </header>
  );
}

/** Names and values, one under the other. */
export function Facts(props: { facts: [string, string][] }) {
  return (
    <dl class="facts">
      <Index each={props.facts}>
        {(fact) => (
          <div>
            <dt>{fact()[0]}</dt>
            <dd>{fact()[1]}</dd>
          </div>
        )}
      </Index>
    </dl>
  );
}

export function Loading() {
  return (
    <p class="loading" role="status">
      {t('loading')}
    </p>
  );
}

export function Problem(props: { text: string; retry?: () => void }) {
  return (
    <div class="problem" role="alert">
      <p>{props.text}</p>
      <Show when={props.retry}>
        <button type="button" class="button" onClick={() => props.retry!()}>
          {t('retry')}
        </button>
      </Show>
    </div>
  );
}

export const raisedMs = (alarm: Alarm): number => toMs(alarm.raised_at);
