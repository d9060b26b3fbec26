// The part of the HTTP API that says whose certificates count: our own authority, and those of others.
import { at, call, PAGE, type Time } from './api.ts';

/** An intermediate of our own authority. */
export interface Issuer {
  issuer: string;
  state: 'issuing' | 'trusted';
  name: string;
  fingerprint: string;
  root: string;
  not_before: Time;
  not_after: Time;
  certificate: string;
}
export interface Root {
  name: string;
  fingerprint: string;
  not_before: Time;
  not_after: Time;
}
export interface OwnAuthority {
  issuers: Issuer[];
  roots: Root[];
  root_key: 'here' | 'offline';
}

/** What becomes of a device that enrols. */
export interface Template {
  /** A pattern; empty: what the certificate says. */
  name: string;
  type: string;
  policies: string[];
  allow: string[];
  quota: number;
  approval: 'automatic' | 'queue';
  days: number;
}
/** Somebody else's authority whose devices may connect. */
export interface Authority {
  id: string;
  label: string;
  state: 'enabled' | 'disabled';
  enrolled: number;
  created_at: Time | null;
  auto_registration: boolean;
  name?: string;
  not_after?: Time;
  certificate?: string;
  template: Template;
}
export type AuthorityChange = Partial<Omit<Template, 'name'>> & {
  name_pattern?: string;
  label?: string;
  enabled?: boolean;
  auto_registration?: boolean;
};

export const ownAuthority = {
  get: () => call<OwnAuthority>('GET', at('ca', 'issuers')),
  /** Without an intermediate to go to a new one is made. */
  rotate: (to?: string) => call<Issuer>('POST', at('ca', 'rotate'), to ? { to } : {}),
  request: () => call<{ request: string }>('POST', at('ca', 'request'), {}),
  import: (certificate: string, use: 'issuing' | 'trusted') =>
    call<Issuer>('POST', at('ca', 'import'), { certificate, use }),
  forget: (issuer: string, revoke: boolean) =>
    call<Issuer>('DELETE', at('ca', 'issuers', issuer), undefined, { revoke: revoke ? 'true' : undefined }),
  exportRoot: (passphrase: string) =>
    call<{ key: string; root: string }>('POST', at('ca', 'root', 'export'), { passphrase }),
  removeRoot: (key: string, passphrase: string) =>
    call<unknown>('POST', at('ca', 'root', 'remove'), { key, passphrase }),
};

export const authorities = {
  list: async () =>
    (await call<{ authorities: Authority[] }>('GET', at('authorities'), undefined, { limit: PAGE })).authorities,
  code: () => call<{ code: string; expires_at: Time }>('POST', at('authorities', 'code'), {}),
  register: (authority: AuthorityChange & { certificate: string; proof: string }) =>
    call<Authority>('POST', at('authorities'), authority),
  update: (id: string, change: AuthorityChange) => call<Authority>('PATCH', at('authorities', id), change),
  remove: (id: string) => call<unknown>('DELETE', at('authorities', id)),
};
