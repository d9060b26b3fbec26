// The part of the HTTP API that says who may enter, and what was done.
import { at, call, PAGE, type Time } from './api.ts';
import type { History } from './lib/refusals.ts';
import type { Json } from './lib/shadow.ts';

export interface Certificate {
  fingerprint: string;
  /** Those of things are `device`. */
  use: 'device' | 'claim' | 'server';
  thing: string;
  serial: string;
  state: 'active' | 'revoked';
  not_before: Time | null;
  not_after: Time | null;
  revoked_at: Time | null;
  reason: string | null;
  certificate: string;
}
export interface WaitingDevice {
  name: string;
  state: 'waiting' | 'approved' | 'rejected';
  grant: string;
  key: string;
}
/** By what devices enrol: a code, a claim certificate or a group. */
export interface Grant {
  id: string;
  label: string;
  state: 'enabled' | 'disabled';
  enrolled: number;
  expires_at?: Time | null;
  uses_left?: number | null;
}
export interface NewCode {
  id: string;
  code: string;
  qr_svg: string;
}
export interface PolicyDocument {
  name: string;
  version: number;
  document: Json;
}
export type PolicyAction = 'connect' | 'publish' | 'subscribe' | 'receive';
export interface PolicyVerdict {
  allowed: boolean;
  explanation: string;
  policy?: string;
  from?: string;
  statement?: number;
  text?: Json;
}
/** What is attached to a thing, group, certificate or user. */
export interface Attached {
  to: string;
  policies: string[];
  groups: { name: string; policies: string[] }[];
}
export interface UserAccount {
  name: string;
  state: 'enabled' | 'disabled';
  roles: string[];
  permissions: string[];
  policies: string[];
  created_at: Time | null;
}
export interface Role {
  name: string;
  about: string;
  permissions: string[];
  built_in: boolean;
}
export interface ApiToken {
  id: string;
  owner: string;
  label: string;
  permissions: string[];
  created_at: Time | null;
  expires_at: Time | null;
}
export interface AuditRecord {
  sequence: number;
  at: Time;
  actor: string;
  proof: string;
  address: string;
  action: string;
  object: string;
  outcome: 'ok' | 'denied' | 'failed';
  count: number;
  detail: string;
}
export interface AuditCheck {
  state: 'none' | 'running' | 'done' | 'failed';
  checked: number;
  of: number;
  why?: string;
  ok: boolean;
  problem?: string;
  record?: number;
  records: number;
  first: number;
  last: number;
  hash: string;
}

/** Who is refused. `count` is sure; it may be up to `uncertain` more. */
export interface Talker {
  count: number;
  uncertain: number;
  recent: number;
  first_at: Time;
  last_at: Time;
  last_kind: string;
  reason: string;
  kinds: string[];
}
export interface RefusedAddress extends Talker {
  address: string;
  last_device?: string;
  penalty_seconds?: number;
  blocked_seconds?: number;
}
export interface RefusedDevice extends Talker {
  device: string;
  proven: boolean;
  quarantine: boolean;
  last_address?: string;
}
export interface RefusedUser extends Talker {
  user: string;
  last_address?: string;
  penalty_seconds?: number;
}
export interface RefusalPicture {
  at: Time;
  total: number;
  kinds: { kind: string; count: number; last_at: Time }[];
  addresses: RefusedAddress[];
  devices: RefusedDevice[];
  users: RefusedUser[];
  recent: { at: Time; kind: string; address?: string; device?: string; user?: string; reason: string }[];
  blocks: { address: string; blocked_seconds: number }[];
  history: History;
}

export const refusals = {
  picture: async (span: 'hour' | 'day'): Promise<RefusalPicture> => {
    const picture = await call<RefusalPicture>('GET', at('security', 'refusals'), undefined, { span });
    // Rows are kept on the page by what names them.
    const named = <T extends object>(rows: T[], key: keyof T) => rows.map((row) => ({ id: row[key], ...row }));
    return {
      ...picture,
      kinds: named(picture.kinds, 'kind'),
      addresses: named(picture.addresses, 'address'),
      devices: named(picture.devices, 'device'),
      users: named(picture.users, 'user'),
    };
  },
  release: (address: string) => call<unknown>('POST', at('security', 'release'), { address }),
  releaseUser: (user: string) => call<unknown>('POST', at('security', 'release-user'), { user }),
  block: (address: string, minutes: number) => call<unknown>('POST', at('security', 'block'), { address, minutes }),
};

