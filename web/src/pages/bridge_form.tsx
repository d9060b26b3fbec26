// Makes a bridge, or changes one. Secrets are files on the server's side: no password is typed here.
import { createSignal, For, Show } from 'solid-js';
import { bridges, type Bridge, type BridgeSettings } from '../api.ts';
import { t, type TextKey } from '../i18n/index.ts';
import { FieldError } from '../ui/list.tsx';
import { reasonOf } from '../ui/toast.tsx';

const TEXTS = ['client_id', 'username', 'password_file', 'ca_file', 'certificate_file', 'key_file', 'server_name'] as const;
const VERSIONS = ['auto', '5', '3.1.1'];
const FULL = ['drop_oldest', 'hold'];
const MIB = 1024 * 1024;

function Choice(props: { name: string; values: string[]; value: string }) {
  return (
    <label>
      {t(`bridge.set.${props.name}` as TextKey)}
      <select name={props.name}>
        <For each={props.values}>
          {(value) => (
            <option value={value} selected={value === props.value}>
              {t(`bridge.set.${props.name}.${value}` as TextKey)}
            </option>
          )}
        </For>
      </select>
    </label>
  );
}

function More(props: { settings: BridgeSettings | undefined }) {
  return (
    <details>
      <summary>{t('bridge.more')}</summary>
      <div class="form">
        <p class="quiet-text">{t('bridge.secrets')}</p>
        <For each={TEXTS}>
          {(name) => (
            <label>
              {t(`bridge.set.${name}` as TextKey)}
              <input name={name} autocomplete="off" spellcheck={false} value={props.settings?.[name] ?? ''} />
            </label>
          )}
        </For>
        <Choice name="version" values={VERSIONS} value={props.settings?.version ?? 'auto'} />
        <label>
          {t('bridge.set.max_queue')}
          <input
            name="max_queue"
            type="number"
            min="1"
            required
            value={Math.round((props.settings?.max_queue_bytes ?? 1024 * MIB) / MIB)}
          />
        </label>
        <Choice name="full" values={FULL} value={props.settings?.full ?? 'drop_oldest'} />
      </div>
    </details>
  );
}

function settingsOf(form: FormData): Partial<BridgeSettings> & Pick<BridgeSettings, 'address' | 'topics'> {
  const text = (name: string) => String(form.get(name) ?? '').trim();
  const lines = text('topics').split('\n');
  return {
    ...Object.fromEntries(TEXTS.map((name) => [name, text(name)])),
    address: text('address'),
    topics: lines.map((line) => line.trim()).filter(Boolean),
    version: text('version'),
    full: text('full'),
    max_queue_bytes: Number(text('max_queue')) * MIB,
  };
}

export function BridgeForm(props: { bridge?: Bridge | undefined; onSaved: (name: string) => void }) {
  const [error, setError] = createSignal<string>();
  const [busy, setBusy] = createSignal(false);
  const save = async (event: SubmitEvent & { currentTarget: HTMLFormElement }) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const name = props.bridge?.name ?? String(form.get('name')).trim();
    setBusy(true);
    setError(undefined);
    try {
      if (props.bridge) await bridges.update(name, settingsOf(form));
      else await bridges.add({ name, ...settingsOf(form) });
      props.onSaved(name);
    } catch (problem) {
      setError(reasonOf(problem));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form class="form" onSubmit={save}>
      <Show when={!props.bridge}>
        <label>
          {t('bridge.name')}
          <input name="name" required autofocus maxlength="64" autocomplete="off" pattern="[A-Za-z0-9_.\-]+" />
        </label>
      </Show>
      <label>
        {t('bridge.address')}
        <input
          name="address"
          required
          autocomplete="off"
          spellcheck={false}
          placeholder="mqtts://broker.example:8883"
          value={props.bridge?.settings.address ?? ''}
        />
      </label>
      <label>
        {t('bridge.topics')}
        <textarea
          name="topics"
          class="code"
          rows="5"
          required
          spellcheck={false}
          placeholder={'sensors/# out 1 "" site1/\ncommands/# in 1'}
          value={props.bridge?.settings.topics.join('\n') ?? ''}
        />
        <small class="quiet-text">{t('bridge.topics.help')}</small>
      </label>
      <More settings={props.bridge?.settings} />
      <FieldError text={error()} />
      <button class="button primary" disabled={busy()}>
        {t('save')}
      </button>
    </form>
  );
}
