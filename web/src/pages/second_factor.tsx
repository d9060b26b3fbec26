// A second factor beside the password: one's own, and what administrators may do about others'.
import { createResource, createSignal, Match, Show, Switch } from 'solid-js';
import { people, type TotpSecret } from '../api_people.ts';
import { t } from '../i18n/index.ts';
import { Deeds } from '../ui/deeds.tsx';
import { Icon } from '../ui/icon.tsx';
import { SentForm, type FieldText } from '../ui/form.tsx';
import { CopyBox, Loading, Problem } from '../ui/parts.tsx';
import { saveFile } from '../ui/pem_field.tsx';
import { QrCode } from '../ui/qr.tsx';
import { attempt, reasonOf, say } from '../ui/toast.tsx';

function CodeField(props: { label: string; help: string }) {
  return (
    <label>
      {props.label}
      <input
        name="code"
        required
        autocomplete="one-time-code"
        autocapitalize="characters"
        spellcheck={false}
        ref={(field) => queueMicrotask(() => field.focus())}
      />
      <small class="quiet-text">{props.help}</small>
    </label>
  );
}

/** The secret is on the page until a code confirms it, and no longer. */
function Confirm(props: { user: string; made: TotpSecret; onCodes: (codes: string[]) => void; onCancel: () => void }) {
  const send = async (text: FieldText) =>
    props.onCodes((await people.confirmSecondFactor(props.user, text('code'))).recovery_codes);
  return (
    <>
      <p>{t('totp.scan')}</p>
      <div class="totp-secret">
        <QrCode svg={props.made.qr_svg} alt={t('totp.qr')} />
        <div>
          <p class="quiet-text">{t('totp.type')}</p>
          <CopyBox text={props.made.secret} label={t('totp.secret')} />
        </div>
      </div>
      <SentForm button={t('totp.confirm')} send={send}>
        <CodeField label={t('totp.code')} help={t('totp.code.help')} />
      </SentForm>
      <button type="button" class="button quiet" onClick={() => props.onCancel()}>
        {t('cancel')}
      </button>
    </>
  );
}

function RecoveryCodes(props: { codes: string[]; onDone: () => void }) {
  const text = () => props.codes.join('\n');
  return (
    <>
      <p role="status">
        <strong>{t('totp.recovery.once')}</strong>
      </p>
      <p class="quiet-text">{t('totp.recovery.text')}</p>
      <CopyBox text={text()} label={t('totp.recovery')} />
      <div class="badges">
        <button type="button" class="button" onClick={() => saveFile('dunlin-recovery-codes.txt', `${text()}\n`)}>
          <Icon name="down" />
          {t('totp.recovery.save')}
        </button>
        <button type="button" class="button primary" onClick={() => props.onDone()}>
          {t('totp.recovery.kept')}
        </button>
      </div>
    </>
  );
}

/** A session that somebody has left open is not enough to remove it: a code is asked for. */
function RemoveOwn(props: { user: string; onDone: () => void }) {
  const [wanted, setWanted] = createSignal(false);
  const send = async (text: FieldText) => {
    await people.removeSecondFactor(props.user, text('code'));
    say(t('totp.removed'));
    props.onDone();
  };
  return (
    <Show
      when={wanted()}
      fallback={
        <button type="button" class="button" onClick={() => setWanted(true)}>
          <Icon name="trash" />
          {t('totp.remove')}
        </button>
      }
    >
      <SentForm button={t('totp.remove')} send={send}>
        <CodeField label={t('totp.code')} help={t('totp.remove.help')} />
      </SentForm>
      <button type="button" class="button quiet" onClick={() => setWanted(false)}>
        {t('cancel')}
      </button>
    </Show>
  );
}

type Stage = { at: 'state' } | { at: 'confirm'; made: TotpSecret } | { at: 'codes'; codes: string[] };

export function SecondFactorPanel(props: { user: string }) {
  const [known, { refetch }] = createResource(() => props.user, people.secondFactor);
  const [stage, setStage] = createSignal<Stage>({ at: 'state' });
  const state = () => (known.error ? undefined : known.latest);
  const begin = () =>
    attempt(async () => setStage({ at: 'confirm', made: await people.beginSecondFactor(props.user) }));
  const done = () => {
    setStage({ at: 'state' });
    void refetch();
  };
  const secret = () => {
    const now = stage();
    return now.at === 'confirm' ? now.made : undefined;
  };
  const codes = () => {
    const now = stage();
    return now.at === 'codes' ? now.codes : undefined;
  };
  return (
    <section class="panel second-factor">
      <h2>{t('totp')}</h2>
      <Show when={known.error}>
        <Problem text={reasonOf(known.error)} retry={() => void refetch()} />
      </Show>
      <Switch fallback={<Show when={!known.error}><Loading /></Show>}>
        <Match when={secret()}>
          {(made) => (
            <Confirm
              user={props.user}
              made={made()}
              onCodes={(list) => setStage({ at: 'codes', codes: list })}
              onCancel={done}
            />
          )}
        </Match>
        <Match when={codes()}>{(list) => <RecoveryCodes codes={list()} onDone={done} />}</Match>
        <Match when={state()?.state === 'active' && state()}>
          {(active) => (
            <>
              <p class="verdict good">
                <Icon name="check" />
                <span>{t('totp.active')}</span>
              </p>
              <p class="quiet-text">{t('totp.left', { n: active().recovery_codes_left })}</p>
              <RemoveOwn user={props.user} onDone={done} />
            </>
          )}
        </Match>
        <Match when={state()}>
          <p>{t('totp.none')}</p>
          <button type="button" class="button primary" onClick={() => void begin()}>
            <Icon name="key" />
            {t('totp.begin')}
          </button>
        </Match>
      </Switch>
    </section>
  );
}

/** For who has lost telephone and recovery codes. */
export function OthersSecondFactor(props: { user: string }) {
  const [known, { refetch }] = createResource(() => props.user, people.secondFactor);
  const state = () => (known.error ? undefined : known.latest?.state);
  const reset = async () => {
    await attempt(() => people.removeSecondFactor(props.user), t('totp.reset.done', { name: props.user }));
    void refetch();
  };
  return (
    <section>
      <h3>{t('totp')}</h3>
      <Show when={!known.error} fallback={<Problem text={reasonOf(known.error)} />}>
        <p class="quiet-text">{state() ? t(`totp.is.${state()!}`) : t('loading')}</p>
        <Show when={state() && state() !== 'none'}>
          <Deeds deeds={[{ label: t('totp.reset'), icon: 'key', sure: t('totp.reset.sure'), run: reset }]} />
        </Show>
      </Show>
    </section>
  );
}

