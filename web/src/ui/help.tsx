import { For } from 'solid-js';
import { t, type TextKey } from '../i18n/index.ts';
import { Dialog } from './dialog.tsx';

const KEYS: [string, TextKey][] = [
  ['/', 'help.search'],
  ['Ctrl K', 'help.palette'],
  ['g o', 'nav.overview'],
  ['g a', 'nav.alarms'],
  ['g t', 'nav.things'],
  ['g r', 'nav.rules'],
  ['g c', 'nav.connections'],
  ['g b', 'tab.bridges'],
  ['g q', 'tab.query'],
  ['g e', 'tab.derived'],
  ['g d', 'tab.storage'],
  ['g u', 'nav.certificates'],
  ['g m', 'me'],
  ['g s', 'nav.status'],
  ['Space', 'help.pause'],
  ['+ - ← → 0', 'help.zoom'],
  ['d', 'theme.toggle'],
  ['?', 'help.title'],
  ['Esc', 'help.escape'],
];

export function Help(props: { onClose: () => void }) {
  return (
    <Dialog title={t('help.title')} onClose={() => props.onClose()}>
      <dl class="keys">
        <For each={KEYS}>
          {([keys, text]) => (
            <div>
              <dt>
                <For each={keys.split(' ')}>{(key) => <kbd>{key}</kbd>}</For>
              </dt>
              <dd>{t(text)}</dd>
            </div>
          )}
        </For>
      </dl>
    </Dialog>
  );
}
