// Pages by the part of the address behind '#'.
import { createSignal } from 'solid-js';

export type Route =
  | { page: 'overview' | 'alarms' | 'things' | 'rules' | 'connections' | 'retained' | 'trace' | 'status' }
  | { page: 'device'; name: string }
  | { page: 'claim'; token: string }
  | { page: 'unknown' };

export function parseRoute(hash: string): Route {
  const [page = '', argument] = hash.replace(/^#?\/?/, '').split('/', 2);
  let name = '';
  try {
    name = decodeURIComponent(argument ?? '');
  } catch {
    return { page: 'unknown' };
  }
  if (page === '') return { page: 'overview' };
  if (page === 'device' && name) return { page, name };
  if (page === 'claim' && name) return { page, token: name };
  if (page === 'alarms' || page === 'things' || page === 'rules' || page === 'status') return { page };
  if (page === 'connections' || page === 'retained' || page === 'trace') return { page };
  return { page: 'unknown' };
}

const [route, setRoute] = createSignal<Route>(parseRoute(location.hash), { equals: false });
addEventListener('hashchange', () => setRoute(parseRoute(location.hash)));

export { route };
export const deviceHref = (name: string) => `#/device/${encodeURIComponent(name)}`;
export function go(hash: string): void {
  location.hash = hash;
}
