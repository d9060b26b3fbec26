// The views of what goes through the broker, as tabs of one page.
import { For } from 'solid-js';
import { t } from '../i18n/index.ts';
import { BROKER_PAGES, route } from '../router.ts';
import '../styles/tables.css';
import '../styles/broker.css';

export function BrokerTabs() {
  return (
    <nav class="segments" aria-label={t('nav.connections')}>
      <For each={BROKER_PAGES}>
        {(page) => (
          <a href={`#/${page}`} aria-current={route().page === page ? 'page' : undefined}>
            {t(`tab.${page}`)}
          </a>
        )}
      </For>
    </nav>
  );
}
