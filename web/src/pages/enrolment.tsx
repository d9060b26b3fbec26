// Devices that ask to come in: those that wait for a person, and the codes that let one in.
import { createResource, createSignal, For, Show } from 'solid-js';
import { enrolment, type Grant, type NewCode, type WaitingDevice } from '../api_security.ts';
import { t } from '../i18n/index.ts';
import { formatCount, formatDate, toMs } from '../lib/format.ts';
import { keepRows, whileSeen } from '../state/polling.ts';
import { Dialog } from '../ui/dialog.tsx';
import { Icon } from '../ui/icon.tsx';
import { SentForm, type FieldText } from '../ui/form.tsx';
import { ListFrame } from '../ui/list_frame.tsx';
import { CopyBox, PageHead } from '../ui/parts.tsx';
import { QrCode } from '../ui/qr.tsx';
import { attempt } from '../ui/toast.tsx';
import { SecurityTabs } from './security_tabs.tsx';
import '../styles/security.css';

const SHORT = 16;
const short = (digits: string) => (digits.length > SHORT ? `${digits.slice(0, SHORT)}…` : digits);
/** "code 675e4c094f1ead5f…" of "code:" and the whole id. */
const grantName = (grant: string) => {
  const [kind = '', id = ''] = grant.split(':', 2);
  return `${kind} ${short(id)}`;
};

function WaitingRow(props: { device: WaitingDevice; onChange: () => void }) {
  const decide = async (what: 'approve' | 'reject') => {
    await attempt(
      () => enrolment.decide(props.device.name, what),
      t(what === 'approve' ? 'enrol.approved' : 'enrol.rejected', { name: props.device.name }),
    );
    props.onChange();
  };
  const forget = async () => {
    await attempt(() => enrolment.forget(props.device.name), t('removed', { name: props.device.name }));
    props.onChange();
  };
  return (
    <tr>
      <td class="wide">
        <b>{props.device.name}</b>
        <div class="quiet-text">
          <code title={props.device.key}>{short(props.device.key)}</code>
        </div>
      </td>
      <td title={props.device.grant}>{grantName(props.device.grant)}</td>
      <td>
        <span class={`state enrol-${props.device.state}`}>{t(`enrol.state.${props.device.state}`)}</span>
      </td>
      <td class="actions">
        <Show when={props.device.state !== 'approved'}>
          <button type="button" class="button small primary" onClick={() => void decide('approve')}>
            <Icon name="check" />
            {t('enrol.approve')}
            <span class="visually-hidden"> {props.device.name}</span>
          </button>
        </Show>
        <Show
          when={props.device.state === 'waiting'}
          fallback={
            <button type="button" class="button small quiet" onClick={() => void forget()}>
              {t('enrol.forget')}
              <span class="visually-hidden"> {props.device.name}</span>
            </button>
          }
        >
          <button type="button" class="button small" onClick={() => void decide('reject')}>
            <Icon name="close" />
            {t('enrol.reject')}
            <span class="visually-hidden"> {props.device.name}</span>
          </button>
        </Show>
      </td>
    </tr>
  );
}

function CodeForm(props: { onMade: (code: NewCode) => void }) {
  const send = async (text: FieldText, form: FormData) => {
    const thing = text('thing');
    props.onMade(
      await enrolment.makeCode({
        ...(thing ? { thing } : {}),
        label: text('label'),
        hours: Number(text('hours')),
        uses: Number(text('uses')),
        approval: form.get('queue') ? 'queue' : 'automatic',
      }),
    );
  };
  return (
    <SentForm button={t('enrol.code.new')} send={send}>
      <label>
        {t('enrol.code.thing')}
        <input name="thing" maxlength="128" pattern="[^\/+#$\s]+" title={t('thing.name.rule')} autocomplete="off" autofocus />
      </label>
      <label>
        {t('enrol.code.label')}
        <input name="label" maxlength="128" autocomplete="off" />
      </label>
      <label>
        {t('enrol.code.hours')}
        <input name="hours" type="number" min="1" max="8760" value="24" required />
      </label>
      <label>
        {t('enrol.code.uses')}
        <input name="uses" type="number" min="1" max="1000000" value="1" required />
      </label>
      <label class="check">
        <input name="queue" type="checkbox" />
        {t('enrol.code.queue')}
      </label>
    </SentForm>
  );
}

