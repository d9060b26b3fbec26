// Policies: the documents, an editor, and a question to try before anybody is locked out.
import { createResource, createSignal, For, Show } from 'solid-js';
import { policies, type PolicyAction, type PolicyDocument, type PolicyVerdict } from '../api_security.ts';
import { t } from '../i18n/index.ts';
import { formatCount } from '../lib/format.ts';
import type { Json } from '../lib/shadow.ts';
import { keepRows } from '../state/polling.ts';
import { Deeds } from '../ui/deeds.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { Icon } from '../ui/icon.tsx';
import { SentForm, type FieldText } from '../ui/form.tsx';
import { ListFrame } from '../ui/list_frame.tsx';
import { OpenCell } from '../ui/list.tsx';
import { CopyBox, PageHead } from '../ui/parts.tsx';
import { attempt } from '../ui/toast.tsx';
import { AttachedTo } from './attachments.tsx';
import { SecurityTabs } from './security_tabs.tsx';
import '../styles/security.css';

const ACTIONS: PolicyAction[] = ['connect', 'publish', 'subscribe', 'receive'];
const NEW_POLICY: PolicyDocument = {
  name: '',
  version: 0,
  document: {
    statements: [
      { effect: 'allow', actions: ['mqtt:connect'], resources: ['client/${thing.name}'] },
      { effect: 'allow', actions: ['mqtt:publish'], resources: ['topic/demo/${thing.site}/+/${thing.name}/#'] },
    ],
  },
};

const statementsOf = (policy: PolicyDocument): number => {
  const document = policy.document as { statements?: Json[] } | null;
  return Array.isArray(document?.statements) ? document.statements.length : 0;
};

function Editor(props: { policy: PolicyDocument; onDone: () => void }) {
  const fresh = () => props.policy.version === 0;
  const save = async (text: FieldText) => {
    const document = JSON.parse(text('document')) as Json;
    await policies.put(fresh() ? text('name') : props.policy.name, document, props.policy.version);
    props.onDone();
  };
  const remove = async () => {
    if (await attempt(() => policies.remove(props.policy.name), t('removed', { name: props.policy.name }))) props.onDone();
  };
  return (
    <>
      <SentForm button={t('save')} send={save}>
        <Show when={fresh()}>
          <label>
            {t('rule.name')}
            <input name="name" required maxlength="128" autofocus autocomplete="off" pattern="[A-Za-z0-9_.\-]+" />
          </label>
        </Show>
        <label>
          {t('policy.document')}
          <textarea
            name="document"
            class="code"
            rows="16"
            required
            spellcheck={false}
            value={JSON.stringify(props.policy.document, null, 2)}
          />
        </label>
        <p class="quiet-text">{t('policy.effect')}</p>
      </SentForm>
      <Show when={!fresh()}>
        <AttachedTo policy={props.policy.name} />
        <Deeds deeds={[{ label: t('remove'), icon: 'trash', quiet: true, sure: t('policy.remove.sure'), run: remove }]} />
      </Show>
    </>
  );
}

function Verdict(props: { verdict: PolicyVerdict }) {
  return (
    <div role="status">
      <p class="verdict" classList={{ good: props.verdict.allowed }}>
        <Icon name={props.verdict.allowed ? 'check' : 'close'} />
        <span>
          {t(props.verdict.allowed ? 'policy.allowed' : 'policy.denied')} {props.verdict.explanation}.
        </span>
      </p>
      <Show when={props.verdict.text}>
        {(text) => <CopyBox text={JSON.stringify(text(), null, 2)} label={t('policy.statement')} />}
      </Show>
    </div>
  );
}

function Simulator() {
  const [verdict, setVerdict] = createSignal<PolicyVerdict | undefined>();
  const ask = async (text: FieldText) => {
    setVerdict(undefined);
    const who = text('kind') === 'user' ? { user: text('who') } : { thing: text('who') };
    setVerdict(await policies.test({ ...who, action: text('action') as PolicyAction, on: text('on') }));
  };
  return (
    <section class="panel simulator">
      <header class="section-head">
        <h2>{t('policy.try')}</h2>
      </header>
      <SentForm button={t('policy.ask')} send={ask}>
        <label>
          {t('policy.kind')}
          <select name="kind">
            <option value="thing">{t('device')}</option>
            <option value="user">{t('signin.user')}</option>
          </select>
        </label>
        <label>
          {t('rule.name')}
          <input name="who" required maxlength="128" autocomplete="off" />
        </label>
        <label>
          {t('policy.action')}
          <select name="action">
            <For each={ACTIONS}>
              {(action) => (
                <option value={action} selected={action === 'publish'}>
                  {t(`policy.action.${action}`)}
                </option>
              )}
            </For>
          </select>
        </label>
        <label>
          {t('policy.on')}
          <input name="on" required maxlength="65535" autocomplete="off" placeholder="demo/plant1/machine/press-01/value" />
        </label>
      </SentForm>
      <Show when={verdict()}>{(shown) => <Verdict verdict={shown()} />}</Show>
    </section>
  );
}

export default function Policies() {
  const [list, { refetch }] = createResource(policies.list, { storage: keepRows('name') });
  const [window, open] = createSignal<PolicyDocument | undefined>();
  const rows = () => (list.error ? [] : (list.latest ?? []));
  const done = () => {
    open(undefined);
    void refetch();
  };
  return (
    <>
      <PageHead title={t('nav.certificates')} count={rows().length ? formatCount(rows().length) : undefined}>
        <SecurityTabs />
        <button type="button" class="button primary" onClick={() => open(NEW_POLICY)}>
          <Icon name="plus" />
          {t('policy.new')}
        </button>
      </PageHead>
      <ListFrame
        page={list}
        retry={() => void refetch()}
        rows={rows().length}
        nothing={t('policy.none')}
        columns={[t('policy.policy'), t('policy.statements'), t('policy.version')]}
      >
        <For each={rows()}>
          {(policy) => (
            <tr>
              <td class="wide">
                <b>{policy.name}</b>
              </td>
              <td class="number">{t('policy.statements.n', { n: statementsOf(policy) })}</td>
              <td class="number">{t('shadow.version', { n: policy.version })}</td>
              <OpenCell label={t('edit')} of={policy.name} open={() => open(policy)} />
            </tr>
          )}
        </For>
      </ListFrame>
      <Simulator />
      <Show when={window()} keyed>
        {(policy) => (
          <Dialog title={policy.name || t('policy.new')} class="wide-dialog" onClose={() => open(undefined)}>
            <Editor policy={policy} onDone={done} />
          </Dialog>
        )}
      </Show>
    </>
  );
}
