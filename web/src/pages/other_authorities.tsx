// Authorities of others whose devices may connect: registered with a proof that their key is held, switched off, removed.
import { createResource, createSignal, For, Show } from 'solid-js';
import { authorities, type Authority, type AuthorityChange, type Template } from '../api_pki.ts';
import { t } from '../i18n/index.ts';
import { formatCount, formatDate, toMs } from '../lib/format.ts';
import { keepRows, whileSeen } from '../state/polling.ts';
import { may } from '../state/session.ts';
import { Deeds } from '../ui/deeds.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { Icon } from '../ui/icon.tsx';
import { SentForm, type FieldText } from '../ui/form.tsx';
import { ListFrame } from '../ui/list_frame.tsx';
import { OpenCell } from '../ui/list.tsx';
import { CopyBox, Facts } from '../ui/parts.tsx';
import { PemField } from '../ui/pem_field.tsx';
import { StandingBadge } from '../ui/standing.tsx';
import { attempt, say } from '../ui/toast.tsx';

const MAX_TEXT = 128;
const nameOf = (authority: Authority) => authority.label || authority.name || authority.id;
const listOf = (text: string) => text.split(/[\s,]+/).filter(Boolean);
const proofCommands = (code: string) =>
  `openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout proof.key -subj "/CN=${code}" -out proof.csr
openssl x509 -req -in proof.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 1 -out proof.pem`;

/** What the fields of the form say. */
function changeOf(text: FieldText, form: FormData): AuthorityChange {
  return {
    label: text('label'),
    enabled: form.get('enabled') !== null,
    auto_registration: form.get('auto_registration') !== null,
    name_pattern: text('name_pattern'),
    type: text('type'),
    policies: listOf(text('policies')),
    allow: listOf(text('allow')),
    quota: Number(text('quota')) || 0,
    days: Number(text('days')),
    approval: form.get('queue') === null ? 'automatic' : 'queue',
  };
}

function TemplateFields(props: { template?: Template }) {
  const of = () => props.template;
  return (
    <details>
      <summary>{t('authority.template')}</summary>
      <div class="form">
        <label>
          {t('authority.pattern')}
          <input name="name_pattern" maxlength={MAX_TEXT} value={of()?.name ?? ''} autocomplete="off" spellcheck={false} />
          <small class="quiet-text">{t('authority.pattern.help')}</small>
        </label>
        <label>
          {t('thing.type')}
          <input name="type" maxlength={MAX_TEXT} value={of()?.type ?? ''} autocomplete="off" />
        </label>
        <label>
          {t('tab.policies')}
          <input name="policies" value={of()?.policies.join(' ') ?? ''} autocomplete="off" spellcheck={false} />
          <small class="quiet-text">{t('authority.policies.help')}</small>
        </label>
        <label>
          {t('authority.allow')}
          <input name="allow" value={of()?.allow.join(' ') ?? ''} autocomplete="off" spellcheck={false} />
          <small class="quiet-text">{t('authority.allow.help')}</small>
        </label>
        <label>
          {t('authority.quota')}
          <input name="quota" type="number" min="0" value={of()?.quota ?? 0} />
        </label>
        <label>
          {t('authority.days')}
          <input name="days" type="number" min="1" max="1095" required value={of()?.days ?? 365} />
        </label>
        <label class="check">
          <input name="queue" type="checkbox" checked={of()?.approval === 'queue'} />
          {t('enrol.code.queue')}
        </label>
      </div>
    </details>
  );
}

function Switches(props: { authority?: Authority }) {
  return (
    <>
      <label>
        {t('enrol.code.label')}
        <input name="label" maxlength={MAX_TEXT} autocomplete="off" value={props.authority?.label ?? ''} />
      </label>
      <label class="check">
        <input name="enabled" type="checkbox" checked={props.authority?.state !== 'disabled'} />
        {t('authority.accept')}
      </label>
      <label class="check">
        <input name="auto_registration" type="checkbox" checked={props.authority?.auto_registration === true} />
        {t('authority.auto')}
      </label>
      <TemplateFields {...(props.authority ? { template: props.authority.template } : {})} />
    </>
  );
}

/** First the code that the proof must hold, then certificate and proof. */
function Register(props: { onDone: () => void }) {
  const [code, setCode] = createSignal<string | undefined>();
  const ask = () => attempt(async () => setCode((await authorities.code()).code));
  const send = async (text: FieldText, form: FormData) => {
    const made = await authorities.register({
      ...changeOf(text, form),
      certificate: text('certificate'),
      proof: text('proof'),
    });
    say(t('authority.registered', { name: nameOf(made) }));
    props.onDone();
  };
  return (
    <>
      <section class="form">
        <h3>{t('authority.step.code')}</h3>
        <p>{t('authority.step.code.text')}</p>
        <Show
          when={code()}
          fallback={
            <button type="button" class="button" autofocus onClick={() => void ask()}>
              {t('authority.code.get')}
            </button>
          }
        >
          {(text) => (
            <>
              <CopyBox text={text()} label={t('enrol.code')} />
              <p class="quiet-text">{t('authority.proof.how')}</p>
              <CopyBox text={proofCommands(text())} label={t('authority.proof.how')} />
            </>
          )}
        </Show>
      </section>
      <section class="second-step">
        <h3>{t('authority.step.proof')}</h3>
        <SentForm button={t('authority.register')} send={send}>
          <PemField name="certificate" label={t('authority.certificate')} begins="CERTIFICATE" />
          <PemField name="proof" label={t('authority.proof')} begins="CERTIFICATE" />
          <Switches />
        </SentForm>
      </section>
    </>
  );
}

