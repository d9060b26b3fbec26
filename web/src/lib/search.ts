// Search words over a thing: every word must occur in its name, type, site or an attribute.

export interface Searchable {
  name: string;
  type?: string | undefined;
  attributes?: Record<string, unknown> | undefined;
}

export function matches(item: Searchable, query: string): boolean {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return true;
  const text = [item.name, item.type ?? '', ...Object.values(item.attributes ?? {}).map(String)]
    .join(' ')
    .toLowerCase();
  return words.every((word) => text.includes(word));
}

const collator = new Intl.Collator('en', { numeric: true });
/** Natural order: "press-2" before "press-10". */
export const byName = (a: string, b: string): number => collator.compare(a, b);

export interface Group<T> {
  site: string;
  type: string;
  items: T[];
}

/** By site, then by type, then by name; things without a site come last. */
export function groupThings<T extends Searchable>(things: readonly T[]): Group<T>[] {
  const groups = new Map<string, Group<T>>();
  for (const thing of things) {
    const site = String(thing.attributes?.['site'] ?? '');
    const type = thing.type ?? '';
    const key = `${site}\u0000${type}`;
    const group = groups.get(key) ?? { site, type, items: [] };
    group.items.push(thing);
    groups.set(key, group);
  }
  const order = (a: string, b: string) => (a === b ? 0 : a === '' ? 1 : b === '' ? -1 : byName(a, b));
  const sorted = [...groups.values()].sort((a, b) => order(a.site, b.site) || order(a.type, b.type));
  for (const group of sorted) group.items.sort((a, b) => byName(a.name, b.name));
  return sorted;
}
