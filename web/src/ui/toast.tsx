// Short messages about what was done or what failed; read out by screen readers.
import { createEffect, createSignal, For, on } from 'solid-js';

interface Toast {
  id: number;
  text: string;
  kind: 'ok' | 'error';
}
const [toasts, setToasts] = createSignal<Toast[]>([]);
let nextId = 0;
const SHOWN_MS = { ok: 4000, error: 9000 };

export function say(text: string, kind: Toast['kind'] = 'ok'): void {
  const id = nextId++;
  setToasts((list) => [...list.slice(-3), { id, text, kind }]);
  setTimeout(() => setToasts((list) => list.filter((toast) => toast.id !== id)), SHOWN_MS[kind]);
}

export const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Runs an action of the person's and tells when it fails; answers whether it went well. */
export async function attempt(action: () => Promise<unknown>, done?: string): Promise<boolean> {
  try {
    await action();
    if (done) say(done);
    return true;
  } catch (error) {
    say(reasonOf(error), 'error');
    return false;
  }
}

export function Toasts() {
  let box!: HTMLDivElement;
  // In the top layer, and moved to its end each time, so that an open dialog does not cover the message.
  createEffect(
    on(
      toasts,
      (list) => {
        if (box.matches(':popover-open')) box.hidePopover();
        if (list.length > 0) box.showPopover();
      },
      { defer: true },
    ),
  );
  return (
    <div class="toasts" ref={box} popover="manual" role="status" aria-live="polite">
      <For each={toasts()}>{(toast) => <div class={`toast ${toast.kind}`}>{toast.text}</div>}</For>
    </div>
  );
}
