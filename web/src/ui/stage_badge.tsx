// Beside a thing's name: that it is in quarantine, or in another stage than operation.
import { Show } from 'solid-js';
import type { Thing } from '../api.ts';
import { t } from '../i18n/index.ts';

export function StageBadge(props: { thing: Thing }) {
  const stage = () => (props.thing.lifecycle === 'operation' ? undefined : props.thing.lifecycle);
  return (
    <>
      <Show when={props.thing.quarantine}>
        <span class="badge severity critical">{t('quarantine')}</span>
      </Show>
      <Show when={stage()}>{(name) => <span class="badge severity stage">{t(`life.${name()}`)}</span>}</Show>
    </>
  );
}
