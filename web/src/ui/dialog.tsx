// A modal window: the browser's own dialog keeps the focus inside and closes on Escape.
import { onMount, type JSX } from 'solid-js';
import { t } from '../i18n/index.ts';
import { Icon } from './icon.tsx';

export function Dialog(props: {
  title: string;
  class?: string;
  bare?: boolean;
  onClose: () => void;
  children: JSX.Element;
}) {
  let element!: HTMLDialogElement;
  onMount(() => element.showModal());
  const closeOutside = (event: MouseEvent) => {
    if (event.target === element) element.close();
  };
  return (
    <dialog
      ref={element}
      class={`dialog ${props.class ?? ''}`}
      aria-label={props.title}
      onClose={() => props.onClose()}
      onClick={closeOutside}
    >
      <div class="dialog-body">
        {!props.bare && (
          <header class="dialog-head">
            <h2>{props.title}</h2>
            <button type="button" class="button quiet square" aria-label={t('close')} onClick={() => element.close()}>
              <Icon name="close" />
            </button>
          </header>
        )}
        {props.children}
      </div>
    </dialog>
  );
}