function factsOf(authority: Authority): [string, string][] {
  const { quota } = authority.template;
  const enrolled = formatCount(authority.enrolled);
  return [
    [t('authority.subject'), authority.name || '–'],
    ['SHA-256', authority.id],
    [t('cert.until'), formatDate(toMs(authority.not_after))],
    [t('enrol.code.enrolled'), quota ? `${enrolled} / ${formatCount(quota)}` : enrolled],
    [t('account.since'), formatDate(toMs(authority.created_at))],
  ];
}

function AuthorityDialog(props: { authority: Authority; onClose: () => void; onChange: () => void; onGone: () => void }) {
  const save = async (text: FieldText, form: FormData) => {
    await authorities.update(props.authority.id, changeOf(text, form));
    say(t('authority.saved', { name: nameOf(props.authority) }));
    props.onChange();
  };
  const remove = async () => {
    const done = await attempt(() => authorities.remove(props.authority.id), t('removed', { name: nameOf(props.authority) }));
    if (done) props.onGone();
  };
  return (
    <Dialog title={nameOf(props.authority)} class="wide-dialog" onClose={props.onClose}>
      <Facts facts={factsOf(props.authority)} />
      <Show when={props.authority.certificate}>{(pem) => <CopyBox text={pem()} label="PEM" />}</Show>
      <Show when={may('enrolment:write')}>
        <div class="second-step">
          <SentForm button={t('save')} send={save}>
            <Switches authority={props.authority} />
          </SentForm>
        </div>
        <Deeds
          deeds={[{ label: t('remove'), icon: 'trash', quiet: true, sure: t('authority.remove.sure'), run: remove }]}
        />
      </Show>
    </Dialog>
  );
}

function Row(props: { authority: Authority; open: () => void }) {
  return (
    <tr>
      <td class="wide">
        <b>{nameOf(props.authority)}</b>
        <div class="quiet-text">{props.authority.name}</div>
      </td>
      <td>
        <span class={`state authority-${props.authority.state}`}>{t(`authority.${props.authority.state}`)}</span>
      </td>
      <td>{t(props.authority.auto_registration ? 'authority.auto.on' : 'authority.auto.off')}</td>
      <td class="number">{formatCount(props.authority.enrolled)}</td>
      <td>
        <StandingBadge certificate={{ not_after: props.authority.not_after }} />
      </td>
      <OpenCell label={t('session.open')} of={nameOf(props.authority)} open={() => props.open()} />
    </tr>
  );
}

export function OtherAuthorities() {
  const [list, { refetch }] = createResource(authorities.list, { storage: keepRows('id') });
  const [opened, setOpened] = createSignal<string | undefined>();
  const [registers, setRegisters] = createSignal(false);
  whileSeen(refetch);
  const rows = () => (list.error ? [] : (list.latest ?? []));
  const changed = () => {
    setOpened(undefined);
    setRegisters(false);
    void refetch();
  };
  return (
    <section class="panel-section">
      <header class="section-head">
        <h2>{t('authority.others')}</h2>
        <Show when={may('enrolment:write')}>
          <button type="button" class="button" onClick={() => setRegisters(true)}>
            <Icon name="plus" />
            {t('authority.new')}
          </button>
        </Show>
      </header>
      <ListFrame
        page={list}
        retry={() => void refetch()}
        rows={rows().length}
        nothing={t('authority.none')}
        columns={[
          t('authority.authority'),
          t('alarm.state'),
          t('authority.unknown'),
          t('enrol.code.enrolled'),
          t('ca.ends'),
        ]}
        opened={opened()}
        dialog={(id) => (
          <Show when={rows().find((one) => one.id === id)}>
            {(authority) => (
              <AuthorityDialog
                authority={authority()}
                onClose={() => setOpened(undefined)}
                onChange={() => void refetch()}
                onGone={changed}
              />
            )}
          </Show>
        )}
      >
        <For each={rows()}>{(authority) => <Row authority={authority} open={() => setOpened(authority.id)} />}</For>
      </ListFrame>
      <Show when={registers()}>
        <Dialog title={t('authority.new')} class="wide-dialog" onClose={() => setRegisters(false)}>
          <Register onDone={changed} />
        </Dialog>
      </Show>
    </section>
  );
}
