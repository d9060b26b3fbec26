import { createResource, For, onCleanup, Show } from 'solid-js';
import { system, type Status as ServerStatus } from '../api.ts';
import { t } from '../i18n/index.ts';
import { formatBytes, formatCount, formatDuration } from '../lib/format.ts';
import { store } from '../state/live.ts';
import { CopyBox, Loading, PageHead, Problem } from '../ui/parts.tsx';
import { reasonOf } from '../ui/toast.tsx';
import '../styles/tables.css';

const EVERY_MS = 5000;

function memoryText({ level, resident_bytes, budget_bytes }: ServerStatus['memory']) {
  const used = budget_bytes ? `${formatBytes(resident_bytes)} / ${formatBytes(budget_bytes)}` : formatBytes(resident_bytes);
  return level === 'normal' ? used : `${used}, ${t(`status.memory.${level}`)}`;
}

function Facts(props: { status: ServerStatus }) {
  return (
    <div class="panels">
      <section class="panel">
        <h2>{t('status.server')}</h2>
        <dl class="facts">
          <div>
            <dt>{t('status.version')}</dt>
            <dd>{props.status.version}</dd>
          </div>
          <div>
            <dt>{t('status.web')}</dt>
            <dd>{__WEB_VERSION__}</dd>
          </div>
          <div>
            <dt>{t('status.uptime')}</dt>
            <dd>{formatDuration(props.status.uptime_seconds)}</dd>
          </div>
          <div>
            <dt>{t('status.memory')}</dt>
            <dd>{memoryText(props.status.memory)}</dd>
          </div>
          <div>
            <dt>{t('status.page')}</dt>
            <dd>{formatCount(store.size)}</dd>
          </div>
        </dl>
      </section>
      <section class="panel">
        <h2>{t('status.counts')}</h2>
        <dl class="facts">
          <For each={Object.entries(props.status.counts).sort()}>
            {([name, value]) => (
              <div>
                <dt>{name.replaceAll('_', ' ')}</dt>
                <dd>{formatCount(value)}</dd>
              </div>
            )}
          </For>
        </dl>
      </section>
      <section class="panel">
        <h2>{t('status.listeners')}</h2>
        <dl class="facts">
          <For each={props.status.listeners}>
            {(listener) => (
              <div>
                <dt>{listener.name}</dt>
                <dd>
                  <code>{listener.address}</code>
                </dd>
              </div>
            )}
          </For>
        </dl>
      </section>
      <section class="panel">
        <h2>{t('status.connect')}</h2>
        <p class="quiet-text">
          {t('status.connect.text')} <a href="/api/openapi.json">/api/openapi.json</a> ·{' '}
          <a href="/metrics">/metrics</a> · <a href="/api/ca">/api/ca</a>
        </p>
        <CopyBox
          text={`curl -H 'Authorization: Bearer TOKEN' ${location.origin}/api/things`}
          label={t('status.connect')}
        />
      </section>
    </div>
  );
}

export default function Status() {
  const [status, { refetch }] = createResource(system.status);
  const timer = setInterval(() => document.visibilityState === 'visible' && void refetch(), EVERY_MS);
  onCleanup(() => clearInterval(timer));
  return (
    <>
      <PageHead title={t('nav.status')} />
      <Show when={!status.error} fallback={<Problem text={reasonOf(status.error)} retry={() => void refetch()} />}>
        <Show when={status.latest} fallback={<Loading />}>
          {(value) => <Facts status={value()} />}
        </Show>
      </Show>
    </>
  );
}
