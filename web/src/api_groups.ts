// The part of the HTTP API for static groups of things: who is a member has the group's policies.
import { at, call, PAGE, type Time } from './api.ts';

export interface ThingGroup {
  name: string;
  about: string;
  policies: string[];
  created_at: Time | null;
}

export const thingGroups = {
  list: async () => (await call<{ groups: ThingGroup[] }>('GET', at('groups'))).groups,
  /** Members behind `after`, sorted, at most PAGE. */
  get: (group: string, after?: string) =>
    call<ThingGroup & { things: string[] }>('GET', at('groups', group), undefined, { after, limit: PAGE }),
  create: (name: string, about: string) => call<ThingGroup>('POST', at('groups'), { name, about }),
  remove: (group: string) => call<unknown>('DELETE', at('groups', group)),
  add: (group: string, thing: string) => call<unknown>('PUT', at('groups', group, 'things', thing), {}),
  take: (group: string, thing: string) => call<unknown>('DELETE', at('groups', group, 'things', thing)),
};
