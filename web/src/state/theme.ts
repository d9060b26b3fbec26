// Light or dark: the system's choice unless the person made one here.
import { createSignal } from 'solid-js';

export type Theme = 'light' | 'dark';
const system = matchMedia('(prefers-color-scheme: dark)');

function current(): Theme {
  const chosen = document.documentElement.dataset['theme'];
  if (chosen === 'light' || chosen === 'dark') return chosen;
  return system.matches ? 'dark' : 'light';
}

const [theme, setTheme] = createSignal<Theme>(current());
system.addEventListener('change', () => setTheme(current()));
export { theme };

export function toggleTheme(): void {
  const next: Theme = theme() === 'dark' ? 'light' : 'dark';
  document.documentElement.dataset['theme'] = next;
  try {
    if ((next === 'dark') === system.matches) localStorage.removeItem('dunlin.theme');
    else localStorage.setItem('dunlin.theme', next);
  } catch {
    // Without storage the choice lasts until the page is left.
  }
  setTheme(next);
}
