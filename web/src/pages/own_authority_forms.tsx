// What changes our own authority: a new intermediate, one that is signed elsewhere, the root's key taken away.
import { createResource, createSignal, Show } from 'solid-js';
import { ownAuthority } from '../api_pki.ts';
import { t } from '../i18n/index.ts';
import { SentForm, type FieldText } from '../ui/form.tsx';
import { FieldError } from '../ui/list.tsx';
import { CopyBox, Loading } from '../ui/parts.tsx';
import { PemField, saveFile } from '../ui/pem_field.tsx';
import { reasonOf, say } from '../ui/toast.tsx';

const MIN_PASSPHRASE = 12;
const MAX_PASSPHRASE = 1024;
const SIGN = `cat > intermediate.cnf <<END
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
END
openssl x509 -req -in intermediate.csr -CA root.pem -CAkey root-key.pem \\
  -days 1825 -sha256 -extfile intermediate.cnf -out intermediate.pem`;

export function NewIssuer(props: { onDone: () => void }) {
  const send = async () => {
    const made = await ownAuthority.rotate();
    say(t('ca.used', { name: made.name }));
    props.onDone();
  };
  return (
    <SentForm button={t('ca.rotate.button')} send={send}>
      <p>{t('ca.rotate.text')}</p>
    </SentForm>
  );
}

export function RequestShown() {
  const [made] = createResource(ownAuthority.request);
  const text = () => (made.error ? undefined : made.latest?.request);
  return (
    <div class="form">
      <p>{t('ca.request.text')}</p>
      <FieldError text={made.error && reasonOf(made.error)} />
      <Show when={text()} fallback={<Show when={!made.error}><Loading /></Show>}>
        {(request) => (
          <>
            <CopyBox text={request()} label={t('ca.request')} />
            <div class="badges">
              <button type="button" class="button" onClick={() => saveFile('intermediate.csr', request())}>
                {t('ca.request.save')}
              </button>
            </div>
            <p class="quiet-text">{t('ca.request.sign')}</p>
            <CopyBox text={SIGN} label={t('ca.request.sign')} />
          </>
        )}
      </Show>
    </div>
  );
}

export function ImportForm(props: { onDone: () => void }) {
  const send = async (text: FieldText) => {
    const made = await ownAuthority.import(text('certificate'), text('use') === 'trusted' ? 'trusted' : 'issuing');
    say(t(made.state === 'issuing' ? 'ca.used' : 'ca.imported', { name: made.name }));
    props.onDone();
  };
  return (
    <SentForm button={t('ca.import.button')} send={send}>
      <p>{t('ca.import.text')}</p>
      <PemField name="certificate" label={t('ca.import.certificate')} begins="CERTIFICATE" />
      <label>
        {t('ca.import.use')}
        <select name="use">
          <option value="issuing">{t('ca.import.issuing')}</option>
          <option value="trusted">{t('ca.import.trusted')}</option>
        </select>
      </label>
    </SentForm>
  );
}

function Passphrase(props: { again?: boolean }) {
  const field = (name: string, label: string) => (
    <label>
      {label}
      <input
        name={name}
        type="password"
        required
        minlength={MIN_PASSPHRASE}
        maxlength={MAX_PASSPHRASE}
        autocomplete={props.again ? 'new-password' : 'off'}
      />
    </label>
  );
  return (
    <>
      {field('passphrase', t('ca.passphrase'))}
      <Show when={props.again}>{field('again', t('claim.repeat'))}</Show>
    </>
  );
}

/** First the key is kept elsewhere; only who shows it again may remove it here. */
export function RootKey(props: { onDone: () => void }) {
  const [exported, setExported] = createSignal(false);
  const save = async (_: FieldText, form: FormData) => {
    if (form.get('passphrase') !== form.get('again')) throw new Error(t('claim.differs'));
    const made = await ownAuthority.exportRoot(String(form.get('passphrase')));
    saveFile('root-key.pem', `${made.key}\n`);
    setExported(true);
  };
  const remove = async (text: FieldText, form: FormData) => {
    await ownAuthority.removeRoot(text('key'), String(form.get('passphrase')));
    say(t('ca.root.removed'));
    props.onDone();
  };
  return (
    <>
      <section>
        <h3>{t('ca.root.export')}</h3>
        <SentForm button={t('ca.root.export.button')} send={save}>
          <p>{t('ca.root.export.text')}</p>
          <Passphrase again />
          <Show when={exported()}>
            <p role="status">
              <strong>{t('ca.root.exported')}</strong>
            </p>
          </Show>
        </SentForm>
      </section>
      <section class="second-step">
        <h3>{t('ca.root.remove')}</h3>
        <SentForm button={t('ca.root.remove.button')} send={remove}>
          <p>{t('ca.root.remove.text')}</p>
          <PemField name="key" label={t('ca.root.key.file')} begins="ENCRYPTED PRIVATE KEY" />
          <Passphrase />
        </SentForm>
      </section>
    </>
  );
}
