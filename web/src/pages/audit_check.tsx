// Whether the audit log is as it was written. A long one takes a while: how far it is, is shown.
import { createSignal, onCleanup, Show } from 'solid-js';
import { audit, type AuditCheck } from '../api_security.ts';
import { t } from '../i18n/index.ts';
import { formatCount } from '../lib/format.ts';
import { Icon } from '../ui/icon.tsx';
import { attempt } from '../ui/toast.tsx';

const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 1000;
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export function Check() {
  const [found, setFound] = createSignal<AuditCheck | undefined>();
  const [busy, setBusy] = createSignal(false);
  let gone = false;
  onCleanup(() => (gone = true));
  const follow = async () => {
    setFound(await audit.verify());
    for (let wait = FIRST_WAIT_MS; found()?.state === 'running' && !gone; wait = Math.min(2 * wait, LONGEST_WAIT_MS)) {
      await sleep(wait);
      setFound(await audit.progress());
    }
    // The server has begun anew in between.
    if (found()?.state === 'none') setFound(undefined);
  };
  const verify = async () => {
    setBusy(true);
    if (!(await attempt(follow))) setFound(undefined);
    setBusy(false);
  };
  const ended = () => {
    const now = found();
    return busy() || !now ? undefined : now;
  };
  return (
    <div class="audit-check">
      <button type="button" class="button" disabled={busy()} onClick={() => void verify()}>
        <Icon name="certificates" />
        {t(busy() ? 'audit.verifying' : 'audit.verify')}
      </button>
      <Show when={busy() && (found()?.of ?? 0) > 0}>
        <progress value={found()!.checked} max={found()!.of} aria-label={t('audit.verifying')} />
      </Show>
      <Show when={ended()}>
        {(check) => (
          <p class="verdict" classList={{ good: check().ok }} role="status">
            <Icon name={check().ok ? 'check' : 'close'} />
            <span>
              {check().ok
                ? t('audit.whole', { n: formatCount(check().records), first: check().first, last: check().last })
                : (check().problem ?? check().why)}
              <Show when={check().ok}>
                <br />
                <code>{check().hash}</code>
              </Show>
            </span>
          </p>
        )}
      </Show>
    </div>
  );
}