function CodeShown(props: { code: NewCode }) {
  return (
    <div class="form">
      <p>
        <strong>{t('token.once')}</strong>
      </p>
      <QrCode svg={props.code.qr_svg} alt={t('enrol.code.qr')} />
      <CopyBox text={props.code.code} label={t('enrol.code')} />
      <p class="quiet-text">{t('enrol.code.use')}</p>
    </div>
  );
}

function CodeRow(props: { code: Grant; onChange: () => void }) {
  const remove = async () => {
    await attempt(() => enrolment.removeCode(props.code.id), t('enrol.code.removed'));
    props.onChange();
  };
  return (
    <tr>
      <td class="wide">
        {props.code.label || '–'}
        <div class="quiet-text">
          <code title={props.code.id}>{short(props.code.id)}</code>
        </div>
      </td>
      <td class="number">{formatCount(props.code.enrolled)}</td>
      <td class="number">{props.code.uses_left ?? '–'}</td>
      <td class="number">{props.code.expires_at ? formatDate(toMs(props.code.expires_at)) : '–'}</td>
      <td class="actions">
        <button
          type="button"
          class="button small quiet square"
          aria-label={t('enrol.code.remove', { name: props.code.label || props.code.id })}
          title={t('remove')}
          onClick={() => void remove()}
        >
          <Icon name="trash" />
        </button>
      </td>
    </tr>
  );
}

function Codes() {
  const [codes, { refetch }] = createResource(enrolment.codes, { storage: keepRows('id') });
  const [window, open] = createSignal<'form' | NewCode | undefined>();
  const made = () => {
    const at = window();
    return at === 'form' ? undefined : at;
  };
  const rows = () => (codes.error ? [] : (codes.latest ?? []));
  return (
    <section class="panel-section">
      <header class="section-head">
        <h2>{t('enrol.codes')}</h2>
        <button type="button" class="button" onClick={() => open('form')}>
          <Icon name="plus" />
          {t('enrol.code.new')}
        </button>
      </header>
      <ListFrame
        page={codes}
        retry={() => void refetch()}
        rows={rows().length}
        nothing={t('enrol.codes.none')}
        columns={[t('enrol.code'), t('enrol.code.enrolled'), t('enrol.code.left'), t('cert.until')]}
      >
        <For each={rows()}>{(code) => <CodeRow code={code} onChange={() => void refetch()} />}</For>
      </ListFrame>
      <Show when={window() === 'form'}>
        <Dialog title={t('enrol.code.new')} onClose={() => window() === 'form' && open(undefined)}>
          <CodeForm
            onMade={(code) => {
              open(code);
              void refetch();
            }}
          />
        </Dialog>
      </Show>
      <Show when={made()}>
        {(code) => (
          <Dialog title={t('enrol.code')} onClose={() => open(undefined)}>
            <CodeShown code={code()} />
          </Dialog>
        )}
      </Show>
    </section>
  );
}

export default function Enrolment() {
  const [waiting, { refetch }] = createResource(enrolment.waiting, { storage: keepRows('name') });
  whileSeen(refetch);
  const rows = () => (waiting.error ? [] : (waiting.latest ?? []));
  const open = () => rows().filter((one) => one.state === 'waiting').length;
  return (
    <>
      <PageHead title={t('nav.certificates')} count={open() ? formatCount(open()) : undefined}>
        <SecurityTabs />
      </PageHead>
      <section class="panel-section">
        <header class="section-head">
          <h2>{t('enrol.waiting')}</h2>
        </header>
        <ListFrame
          page={waiting}
          retry={() => void refetch()}
          rows={rows().length}
          nothing={t('enrol.waiting.none')}
          columns={[t('device'), t('enrol.by'), t('alarm.state')]}
        >
          <For each={rows()}>{(device) => <WaitingRow device={device} onChange={() => void refetch()} />}</For>
        </ListFrame>
      </section>
      <Codes />
    </>
  );
}
