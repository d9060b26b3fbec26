// People who may sign in, and the tokens of their programs.
import { createResource, createSignal, For, Show } from 'solid-js';
import { accounts, type ApiToken, type UserAccount } from '../api_security.ts';
import { t } from '../i18n/index.ts';
import { formatCount, formatDate, toMs } from '../lib/format.ts';
import { access, may } from '../state/session.ts';
import { keepRows } from '../state/polling.ts';
import { Deeds } from '../ui/deeds.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { Icon } from '../ui/icon.tsx';
import { SentForm, type FieldText } from '../ui/form.tsx';
import { ListFrame } from '../ui/list_frame.tsx';
import { OpenCell } from '../ui/list.tsx';
import { CopyBox, Facts, PageHead, Problem } from '../ui/parts.tsx';
import { attempt, reasonOf, say } from '../ui/toast.tsx';
import { chosenRoles, RolesField, UserRoles } from './roles_field.tsx';
import { OthersSecondFactor } from './second_factor.tsx';
import { SecurityTabs } from './security_tabs.tsx';
import { WebSessions } from './web_sessions.tsx';
import '../styles/security.css';

const PASSWORD_MIN = 12;
/** "things:read, rules:write" as a list. */
const listOf = (text: string) => text.split(/[\s,]+/).filter(Boolean);

function PermissionsField(props: { value: string; needed: boolean }) {
  return (
    <label>
      {t('account.permissions')}
      <input name="permissions" required={props.needed} value={props.value} autocomplete="off" spellcheck={false} />
      <small class="quiet-text">{t('account.permissions.help')}</small>
    </label>
  );
}

function UserForm(props: { onDone: () => void }) {
  const send = async (text: FieldText, form: FormData) => {
    const made = await accounts.create({
      name: text('name'),
      password: String(form.get('password')),
      roles: chosenRoles(form),
      permissions: listOf(text('permissions')),
    });
    if (made.note) say(made.note);
    props.onDone();
  };
  return (
    <SentForm button={t('account.new')} send={send}>
      <label>
        {t('thing.name')}
        <input name="name" required maxlength="128" autofocus autocomplete="off" />
      </label>
      <label>
        {t('signin.password')}
        <input name="password" type="password" required minlength={PASSWORD_MIN} autocomplete="new-password" />
        <small class="quiet-text">{t('claim.rule', { n: PASSWORD_MIN })}</small>
      </label>
      <RolesField chosen={['viewer']} />
      <PermissionsField value="" needed={false} />
    </SentForm>
  );
}

function TokenForm(props: { user: Pick<UserAccount, 'name' | 'permissions'>; onDone: (token: string) => void }) {
  const send = async (text: FieldText) => {
    const days = Number(text('days'));
    const made = await accounts.makeToken({
      owner: props.user.name,
      label: text('label'),
      permissions: listOf(text('permissions')),
      ...(days > 0 ? { days } : {}),
    });
    props.onDone(made.token);
  };
  return (
    <SentForm button={t('account.token.new')} send={send}>
      <label>
        {t('enrol.code.label')}
        <input name="label" required maxlength="128" autocomplete="off" />
      </label>
      <label>
        {t('account.token.days')}
        <input name="days" type="number" min="1" max="3650" value="90" />
      </label>
      <PermissionsField value={props.user.permissions.join(' ')} needed />
    </SentForm>
  );
}

