// Computes a derived channel for a time that is past; whoever comes later sees how far it is.
import { createSignal, onCleanup, onMount, Show } from 'solid-js';
import { derived, type DerivedProgress } from '../api_derived.ts';
import { t } from '../i18n/index.ts';
import { formatCount } from '../lib/format.ts';
import { Bar } from '../ui/bar.tsx';
import { SentForm, type FieldText } from '../ui/form.tsx';
import { attempt, reasonOf, say } from '../ui/toast.tsx';

const LOOK_MS = 500;
const BEGIN_MS = 7 * 86_400_000;

/** As a field for date and time has it, in the person's own zone. */
function fieldTime(ms: number): string {
  return new Date(ms - new Date(ms).getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** How far it is, while it runs. */
function useProgress(name: string) {
  const [progress, setProgress] = createSignal<DerivedProgress>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isGone = false;
  const look = async () => {
    clearTimeout(timer);
    const told = await derived.progress(name).catch(() => undefined);
    if (isGone) return;
    setProgress(told?.running ? told : undefined);
    if (told?.running) timer = setTimeout(() => void look(), LOOK_MS);
  };
  onMount(() => void look());
  onCleanup(() => {
    isGone = true;
    clearTimeout(timer);
  });
  return { progress, look };
}

function Running(props: { of: DerivedProgress; onCancel: () => unknown }) {
  const share = () => (100 * (props.of.share ?? 0)).toFixed(0);
  const counts = () => {
    const { points = 0, devices = 0, results = 0 } = props.of;
    return { points: formatCount(points), devices: formatCount(devices), results: formatCount(results) };
  };
  return (
    <div class="derived-running">
      <Bar share={props.of.share ?? 0} label={t('derived.history.share', { share: share() })} />
      <p>
        {share()} % · {t('derived.history.progress', counts())}
      </p>
      <button
        type="button"
        class="button"
        ref={(button) => queueMicrotask(() => button.focus())}
        onClick={() => props.onCancel()}
      >
        {t('derived.history.cancel')}
      </button>
    </div>
  );
}

export function DerivedHistory(props: { name: string }) {
  const { progress, look } = useProgress(props.name);
  const compute = async (text: FieldText) => {
    const from = new Date(text('from')).getTime();
    const to = text('to') ? new Date(text('to')).getTime() : undefined;
    if (from >= (to ?? Date.now())) throw new Error(t('derived.history.order'));
    const ended = derived.compute(props.name, { from, to, device: text('device') || undefined });
    void ended.then(
      ({ devices, results, cancelled }) => {
        const counts = { name: props.name, devices: formatCount(devices), results: formatCount(results) };
        say(t(cancelled ? 'derived.history.cancelled' : 'derived.history.done', counts));
      },
      (error) => say(reasonOf(error), 'error'),
    );
    // Refused at once, done at once, or under way.
    await Promise.race([ended.catch(() => {}), new Promise((resolve) => setTimeout(resolve, LOOK_MS / 2))]);
    await look();
  };
  const cancel = async () => {
    await attempt(() => derived.cancel(props.name));
    await look();
  };
  return (
    <section class="derived-history" aria-label={t('derived.history')}>
      <h3>{t('derived.history')}</h3>
      <p class="quiet-text small">{t('derived.history.note')}</p>
      <Show
        when={progress()}
        fallback={
          <SentForm button={t('derived.history.run')} send={compute}>
            <label>
              {t('derived.history.from')}
              <input type="datetime-local" name="from" required value={fieldTime(Date.now() - BEGIN_MS)} />
            </label>
            <label>
              {t('derived.history.to')}
              <input type="datetime-local" name="to" />
            </label>
            <label>
              {t('derived.history.device')}
              <input name="device" maxlength="128" autocomplete="off" />
            </label>
          </SentForm>
        }
      >
        {(it) => <Running of={it()} onCancel={cancel} />}
      </Show>
    </section>
  );
}
