// The part of the HTTP API about the life of things: stages, quarantine, limits of what they do.
import { at, call, type Time } from './api.ts';

export const STAGES = ['provisioning', 'activation', 'operation', 'maintenance', 'decommission'] as const;
export type Stage = (typeof STAGES)[number];

export interface LifeEvent {
  at: Time;
  by: string;
  event: 'moved' | 'quarantined' | 'released';
  from?: Stage;
  to?: Stage;
  reason?: string;
}
export interface Life {
  thing: string;
  lifecycle: Stage;
  quarantine?: LifeEvent;
  wiping?: boolean;
  next: Stage[];
  events: LifeEvent[];
}

export const MEASURES = ['messages_per_second', 'bytes_per_second', 'message_bytes', 'refusals', 'connects'] as const;
export type Measure = (typeof MEASURES)[number];
export const RESPONSES = ['none', 'alarm', 'quarantine'] as const;
export type Response = (typeof RESPONSES)[number];
/** What is not set is as the wider scope has it; 0 is no limit. */
export type Limits = Partial<Record<Measure, number>> & { response?: Response };
export interface ScopeLimits {
  scope: string;
  own: Limits;
}
export interface Behaviour {
  thing: string;
  own: Limits;
  in_force: Limits;
  use: Record<Measure, number>;
}

export const life = {
  get: (thing: string) => call<Life>('GET', at('things', thing, 'lifecycle')),
  move: (thing: string, stage: Stage, reason: string) =>
    call<Life>('PUT', at('things', thing, 'lifecycle', stage), { reason }),
  quarantine: (thing: string, reason: string) => call<Life>('PUT', at('things', thing, 'quarantine'), { reason }),
  release: (thing: string, reason: string) =>
    call<Life>('DELETE', at('things', thing, 'quarantine'), undefined, { reason }),
};

export const behaviour = {
  scopes: async () => (await call<{ scopes: ScopeLimits[] }>('GET', at('behaviour'))).scopes,
  get: (scope: string) => call<ScopeLimits & { in_force: Limits }>('GET', at('behaviour', scope)),
  put: (scope: string, limits: Limits) => call<unknown>('PUT', at('behaviour', scope), limits),
  remove: (scope: string) => call<unknown>('DELETE', at('behaviour', scope)),
  use: (thing: string) => call<Behaviour>('GET', at('things', thing, 'behaviour')),
};
