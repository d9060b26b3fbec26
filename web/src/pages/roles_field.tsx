// Which roles a user has: chosen where one is made, and changed later.
import { createResource, For, Show } from 'solid-js';
import { accounts, roles, type UserAccount } from '../api_security.ts';
import { t } from '../i18n/index.ts';
import { SentForm } from '../ui/form.tsx';
import { Problem } from '../ui/parts.tsx';
import { reasonOf, say } from '../ui/toast.tsx';

/** What is chosen is in the form's data as `roles`. */
export function RolesField(props: { chosen: string[] }) {
  const [list] = createResource(roles.list);
  return (
    <fieldset>
      <legend>{t('account.roles')}</legend>
      <Show when={!list.error} fallback={<Problem text={reasonOf(list.error)} />}>
        <For each={list.latest ?? []}>
          {(role) => (
            <label class="check" title={role.permissions.join(' ')}>
              <input name="roles" type="checkbox" value={role.name} checked={props.chosen.includes(role.name)} />
              <span>
                {role.name} <small class="quiet-text">{role.about}</small>
              </span>
            </label>
          )}
        </For>
      </Show>
    </fieldset>
  );
}

export const chosenRoles = (form: FormData) => form.getAll('roles').map(String);

export function UserRoles(props: { user: UserAccount; onDone: () => void }) {
  const send = async (_: unknown, form: FormData) => {
    await accounts.update(props.user.name, { roles: chosenRoles(form) });
    say(t('account.roles.done', { name: props.user.name }));
    props.onDone();
  };
  return (
    <SentForm button={t('account.roles.change')} send={send}>
      <RolesField chosen={props.user.roles} />
    </SentForm>
  );
}
