// The views of one page, as tabs.
import { For, onMount } from 'solid-js';
import { t } from '../i18n/index.ts';
import { route, type BrokerPage, type DataPage, type SecurityPage } from '../router.ts';
import '../styles/tables.css';
import '../styles/broker.css';

export function Tabs(props: { label: string; pages: readonly (BrokerPage | DataPage | SecurityPage)[] }) {
  let box!: HTMLElement;
  // A small window shows some of them only.
  onMount(() => box.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' }));
  return (
    <nav class="segments" aria-label={props.label} ref={box}>
      <For each={props.pages}>
        {(page) => (
          <a href={`#/${page}`} aria-current={route().page === page ? 'page' : undefined}>
            {t(`tab.${page}`)}
          </a>
        )}
      </For>
    </nav>
  );
}
