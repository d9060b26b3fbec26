// Keys that work on every page.
import { onCleanup } from 'solid-js';
import { go } from '../router.ts';

export interface KeyActions {
  palette(): void;
  help(): void;
  theme(): void;
}

const GO: Record<string, string> = {
  o: '#/',
  a: '#/alarms',
  t: '#/things',
  r: '#/rules',
  c: '#/connections',
  b: '#/bridges',
  q: '#/query',
  e: '#/derived',
  d: '#/storage',
  u: '#/certificates',
  m: '#/me',
  s: '#/status',
};
const SEQUENCE_MS = 1200;

const typing = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

export function useKeys(actions: KeyActions): void {
  let goUntil = 0;
  const press = (event: KeyboardEvent) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
      event.preventDefault();
      actions.palette();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
    if (typing(event.target)) {
      if (event.key === 'Escape') (event.target as HTMLElement).blur();
      return;
    }
    const target = GO[event.key];
    if (target && Date.now() < goUntil) {
      goUntil = 0;
      go(target);
      return;
    }
    goUntil = event.key === 'g' ? Date.now() + SEQUENCE_MS : 0;
    if (event.key === '?') actions.help();
    else if (event.key === 'd') actions.theme();
    else if (event.key === '/') {
      const search = document.querySelector<HTMLInputElement>('input[type=search]');
      if (!search) return;
      event.preventDefault();
      search.focus();
      search.select();
    }
  };
  addEventListener('keydown', press);
  onCleanup(() => removeEventListener('keydown', press));
}
