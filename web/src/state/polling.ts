// Lists that are asked for again and again, and what is typed to search them.
import { createEffect, createSignal, on, onCleanup, type Accessor, type Signal } from 'solid-js';
import { createStore, reconcile } from 'solid-js/store';

const EVERY_MS = 3000;
const TYPING_MS = 250;

/** Asks again every few seconds while the page is seen. */
export function whileSeen(refetch: () => unknown): void {
  const timer = setInterval(() => !document.hidden && void refetch(), EVERY_MS);
  onCleanup(() => clearInterval(timer));
}

/** What was typed, once the typing pauses. */
export function createTyped(): [query: Accessor<string>, type: (text: string) => void] {
  const [typed, setTyped] = createSignal('');
  const [query, setQuery] = createSignal('');
  createEffect(
    on(typed, (text) => {
      const timer = setTimeout(() => setQuery(text.trim()), TYPING_MS);
      onCleanup(() => clearTimeout(timer));
    }),
  );
  return [query, setTyped];
}

/**
 * Keeps what has not changed of an answer: rows stay on the page as they are, with the focus on them. `key` names a row.
 */
export function keepRows(key: string): <T>(init: T | undefined) => Signal<T | undefined> {
  return <T>(init: T | undefined) => {
    const [store, setStore] = createStore<{ answer: T | undefined }>({ answer: init });
    const set = (next: T | undefined | ((before: T | undefined) => T | undefined)) => {
      const value = typeof next === 'function' ? (next as (before: T | undefined) => T | undefined)(store.answer) : next;
      setStore('answer', reconcile(value, { key }) as (before: T | undefined) => T | undefined);
      return store.answer;
    };
    return [() => store.answer, set] as Signal<T | undefined>;
  };
}
