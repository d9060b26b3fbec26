// What the lists and forms of the pages are made of.
import { For, Show, type JSX } from 'solid-js';
import { t } from '../i18n/index.ts';
import { Icon } from './icon.tsx';

/** The search field of a page's head; the key "/" goes to it. */
export function SearchBox(props: { label: string; onSearch: (text: string) => void }) {
  return (
    <label class="search">
      <Icon name="search" />
      <input
        type="search"
        placeholder={props.label}
        aria-label={props.label}
        onInput={(e) => props.onSearch(e.currentTarget.value)}
      />
      <kbd aria-hidden="true">/</kbd>
    </label>
  );
}

/** A table whose last column holds the buttons of each row; the rows are the children. */
export function ActionTable(props: { columns: string[]; class?: string; children: JSX.Element }) {
  return (
    <table class={props.class}>
      <thead>
        <tr>
          <For each={props.columns}>{(name) => <th>{name}</th>}</For>
          <th>
            <span class="visually-hidden">{t('actions')}</span>
          </th>
        </tr>
      </thead>
      <tbody>{props.children}</tbody>
    </table>
  );
}

/** The last cell of a row: the button that opens it, named for whoever only hears it. */
export function OpenCell(props: { label: string; of: string; open: () => void }) {
  return (
    <td class="actions">
      <button type="button" class="button small" onClick={() => props.open()}>
        {props.label}
        <span class="visually-hidden"> {props.of}</span>
      </button>
    </td>
  );
}

/** Why something was refused; nothing where there is no text. */
export function FieldError(props: { text: string | undefined | false }) {
  return (
    <Show when={props.text}>
      {(text) => (
        <p class="field-error" role="alert">
          {text()}
        </p>
      )}
    </Show>
  );
}
