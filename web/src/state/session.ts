// Who is signed in.
import { createSignal } from 'solid-js';
import { ApiError, session, whenSignedOut, type User } from '../api.ts';
import { startLive, stopLive, whenLinkRefused } from './live.ts';

export type Access = { state: 'unknown' | 'out' | 'unreachable' } | { state: 'in'; user: User };
const [access, setAccess] = createSignal<Access>({ state: 'unknown' });
export { access };

/** Whether the server lets the person do it, as it told when the page was opened: "things:write". */
export function may(permission: string): boolean {
  const who = access();
  if (who.state !== 'in') return false;
  const all = `${permission.split(':')[0]}:*`;
  return (who.user.permissions ?? []).some((held) => held === '*' || held === permission || held === all);
}

function enter(user: User): void {
  setAccess({ state: 'in', user });
  startLive();
}

function leave(): void {
  stopLive();
  setAccess({ state: 'out' });
}

/** A refusal may be of a code or password that was wrong, and the session still good. */
function ask(): void {
  session.get().then(
    (present) => present.signed_in || leave(),
    () => {}, // not reachable: the link says so by itself
  );
}
whenSignedOut(ask);
whenLinkRefused(ask);

export async function resume(): Promise<void> {
  try {
    const present = await session.get();
    if (present.signed_in) enter(present.user);
    else leave();
  } catch (error) {
    if (error instanceof ApiError && error.status === 0) setAccess({ state: 'unreachable' });
    else leave();
  }
}

/** Says whether a code is needed beside the password. */
export async function signIn(user: string, password: string, code?: string): Promise<'done' | 'code'> {
  const answer = await session.login(user, password, code);
  if (!answer.signed_in) return 'code';
  enter(answer.user);
  return 'done';
}

export async function claim(token: string, password: string): Promise<void> {
  enter((await session.claim(token, password)).user);
}

export async function signOut(): Promise<void> {
  try {
    await session.logout();
  } finally {
    leave();
  }
}
