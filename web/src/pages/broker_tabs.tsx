// The three views of what goes through the broker, as tabs of one page.
import { For } from 'solid-js';
import { t, type TextKey } from '../i18n/index.ts';
import { route } from '../router.ts';
import '../styles/tables.css';
import '../styles/broker.css';

const TABS = ['connections', 'retained', 'trace'] as const;

export function BrokerTabs() {
  return (
    <nav class="segments" aria-label={t('nav.connections')}>
      <For each={TABS}>
        {(page) => (
          <a href={`#/${page}`} aria-current={route().page === page ? 'page' : undefined}>
            {t(`tab.${page}` as TextKey)}
          </a>
        )}
      </For>
    </nav>
  );
}