export const certificates = {
  list: async (thing?: string) =>
    (await call<{ certificates: Certificate[] }>('GET', at('certificates'), undefined, { thing, limit: PAGE }))
      .certificates,
  revoke: (fingerprint: string) => call<Certificate>('DELETE', at('certificates', fingerprint)),
};

export const enrolment = {
  waiting: async () =>
    (await call<{ waiting: WaitingDevice[] }>('GET', at('enrolment', 'waiting'), undefined, { limit: PAGE })).waiting,
  decide: (device: string, what: 'approve' | 'reject') =>
    call<WaitingDevice>('POST', at('enrolment', 'waiting', device, what), {}),
  forget: (device: string) => call<unknown>('DELETE', at('enrolment', 'waiting', device)),
  codes: async () => (await call<{ grants: Grant[] }>('GET', at('enrolment', 'codes'), undefined, { limit: PAGE })).grants,
  makeCode: (code: { thing?: string; label?: string; hours?: number; uses?: number; approval?: string }) =>
    call<NewCode>('POST', at('enrolment', 'codes'), code),
  removeCode: (id: string) => call<unknown>('DELETE', at('enrolment', 'codes', id)),
};

export const policies = {
  list: async () => (await call<{ policies: PolicyDocument[] }>('GET', at('policies'))).policies,
  put: (policy: string, document: Json, version: number) =>
    call<PolicyDocument>('PUT', at('policies', policy), { document, version }),
  remove: (policy: string) => call<unknown>('DELETE', at('policies', policy)),
  test: (question: { thing?: string; user?: string; action: PolicyAction; on: string; policy?: string; document?: Json }) =>
    call<PolicyVerdict>('POST', '/api/policy-test', question),
};

export const attachments = {
  of: (to: string) => call<Attached>('GET', at('attachments'), undefined, { to }),
  where: async (policy: string) =>
    (await call<{ attached_to: string[] }>('GET', at('attachments'), undefined, { policy, limit: PAGE })).attached_to,
  attach: (policy: string, to: string) => call<Attached>('PUT', at('policies', policy, 'attachments', to), {}),
  detach: (policy: string, to: string) => call<Attached>('DELETE', at('policies', policy, 'attachments', to)),
};

export const accounts = {
  list: async () => (await call<{ users: UserAccount[] }>('GET', at('users'), undefined, { limit: PAGE })).users,
  create: (user: { name: string; password: string; roles: string[]; permissions: string[] }) =>
    call<UserAccount & { note?: string }>('POST', at('users'), user),
  update: (name: string, change: { roles: string[] }) => call<UserAccount>('PATCH', at('users', name), change),
  remove: (name: string) => call<unknown>('DELETE', at('users', name)),
  tokens: async (owner: string) =>
    (await call<{ tokens: ApiToken[] }>('GET', at('tokens'), undefined, { owner, type: 'api' })).tokens,
  makeToken: (token: { owner: string; label?: string; permissions: string[]; days?: number }) =>
    call<ApiToken & { token: string }>('POST', at('tokens'), token),
  removeToken: (id: string) => call<unknown>('DELETE', at('tokens', id)),
};

export const roles = {
  list: async () => (await call<{ roles: Role[] }>('GET', at('roles'))).roles,
};

export const audit = {
  list: (query: {
    actor?: string;
    action?: string;
    object?: string;
    from?: string;
    until?: string;
    before?: number;
    limit?: number;
  }) =>
    call<{ records: AuditRecord[]; next?: number }>('GET', at('audit'), undefined, query),
  verify: () => call<AuditCheck>('POST', at('audit', 'verify'), {}),
  progress: () => call<AuditCheck>('GET', at('audit', 'verify')),
};
