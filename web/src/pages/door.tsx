// Before anyone is signed in: the sign-in form, or the first password by the one-time link.
import { createSignal, Show, type JSX } from 'solid-js';
import { t, type TextKey } from '../i18n/index.ts';
import { MIN_PASSWORD, passwordProblem } from '../lib/format.ts';
import { go, route } from '../router.ts';
import { claim, signIn } from '../state/session.ts';
import { FieldError } from '../ui/list.tsx';
import { reasonOf } from '../ui/toast.tsx';

function Card(props: { title: string; text: string; children: JSX.Element }) {
  return (
    <main class="door">
      <section class="door-card">
        <img src="/icon.svg" alt="" width="56" height="56" />
        <h1>{props.title}</h1>
        <p class="quiet-text">{props.text}</p>
        {props.children}
      </section>
    </main>
  );
}

/** A form whose submission runs `send`; shows what went wrong. */
function useSending(send: () => Promise<void>) {
  const [busy, setBusy] = createSignal(false);
  const [error, setError] = createSignal<string>();
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      await send();
    } catch (problem) {
      setError(reasonOf(problem));
    } finally {
      setBusy(false);
    }
  };
  return { busy, error, submit };
}

function SignIn() {
  const [user, setUser] = createSignal('admin');
  const [password, setPassword] = createSignal('');
  const [asked, setAsked] = createSignal(false);
  const [code, setCode] = createSignal('');
  const { busy, error, submit } = useSending(async () => {
    const needs = await signIn(user().trim(), password(), asked() ? code().trim() : undefined);
    if (needs === 'code') setAsked(true);
  });
  return (
    <Card title={t('signin.title')} text={t('signin.text')}>
      <form class="form" onSubmit={submit}>
        <label>
          {t('signin.user')}
          <input
            name="username"
            autocomplete="username"
            autocapitalize="none"
            required
            value={user()}
            onInput={(e) => setUser(e.currentTarget.value)}
          />
        </label>
        <label>
          {t('signin.password')}
          <input
            name="password"
            type="password"
            autocomplete="current-password"
            required
            autofocus
            value={password()}
            onInput={(e) => setPassword(e.currentTarget.value)}
          />
        </label>
        <Show when={asked()}>
          <label>
            {t('signin.code')}
            <input
              name="code"
              autocomplete="one-time-code"
              autocapitalize="characters"
              required
              ref={(field) => queueMicrotask(() => field.focus())}
              value={code()}
              onInput={(e) => setCode(e.currentTarget.value)}
            />
          </label>
          <p class="quiet-text small">{t('signin.code_text')}</p>
        </Show>
        <FieldError text={error()} />
        <button class="button primary" disabled={busy()}>
          {t('signin.button')}
        </button>
      </form>
      <p class="quiet-text small">{t('signin.first')}</p>
    </Card>
  );
}

function Claim(props: { token: string }) {
  const [password, setPassword] = createSignal('');
  const [repeated, setRepeated] = createSignal('');
  const [tried, setTried] = createSignal(false);
  const problem = () => passwordProblem(password(), repeated());
  const { busy, error, submit } = useSending(async () => {
    setTried(true);
    if (problem()) return;
    await claim(props.token, password());
    go('#/');
  });
  const enough = () => passwordProblem(password(), password()) === undefined;
  return (
    <Card title={t('claim.title')} text={t('claim.text')}>
      <form class="form" onSubmit={submit} novalidate>
        <input
          class="visually-hidden"
          name="username"
          autocomplete="username"
          value="admin"
          readonly
          tabindex="-1"
          aria-hidden="true"
        />
        <label>
          {t('claim.password')}
          <input
            name="password"
            type="password"
            autocomplete="new-password"
            autofocus
            minlength={MIN_PASSWORD}
            required
            aria-describedby="password-rule"
            aria-invalid={tried() && !enough()}
            value={password()}
            onInput={(e) => setPassword(e.currentTarget.value)}
          />
        </label>
        <p id="password-rule" class="rule" classList={{ met: enough() }}>
          <meter
            min="0"
            max={MIN_PASSWORD}
            low={8}
            high={11}
            optimum={MIN_PASSWORD}
            value={Math.min(MIN_PASSWORD, [...password()].length)}
            aria-hidden="true"
          />
          {t('claim.rule', { n: MIN_PASSWORD })}
        </p>
        <label>
          {t('claim.repeat')}
          <input
            name="repeat"
            type="password"
            autocomplete="new-password"
            required
            aria-invalid={tried() && problem() === 'differs'}
            value={repeated()}
            onInput={(e) => setRepeated(e.currentTarget.value)}
          />
        </label>
        <FieldError text={tried() && problem() && t(`claim.${problem()}` as TextKey, { n: MIN_PASSWORD })} />
        <FieldError text={error()} />
        <button class="button primary" disabled={busy()}>
          {t('claim.button')}
        </button>
      </form>
    </Card>
  );
}

export function Door() {
  const token = () => {
    const at = route();
    return at.page === 'claim' ? at.token : undefined;
  };
  return (
    <Show when={token()} fallback={<SignIn />} keyed>
      {(value) => <Claim token={value} />}
    </Show>
  );
}
