// Who is signed in.
import { createSignal } from 'solid-js';
import { ApiError, session, whenSignedOut, type User } from '../api.ts';
import { startLive, stopLive } from './live.ts';

export type Access = { state: 'unknown' | 'out' | 'unreachable' } | { state: 'in'; user: User };
const [access, setAccess] = createSignal<Access>({ state: 'unknown' });
export { access };

function enter(user: User): void {
  setAccess({ state: 'in', user });
  startLive();
}

function leave(): void {
  stopLive();
  setAccess({ state: 'out' });
}

whenSignedOut(leave);

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

export async function signIn(user: string, password: string): Promise<void> {
  enter((await session.login(user, password)).user);
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
