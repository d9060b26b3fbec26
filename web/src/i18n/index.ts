// Texts by key. `en` is complete and defines the keys; another language may lack some and is loaded when chosen.
import { createSignal } from 'solid-js';
import { en } from './en.ts';

export type TextKey = keyof typeof en;
export type Texts = Partial<Record<TextKey, string>>;

const loaders: Partial<Record<string, () => Promise<{ texts: Texts }>>> = { zh: () => import('./zh.ts') };
const [texts, setTexts] = createSignal<Texts>(en);
const [language, setLanguageSignal] = createSignal('en');
export { language };

export function preferredLanguage(): string {
  const stored = localStorage.getItem('dunlin.language') ?? navigator.language.slice(0, 2);
  return stored in loaders ? stored : 'en';
}

export async function setLanguage(code: string): Promise<void> {
  const load = loaders[code];
  setTexts(load ? { ...en, ...(await load()).texts } : en);
  setLanguageSignal(load ? code : 'en');
  document.documentElement.lang = language();
}

/** The text of a key; `{name}` is replaced by `values.name`. */
export function t(key: TextKey, values?: Record<string, string | number>): string {
  const text = texts()[key] ?? en[key];
  return values ? text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole)) : text;
}
