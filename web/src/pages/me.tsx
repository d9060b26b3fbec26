// What a person does for oneself: password, second factor, where one is signed in, tokens of one's programs.
import { Show } from 'solid-js';
import { people } from '../api_people.ts';
import { t } from '../i18n/index.ts';
import { MIN_PASSWORD } from '../lib/format.ts';
import { access, resume } from '../state/session.ts';
import { SentForm, type FieldText } from '../ui/form.tsx';
import { PageHead } from '../ui/parts.tsx';
import { say } from '../ui/toast.tsx';
import { Tokens } from './accounts.tsx';
import { SecondFactorPanel } from './second_factor.tsx';
import { WebSessions } from './web_sessions.tsx';
import '../styles/tables.css';
import '../styles/broker.css';
import '../styles/security.css';

function PasswordField(props: { name: string; label: string; autocomplete: string; rule?: string }) {
  return (
    <label>
      {props.label}
      <input
        name={props.name}
        type="password"
        required
        autocomplete={props.autocomplete as 'new-password'}
        {...(props.rule ? { minlength: MIN_PASSWORD } : {})}
      />
      <Show when={props.rule}>
        <small class="quiet-text">{props.rule}</small>
      </Show>
    </label>
  );
}

/** A new password ends every sign-in, this one too. */
function Password(props: { user: string }) {
  const send = async (_: FieldText, form: FormData) => {
    const [current, password] = [String(form.get('current')), String(form.get('password'))];
    if (password !== form.get('again')) throw new Error(t('claim.differs'));
    await people.password(props.user, password, current);
    say(t('me.password.done'));
    await resume();
  };
  return (
    <section class="panel">
      <h2>{t('me.password')}</h2>
      <SentForm button={t('me.password.button')} send={send}>
        <input class="visually-hidden" name="username" autocomplete="username" value={props.user} readonly tabindex="-1" aria-hidden="true" />
        <PasswordField name="current" label={t('me.password.current')} autocomplete="current-password" />
        <PasswordField
          name="password"
          label={t('claim.password')}
          autocomplete="new-password"
          rule={t('claim.rule', { n: MIN_PASSWORD })}
        />
        <PasswordField name="again" label={t('claim.repeat')} autocomplete="new-password" />
        <p class="quiet-text">{t('me.password.text')}</p>
      </SentForm>
    </section>
  );
}

export default function Me() {
  const user = () => {
    const who = access();
    return who.state === 'in' ? who.user : undefined;
  };
  return (
    <Show when={user()}>
      {(who) => (
        <>
          <PageHead title={t('me')} count={who().name} />
          <div class="panels me">
            <SecondFactorPanel user={who().name} />
            <div class="panel session-dialog">
              <WebSessions user={who().name} />
              <Tokens user={{ name: who().name, permissions: who().permissions ?? [] }} />
            </div>
            <Password user={who().name} />
          </div>
        </>
      )}
    </Show>
  );
}
