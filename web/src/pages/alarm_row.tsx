// A row of a table of alarms, on the pages of alarms, of a device and of quarantine.
import { Show } from 'solid-js';
import type { Alarm } from '../api.ts';
import { t, type TextKey } from '../i18n/index.ts';
import { formatDate, toMs } from '../lib/format.ts';
import { deviceHref } from '../router.ts';
import { acknowledgeAlarm, clearAlarm } from '../state/fleet.ts';
import { may } from '../state/session.ts';
import { Icon } from '../ui/icon.tsx';
import { Age, raisedMs, SeverityBadge } from '../ui/parts.tsx';
import { attempt } from '../ui/toast.tsx';
import '../styles/alarms.css';
import '../styles/tables.css';

/** What its state means: who, until when, because of what. */
function whyOf(alarm: Alarm): string {
  if (alarm.state === 'shelved' && alarm.shelved) return t('alarm.until', { at: formatDate(toMs(alarm.shelved.until)) });
  if (alarm.state === 'suppressed' && alarm.suppressed) return t('alarm.behind', { name: alarm.suppressed.gateway });
  if (alarm.state === 'acknowledged' && alarm.acknowledged_by) return t('alarm.by', { name: alarm.acknowledged_by });
  return '';
}

export function FlappingBadge(props: { alarm: Alarm }) {
  return (
    <Show when={props.alarm.flapping}>
      {(flapping) => (
        <span
          class="badge flapping"
          title={t('alarm.flapping.help', { n: flapping().changes, at: formatDate(toMs(flapping().since)) })}
        >
          {t('alarm.flapping')}
        </span>
      )}
    </Show>
  );
}

function StateCell(props: { alarm: Alarm }) {
  return (
    <>
      <span class={`state ${props.alarm.state}`}>{t(`alarm.${props.alarm.state}` as TextKey)}</span>
      <Show when={whyOf(props.alarm)}>{(why) => <small class="quiet-text"> {why()}</small>}</Show>
      <Show when={props.alarm.cleared_at}>
        {(at) => (
          <small class="quiet-text">
            {' '}
            <Age at={toMs(at())} />
          </small>
        )}
      </Show>
    </>
  );
}

export const acknowledge = (alarm: Alarm) => attempt(() => acknowledgeAlarm(alarm.id), t('alarm.acked'));

function RowActions(props: { alarm: Alarm; open?: (() => void) | undefined }) {
  const clear = () => attempt(() => clearAlarm(props.alarm.id), t('alarm.cleared.done'));
  return (
    <td class="actions">
      <Show when={props.alarm.state === 'active' && may('alarms:write')}>
        <button type="button" class="button small" onClick={() => void acknowledge(props.alarm)}>
          <Icon name="check" />
          {t('alarm.ack')}
        </button>
      </Show>
      <Show
        when={props.open}
        fallback={
          <Show when={props.alarm.state !== 'cleared' && may('alarms:write')}>
            <button type="button" class="button small quiet" onClick={() => void clear()}>
              {t('alarm.clear')}
            </button>
          </Show>
        }
      >
        {(open) => (
          <button type="button" class="button small quiet" onClick={() => open()()}>
            {t('session.open')}
            <span class="visually-hidden">
              {' '}
              {props.alarm.name} {props.alarm.thing}
            </span>
          </button>
        )}
      </Show>
    </td>
  );
}

/** `bare`: on the page of its thing; with `open` the row can be opened, and takes keys. */
export function AlarmRow(props: { alarm: Alarm; bare?: boolean; open?: () => void }) {
  return (
    <tr class={`alarm-row ${props.alarm.state}`} tabindex={props.open ? 0 : undefined} data-alarm={props.alarm.id}>
      <td>
        <SeverityBadge alarm={props.alarm} />
      </td>
      <td class="wide">
        <b>{props.alarm.name}</b> <FlappingBadge alarm={props.alarm} />
        <Show when={props.alarm.comments}>
          {(n) => <small class="quiet-text"> {t('alarm.comments.n', { n: n() })}</small>}
        </Show>
        <Show when={props.alarm.message}>
          <div class="quiet-text">{props.alarm.message}</div>
        </Show>
      </td>
      <Show when={!props.bare}>
        <td>
          <Show when={props.alarm.thing} fallback="–">
            {(thing) => <a href={deviceHref(thing())}>{thing()}</a>}
          </Show>
        </td>
      </Show>
      <td title={formatDate(raisedMs(props.alarm))}>
        <Age at={raisedMs(props.alarm)} />
        <Show when={(props.alarm.count ?? 1) > 1}>
          <small class="quiet-text"> ×{props.alarm.count}</small>
        </Show>
      </td>
      <td>
        <StateCell alarm={props.alarm} />
      </td>
      <RowActions alarm={props.alarm} open={props.open} />
    </tr>
  );
}
