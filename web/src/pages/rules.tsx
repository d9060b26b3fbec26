import { createResource, createSignal, For, Show } from 'solid-js';
import { rules as api, type Rule, type RuleAction } from '../api.ts';
import { t } from '../i18n/index.ts';
import { Dialog } from '../ui/dialog.tsx';
import { Icon } from '../ui/icon.tsx';
import { SentForm, type FieldText } from '../ui/form.tsx';
import { Loading, PageHead, Problem } from '../ui/parts.tsx';
import { attempt, reasonOf } from '../ui/toast.tsx';
import '../styles/tables.css';
import '../styles/rules.css';

const NEW_RULE: Rule = {
  name: '',
  sql: "SELECT payload.value AS value, topic(4) AS device\nFROM 'demo/+/+/+/temperature'\nWHERE payload.value > 80",
  description: '',
  enabled: true,
  actions: [{ alarm: { name: 'too_hot', severity: 'major', message: 'It is too hot' } }],
};

function Editor(props: { rule: Rule; fresh: boolean; onSaved: () => void }) {
  const save = async (text: FieldText) => {
    const actions = JSON.parse(text('actions')) as RuleAction[];
    if (!Array.isArray(actions)) throw new Error(t('rule.actions.array'));
    await api.put({
      name: props.fresh ? text('name') : props.rule.name,
      sql: text('sql'),
      description: text('description'),
      enabled: props.rule.enabled,
      actions,
    });
    props.onSaved();
  };
  return (
    <SentForm button={t('save')} send={save}>
      <Show when={props.fresh}>
        <label>
          {t('rule.name')}
          <input name="name" required maxlength="128" autofocus autocomplete="off" pattern="[A-Za-z0-9_.\-]+" />
        </label>
      </Show>
      <label>
        {t('rule.description')}
        <input name="description" value={props.rule.description ?? ''} maxlength="500" autocomplete="off" />
      </label>
      <label>
        SQL
        <textarea name="sql" class="code" rows="7" required spellcheck={false} value={props.rule.sql} />
      </label>
      <label>
        {t('rule.actions')}
        <textarea
          name="actions"
          class="code"
          rows="7"
          required
          spellcheck={false}
          value={JSON.stringify(props.rule.actions, null, 2)}
        />
      </label>
    </SentForm>
  );
}

function actionText(action: RuleAction): string {
  const [kind = '', body] = Object.entries(action)[0] ?? [];
  const detail =
    body && typeof body === 'object' && !Array.isArray(body) ? (body['topic'] ?? body['name']) : undefined;
  return detail ? `${kind}: ${String(detail)}` : kind;
}

function RuleCard(props: { rule: Rule; edit: () => void; changed: () => void }) {
  const toggle = async () => {
    const enabled = !props.rule.enabled;
    await attempt(
      () => api.put({ ...props.rule, enabled }),
      t(enabled ? 'rule.on' : 'rule.off', { name: props.rule.name }),
    );
    props.changed();
  };
  return (
    <article class="panel rule-card" classList={{ idle: !props.rule.enabled }}>
      <header>
        <button
          type="button"
          class="switch"
          role="switch"
          aria-checked={props.rule.enabled}
          aria-label={t('rule.enabled', { name: props.rule.name })}
          onClick={() => void toggle()}
        />
        <div>
          <h2>{props.rule.name}</h2>
          <Show when={props.rule.description}>
            <p class="quiet-text">{props.rule.description}</p>
          </Show>
        </div>
        <button type="button" class="button small" onClick={() => props.edit()}>
          {t('edit')}
        </button>
      </header>
      <pre class="code" tabindex="0" aria-label={`SQL: ${props.rule.name}`}>
        {props.rule.sql}
      </pre>
      <p class="chips">
        <For each={props.rule.actions}>{(action) => <span class="chip">{actionText(action)}</span>}</For>
      </p>
    </article>
  );
}

export default function Rules() {
  const [list, { refetch }] = createResource(api.list);
  const [editing, setEditing] = createSignal<{ rule: Rule; fresh: boolean }>();
  const saved = () => {
    setEditing(undefined);
    void refetch();
  };
  const remove = async (name: string) => {
    if (await attempt(() => api.remove(name), t('removed', { name }))) saved();
  };
  return (
    <>
      <PageHead title={t('nav.rules')} count={list.error ? undefined : list.latest && String(list.latest.length)}>
        <button type="button" class="button primary" onClick={() => setEditing({ rule: NEW_RULE, fresh: true })}>
          <Icon name="plus" />
          {t('rule.new')}
        </button>
      </PageHead>
      <Show when={!list.error} fallback={<Problem text={reasonOf(list.error)} retry={() => void refetch()} />}>
        <Show when={list.latest} fallback={<Loading />}>
          {(rules) => (
            <Show when={rules().length > 0} fallback={<p class="nothing">{t('rules.none')}</p>}>
              <div class="rule-list">
                <For each={rules()}>
                  {(rule) => (
                    <RuleCard
                      rule={rule}
                      edit={() => setEditing({ rule, fresh: false })}
                      changed={() => void refetch()}
                    />
                  )}
                </For>
              </div>
            </Show>
          )}
        </Show>
      </Show>
      <Show when={editing()} keyed>
        {(at) => (
          <Dialog
            title={at.fresh ? t('rule.new') : at.rule.name}
            class="wide-dialog"
            onClose={() => setEditing(undefined)}
          >
            <Editor rule={at.rule} fresh={at.fresh} onSaved={saved} />
            <Show when={!at.fresh}>
              <button type="button" class="button small quiet danger-text" onClick={() => void remove(at.rule.name)}>
                <Icon name="trash" />
                {t('rule.remove')}
              </button>
            </Show>
          </Dialog>
        )}
      </Show>
    </>
  );
}
