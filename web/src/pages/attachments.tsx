// What a policy is attached to, and what is attached to a device.
import { createResource, For, Show } from 'solid-js';
import { attachments } from '../api_security.ts';
import { t } from '../i18n/index.ts';
import { may } from '../state/session.ts';
import { SentForm, type FieldText } from '../ui/form.tsx';
import { Problem } from '../ui/parts.tsx';
import { attempt, reasonOf } from '../ui/toast.tsx';

const KINDS = ['thing', 'group', 'certificate', 'user'] as const;

/** Of one policy, with the way to change it. */
export function AttachedTo(props: { policy: string }) {
  const [list, { refetch }] = createResource(() => props.policy, attachments.where);
  const attach = async (text: FieldText, form: FormData) => {
    await attachments.attach(props.policy, `${String(form.get('kind'))}:${text('to')}`);
    await refetch();
  };
  const detach = async (to: string) => {
    if (await attempt(() => attachments.detach(props.policy, to), t('removed', { name: to }))) await refetch();
  };
  return (
    <section class="attached" aria-label={t('attach.title')}>
      <h3>{t('attach.title')}</h3>
      <Show when={!list.error} fallback={<Problem text={reasonOf(list.error)} />}>
        <Show when={(list.latest ?? []).length > 0} fallback={<p class="quiet-text">{t('attach.none')}</p>}>
          <ul class="token-list">
            <For each={list.latest}>
              {(to) => (
                <li>
                  <code>{to}</code>
                  <Show when={may('policies:write')}>
                    <button
                      type="button"
                      class="button quiet"
                      aria-label={t('attach.detach.of', { to })}
                      onClick={() => void detach(to)}
                    >
                      {t('attach.detach')}
                    </button>
                  </Show>
                </li>
              )}
            </For>
          </ul>
        </Show>
      </Show>
      <Show when={may('policies:write')}>
        <SentForm button={t('attach.attach')} send={attach}>
          <label>
            {t('attach.to')}
            <select name="kind">
              <For each={KINDS}>{(kind) => <option value={kind}>{t(`attach.${kind}`)}</option>}</For>
            </select>
          </label>
          <label>
            {t('attach.name')}
            <input name="to" required maxlength="128" autocomplete="off" />
          </label>
        </SentForm>
      </Show>
    </section>
  );
}

/** Of one device; to see only. */
export function AttachedPanel(props: { thing: string }) {
  const [attached] = createResource(() => (may('policies:read') ? `thing:${props.thing}` : undefined), attachments.of);
  const groups = () => (attached.error ? [] : (attached.latest?.groups ?? []));
  const own = () => (attached.error ? [] : (attached.latest?.policies ?? []));
  return (
    <Show when={may('policies:read')}>
      <section class="panel">
        <h2>{t('attached.title')}</h2>
        <Show when={!attached.error} fallback={<Problem text={reasonOf(attached.error)} />}>
          <Show when={groups().length + own().length > 0} fallback={<p class="quiet-text">{t('attached.none')}</p>}>
            <dl class="facts">
              <Show when={own().length > 0}>
                <div>
                  <dt>{t('attached.policies')}</dt>
                  <dd>{own().join(', ')}</dd>
                </div>
              </Show>
              <For each={groups()}>
                {(group) => (
                  <div>
                    <dt>{t('attached.group', { name: group.name })}</dt>
                    <dd>{group.policies.join(', ') || t('attached.group.none')}</dd>
                  </div>
                )}
              </For>
            </dl>
          </Show>
        </Show>
      </section>
    </Show>
  );
}
