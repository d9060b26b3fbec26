// The part of the HTTP API that people use for themselves, and administrators for them.
import { at, call, type Time } from './api.ts';

export interface WebSession {
  id: string;
  user: string;
  address: string;
  created_at: Time | null;
  last_used_at: Time | null;
  expires_at: Time | null;
}
export interface SecondFactor {
  state: 'none' | 'pending' | 'active';
  recovery_codes_left: number;
}
/** Shown once. */
export interface TotpSecret {
  secret: string;
  uri: string;
  qr_svg: string;
}

export const people = {
  sessions: async (user: string) =>
    (await call<{ sessions: WebSession[] }>('GET', at('web-sessions'), undefined, { user })).sessions,
  endSession: (id: string) => call<unknown>('DELETE', at('web-sessions', id)),
  /** Whoever does it for oneself names the present one. */
  password: (user: string, password: string, current?: string) =>
    call<unknown>('POST', at('users', user, 'password'), current === undefined ? { password } : { password, current }),
  secondFactor: (user: string) => call<SecondFactor>('GET', at('users', user, 'totp')),
  beginSecondFactor: (user: string) => call<TotpSecret>('POST', at('users', user, 'totp'), {}),
  confirmSecondFactor: (user: string, code: string) =>
    call<{ recovery_codes: string[] }>('POST', at('users', user, 'totp', 'confirm'), { code }),
  removeSecondFactor: (user: string, code?: string) =>
    call<unknown>('POST', at('users', user, 'totp', 'remove'), code === undefined ? {} : { code }),
};