/** Of a user, for whoever may see them; who may not make users makes no tokens. */
export function Tokens(props: { user: Pick<UserAccount, 'name' | 'permissions'> }) {
  const [tokens, { refetch }] = createResource(() => accounts.tokens(props.user.name), { storage: keepRows('id') });
  const [state, setState] = createSignal<'list' | 'form' | { token: string }>('list');
  const shown = () => {
    const now = state();
    return typeof now === 'object' ? now.token : undefined;
  };
  const remove = async (token: ApiToken) => {
    await attempt(() => accounts.removeToken(token.id), t('removed', { name: token.label || token.id }));
    void refetch();
  };
  return (
    <section>
      <h3>{t('account.tokens')}</h3>
      <Show when={shown()}>
        {(token) => (
          <>
            <p>
              <strong>{t('token.once')}</strong>
            </p>
            <CopyBox text={token()} label={t('token')} />
          </>
        )}
      </Show>
      <Show when={!tokens.error} fallback={<Problem text={reasonOf(tokens.error)} />}>
        <Show when={tokens.latest?.length === 0}>
          <p class="quiet-text">{t('account.tokens.none')}</p>
        </Show>
        <ul class="token-list">
          <For each={tokens.latest ?? []}>
            {(token) => (
              <li>
                <div>
                  <b>{token.label || token.id}</b>
                  <div class="quiet-text">
                    {token.permissions.join(' ')} · {t('cert.until')}{' '}
                    {token.expires_at ? formatDate(toMs(token.expires_at)) : t('account.token.never')}
                  </div>
                </div>
                <button
                  type="button"
                  class="button small quiet square"
                  aria-label={t('thing.remove', { name: token.label || token.id })}
                  onClick={() => void remove(token)}
                >
                  <Icon name="trash" />
                </button>
              </li>
            )}
          </For>
        </ul>
      </Show>
      <Show
        when={state() === 'form'}
        fallback={
          <Show when={may('users:write')}>
            <button type="button" class="button" onClick={() => setState('form')}>
              <Icon name="plus" />
              {t('account.token.new')}
            </button>
          </Show>
        }
      >
        <TokenForm
          user={props.user}
          onDone={(token) => {
            setState({ token });
            void refetch();
          }}
        />
      </Show>
    </section>
  );
}

function UserDialog(props: { user: UserAccount; onClose: () => void; onDone: () => void }) {
  const isMe = () => {
    const who = access();
    return who.state === 'in' && who.user.name === props.user.name;
  };
  const remove = async () => {
    if (await attempt(() => accounts.remove(props.user.name), t('removed', { name: props.user.name }))) props.onDone();
  };
  const facts = (): [string, string][] => [
    [t('account.roles'), props.user.roles.join(' ') || '–'],
    [t('account.permissions'), props.user.permissions.join(' ') || '–'],
    [t('tab.policies'), props.user.policies.join(' ') || '–'],
    [t('account.since'), formatDate(toMs(props.user.created_at))],
  ];
  return (
    <Dialog title={props.user.name} class="wide-dialog session-dialog" onClose={props.onClose}>
      <Facts facts={facts()} />
      <Show when={may('users:write')}>
        <UserRoles user={props.user} onDone={props.onDone} />
      </Show>
      <Tokens user={props.user} />
      <WebSessions user={props.user.name} />
      <Show
        when={!isMe()}
        fallback={
          <p class="quiet-text hint">
            {t('account.me')} <a href="#/me">{t('me.open')}</a>
          </p>
        }
      >
        <OthersSecondFactor user={props.user.name} />
        <Deeds deeds={[{ label: t('remove'), icon: 'trash', quiet: true, sure: t('account.remove.sure'), run: remove }]} />
      </Show>
    </Dialog>
  );
}

export default function Accounts() {
  const [list, { refetch }] = createResource(accounts.list, { storage: keepRows('name') });
  const [window, open] = createSignal<'form' | string | undefined>();
  const rows = () => (list.error ? [] : (list.latest ?? []));
  const shown = () => rows().find((one) => one.name === window());
  const done = () => {
    open(undefined);
    void refetch();
  };
  return (
    <>
      <PageHead title={t('nav.certificates')} count={rows().length ? formatCount(rows().length) : undefined}>
        <SecurityTabs />
        <button type="button" class="button primary" onClick={() => open('form')}>
          <Icon name="plus" />
          {t('account.new')}
        </button>
      </PageHead>
      <ListFrame
        page={list}
        retry={() => void refetch()}
        rows={rows().length}
        nothing={t('account.none')}
        columns={[t('signin.user'), t('account.roles'), t('account.permissions'), t('account.since')]}
      >
        <For each={rows()}>
          {(user) => (
            <tr>
              <td class="wide">
                <b>{user.name}</b>
              </td>
              <td>{user.roles.join(' ') || '–'}</td>
              <td>{user.permissions.join(' ') || '–'}</td>
              <td class="number">{formatDate(toMs(user.created_at))}</td>
              <OpenCell label={t('session.open')} of={user.name} open={() => open(user.name)} />
            </tr>
          )}
        </For>
      </ListFrame>
      <Show when={window() === 'form'}>
        <Dialog title={t('account.new')} onClose={() => window() === 'form' && open(undefined)}>
          <UserForm onDone={done} />
        </Dialog>
      </Show>
      <Show when={shown()}>
        {(user) => <UserDialog user={user()} onClose={() => open(undefined)} onDone={done} />}
      </Show>
    </>
  );
}
