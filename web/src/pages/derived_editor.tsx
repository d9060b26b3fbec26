// A derived channel as a form: what it is, a trial before it is saved, its history.
import { Show } from 'solid-js';
import { createStore } from 'solid-js/store';
import { derived, type DerivedDocument } from '../api_derived.ts';
import { t } from '../i18n/index.ts';
import { tagsOf, tagsText, windowText } from '../lib/derived.ts';
import type { JsonObject } from '../lib/shadow.ts';
import { may } from '../state/session.ts';
import { Deeds } from '../ui/deeds.tsx';
import { SentForm } from '../ui/form.tsx';
import { attempt } from '../ui/toast.tsx';
import { DerivedHistory } from './derived_history.tsx';
import { DerivedTry } from './derived_try.tsx';

/** All fields as texts. */
export interface Draft {
  name: string;
  channel: string;
  expression: string;
  devices: string;
  tags: string;
  unit: string;
  window: string;
  lateness: string;
  max_age: string;
}
const none = (duration: string) => (/^0[a-z]*$/.test(duration) ? '' : duration);

function draftOf(name: string, of: DerivedDocument | undefined): Draft {
  if (!of)
    return { name, channel: '', expression: '', devices: '', tags: '', unit: '', window: '', lateness: '', max_age: '' };
  const { channel, expression, devices, unit } = of;
  const window = windowText(of.window as JsonObject | undefined);
  const texts = { lateness: none(of.lateness), max_age: none(of.max_age), tags: tagsText(of.tags) };
  return { name, channel, expression, devices, unit, window, ...texts };
}

/** Throws where a person has to mend something. */
function documentOf(draft: Draft, enabled: boolean): DerivedDocument {
  const tags = tagsOf(draft.tags);
  if (!tags) throw new Error(t('derived.tags.wrong'));
  const { channel, expression, devices, unit, lateness, max_age } = draft;
  const trimmed = { channel: channel.trim(), devices: devices.trim(), unit: unit.trim() };
  const times = { lateness: lateness.trim() || '0s', max_age: max_age.trim() || '0s' };
  const document = { ...trimmed, ...times, expression, tags, enabled };
  return draft.window.trim() ? { ...document, window: draft.window.trim() } : document;
}

function TextField(props: {
  label: string;
  draft: Draft;
  field: keyof Draft;
  set: (field: keyof Draft, text: string) => void;
  max: number;
  required?: boolean;
  first?: boolean;
  pattern?: string;
}) {
  return (
    <label>
      {props.label}
      <input
        name={props.field}
        value={props.draft[props.field]}
        maxlength={props.max}
        required={props.required}
        pattern={props.pattern}
        autofocus={props.first}
        autocomplete="off"
        spellcheck={false}
        onInput={(event) => props.set(props.field, event.currentTarget.value)}
      />
    </label>
  );
}

/** `name` is empty, and `document` unset, for one that is to be made. */
export function DerivedEditor(props: {
  name: string;
  document: DerivedDocument | undefined;
  taken: (name: string) => boolean;
  onDone: () => void;
}) {
  let expression!: HTMLTextAreaElement;
  let tryOut: () => void = () => {};
  const fresh = () => props.document === undefined;
  const [draft, setDraft] = createStore(draftOf(props.name, props.document));
  const set = (field: keyof Draft, text: string) => setDraft(field, text);
  const save = async () => {
    if (fresh() && props.taken(draft.name)) throw new Error(t('derived.taken'));
    await derived.put(draft.name, documentOf(draft, props.document?.enabled ?? true));
    props.onDone();
  };
  const remove = async () => {
    if (await attempt(() => derived.remove(props.name), t('removed', { name: props.name }))) props.onDone();
  };
  const press = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    tryOut();
  };
  const goTo = (offset: number) => {
    expression.focus();
    expression.setSelectionRange(offset, offset);
  };
  const fields = (
    <>
      <div class="derived-fields">
        <Show when={fresh()}>
          <TextField label={t('derived.name')} field="name" max={64} required first pattern="[A-Za-z0-9_.\-]+" draft={draft} set={set} />
        </Show>
        <TextField label={t('derived.channel.made')} field="channel" max={256} required draft={draft} set={set} />
        <TextField label={t('derived.unit')} field="unit" max={32} draft={draft} set={set} />
        <TextField label={t('derived.devices')} field="devices" max={256} draft={draft} set={set} />
      </div>
      <label>
        {t('derived.expression')}
        <textarea
          name="expression"
          class="code"
          rows="3"
          required
          maxlength="4096"
          spellcheck={false}
          autocapitalize="off"
          aria-describedby="derived-help"
          ref={expression}
          value={draft.expression}
          onInput={(event) => set('expression', event.currentTarget.value)}
          onKeyDown={press}
        />
      </label>
      <p class="quiet-text small" id="derived-help">
        {t('derived.expression.help')}
      </p>
      <details>
        <summary>{t('derived.more')}</summary>
        <div class="form">
          <TextField label={t('derived.window')} field="window" max={1024} draft={draft} set={set} />
          <TextField label={t('derived.lateness')} field="lateness" max={32} draft={draft} set={set} />
          <TextField label={t('derived.age')} field="max_age" max={32} draft={draft} set={set} />
          <label>
            {t('derived.tags')}
            <textarea
              name="tags"
              rows="2"
              maxlength="4096"
              spellcheck={false}
              value={draft.tags}
              onInput={(event) => set('tags', event.currentTarget.value)}
            />
          </label>
        </div>
      </details>
      <DerivedTry draft={draft} onGo={goTo} arm={(run) => (tryOut = run)} />
    </>
  );
  return (
    <div class="derived-editor">
      <Show when={may('rules:write')} fallback={<div class="form">{fields}</div>}>
        <SentForm button={t('save')} send={save}>
          {fields}
        </SentForm>
        <Show when={!fresh()}>
          <DerivedHistory name={props.name} />
          <Deeds
            deeds={[{ label: t('remove'), icon: 'trash', quiet: true, sure: t('derived.remove.sure'), run: remove }]}
          />
        </Show>
      </Show>
    </div>
  );
}
