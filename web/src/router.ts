// Pages by the part of the address behind '#'.
import { createSignal } from 'solid-js';

/** The tabs of the page Connections. */
export const BROKER_PAGES = ['connections', 'groups', 'retained', 'bridges', 'trace'] as const;
export type BrokerPage = (typeof BROKER_PAGES)[number];
/** The tabs of the page Data. */
export const DATA_PAGES = ['query', 'derived', 'storage'] as const;
export type DataPage = (typeof DATA_PAGES)[number];
/** The tabs of the page Security. */
export const SECURITY_PAGES = [
  'certificates',
  'authorities',
  'enrolment',
  'quarantine',
  'policies',
  'thing-groups',
  'accounts',
  'attacks',
  'audit',
] as const;
export type SecurityPage = (typeof SECURITY_PAGES)[number];
const TABS = [...BROKER_PAGES, ...DATA_PAGES, ...SECURITY_PAGES];

export type Route =
  | { page: 'overview' | 'alarms' | 'things' | 'rules' | 'status' | 'me' | BrokerPage | DataPage | SecurityPage }
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
  if (page === 'alarms' || page === 'things' || page === 'rules' || page === 'status' || page === 'me')
    return { page };
  const tab = TABS.find((one) => one === page);
  if (tab) return { page: tab };
  return { page: 'unknown' };
}

const [route, setRoute] = createSignal<Route>(parseRoute(location.hash), { equals: false });
addEventListener('hashchange', () => setRoute(parseRoute(location.hash)));

export { route };
export const deviceHref = (name: string) => `#/device/${encodeURIComponent(name)}`;
export function go(hash: string): void {
  location.hash = hash;
}
