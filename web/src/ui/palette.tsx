// Ctrl+K: go to any page or device, or do one of a few things, by typing.
import { createMemo, createSignal, For, Show } from 'solid-js';
import { t } from '../i18n/index.ts';
import { matches } from '../lib/search.ts';
import { deviceHref, go } from '../router.ts';
import { thingList } from '../state/fleet.ts';
import { Dialog } from './dialog.tsx';
import { Icon, type IconName } from './icon.tsx';

export interface Entry {
  name: string;
  type: string;
  icon: IconName;
  run: () => void;
}
const SHOWN = 12;

export function Palette(props: { actions: Entry[]; onClose: () => void }) {
  const [query, setQuery] = createSignal('');
  const [chosen, setChosen] = createSignal(0);
  const found = createMemo<Entry[]>(() => {
    const entries = props.actions.filter((entry) => matches(entry, query()));
    for (const thing of thingList()) {
      if (entries.length >= SHOWN) break;
      if (query() && matches(thing, query())) {
        entries.push({
          name: thing.name,
          type: thing.type ?? t('device'),
          icon: 'device',
          run: () => go(deviceHref(thing.name)),
        });
      }
    }
    return entries.slice(0, SHOWN);
  });
  const run = (entry: Entry | undefined) => {
    if (!entry) return;
    props.onClose();
    entry.run();
  };
  const press = (event: KeyboardEvent) => {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (step) {
      event.preventDefault();
      setChosen((n) => (n + step + found().length) % Math.max(1, found().length));
    } else if (event.key === 'Enter') {
      event.preventDefault();
      run(found()[chosen()]);
    }
  };
  return (
    <Dialog title={t('palette')} bare class="palette" onClose={() => props.onClose()}>
      <input
        autofocus
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={`palette-${chosen()}`}
        aria-label={t('palette.hint')}
        placeholder={t('palette.hint')}
        autocomplete="off"
        spellcheck={false}
        onInput={(event) => {
          setQuery(event.currentTarget.value);
          setChosen(0);
        }}
        onKeyDown={press}
      />
      <ul id="palette-list" role="listbox" aria-label={t('palette')}>
        <For each={found()}>
          {(entry, i) => (
            <li
              id={`palette-${i()}`}
              role="option"
              aria-selected={i() === chosen()}
              onClick={() => run(entry)}
              onMouseMove={() => setChosen(i())}
            >
              <Icon name={entry.icon} />
              <span>{entry.name}</span>
              <small>{entry.type}</small>
            </li>
          )}
        </For>
      </ul>
      <Show when={found().length === 0}>
        <p class="quiet-text">{t('palette.none')}</p>
      </Show>
    </Dialog>
  );
}
