// One static group: its policies and members, and the way to change both.
import { createResource, createSignal, For, Show } from 'solid-js';
import { PAGE } from '../api.ts';
import { thingGroups, type ThingGroup } from '../api_groups.ts';
import { attachments, policies } from '../api_security.ts';
import { t } from '../i18n/index.ts';
import { formatCount } from '../lib/format.ts';
import { deviceHref } from '../router.ts';
import { thingList } from '../state/fleet.ts';
import { may } from '../state/session.ts';
import { Deeds } from '../ui/deeds.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { SentForm, type FieldText } from '../ui/form.tsx';
import { Loading, Problem } from '../ui/parts.tsx';
import { attempt, reasonOf } from '../ui/toast.tsx';

const OFFERED = 500;

/** What belongs to the group, each with a button that takes it away. */
function Names(props: { names: string[]; href?: (name: string) => string; take: string; takeLabel: (name: string) => string; onTake: (name: string) => unknown }) {
  return (
    <ul class="token-list">
      <For each={props.names}>
        {(name) => (
          <li>
            <Show when={props.href} fallback={<code>{name}</code>}>
              {(href) => <a href={href()(name)}>{name}</a>}
            </Show>
            <Show when={may('policies:write')}>
              <button type="button" class="button quiet" aria-label={props.takeLabel(name)} onClick={() => props.onTake(name)}>
                {props.take}
              </button>
            </Show>
          </li>
        )}
      </For>
    </ul>
  );
}

/** Adds one of what is offered by name. */
function Add(props: { button: string; label: string; offered: string[]; list: string; max: number; onAdd: (name: string) => Promise<unknown> }) {
  let input!: HTMLInputElement;
  const add = async (text: FieldText) => {
    await props.onAdd(text('name'));
    input.value = '';
  };
  return (
    <SentForm button={props.button} send={add}>
      <label>
        {props.label}
        <input name="name" list={props.list} required maxlength={props.max} autocomplete="off" ref={input} />
      </label>
      <datalist id={props.list}>
        <For each={props.offered}>{(name) => <option value={name} />}</For>
      </datalist>
    </SentForm>
  );
}

function Policies(props: { group: ThingGroup; changed: () => unknown }) {
  const [known] = createResource(() => may('policies:write'), policies.list);
  const offered = () => (known.error ? [] : (known.latest ?? []))
    .map(({ name }) => name)
    .filter((name) => !props.group.policies.includes(name));
  const to = () => `group:${props.group.name}`;
  const attach = async (policy: string) => {
    await attachments.attach(policy, to());
    await props.changed();
  };
  const detach = async (policy: string) => {
    if (await attempt(() => attachments.detach(policy, to()), t('removed', { name: policy }))) await props.changed();
  };
  return (
    <section class="attached" aria-label={t('things.group.policies')}>
      <h3>{t('things.group.policies')}</h3>
      <Show when={props.group.policies.length > 0} fallback={<p class="quiet-text">{t('things.group.policies.none')}</p>}>
        <Names names={props.group.policies} take={t('attach.detach')} takeLabel={(name) => t('things.group.detach', { name })} onTake={detach} />
      </Show>
      <Show when={may('policies:write')}>
        <Add button={t('attach.attach')} label={t('policy.policy')} offered={offered()} list="group-policies" max={128} onAdd={attach} />
      </Show>
    </section>
  );
}

function Members(props: { group: string; things: string[]; more: boolean; onMore: () => unknown; changed: () => unknown }) {
  const offered = () => {
    const members = new Set(props.things);
    return thingList().map(({ name }) => name).filter((name) => !members.has(name)).slice(0, OFFERED);
  };
  const add = async (thing: string) => {
    await thingGroups.add(props.group, thing);
    await props.changed();
  };
  const take = async (thing: string) => {
    if (await attempt(() => thingGroups.take(props.group, thing), t('things.group.taken', { name: thing }))) await props.changed();
  };
  const count = () => `${formatCount(props.things.length)}${props.more ? '+' : ''}`;
  return (
    <section class="attached" aria-label={t('things.group.members')}>
      <h3>
        {t('things.group.members')} <Show when={props.things.length > 0}>({count()})</Show>
      </h3>
      <Show when={props.things.length > 0} fallback={<p class="quiet-text">{t('things.group.members.none')}</p>}>
        <div class="group-members">
          <Names names={props.things} href={deviceHref} take={t('things.group.take.short')} takeLabel={(name) => t('things.group.take', { name })} onTake={take} />
        </div>
        <Show when={props.more}>
          <button type="button" class="button small" onClick={() => props.onMore()}>
            {t('more', { n: formatCount(PAGE) })}
          </button>
        </Show>
      </Show>
      <Show when={may('policies:write')}>
        <Add button={t('things.group.add')} label={t('things.group.thing')} offered={offered()} list="group-things" max={128} onAdd={add} />
      </Show>
    </section>
  );
}

export function ThingGroupDialog(props: { name: string; onClose: () => void }) {
  const [pages, setPages] = createSignal(1);
  // As many pages as were asked for, so that a change keeps them in sight.
  const load = async (n: number) => {
    const group = await thingGroups.get(props.name);
    let last = group.things.length;
    while (last === PAGE && group.things.length < n * PAGE) {
      const { things } = await thingGroups.get(props.name, group.things.at(-1));
      last = things.length;
      group.things.push(...things);
    }
    return { ...group, more: last === PAGE };
  };
  const [group, { refetch }] = createResource(pages, load);
  const remove = async () => {
    if (await attempt(() => thingGroups.remove(props.name), t('removed', { name: props.name }))) props.onClose();
  };
  return (
    <Dialog title={props.name} class="wide-dialog" onClose={props.onClose}>
      <Show when={group.error}>
        <Problem text={reasonOf(group.error)} retry={() => void refetch()} />
      </Show>
      <Show when={!group.error && group.latest} fallback={<Show when={!group.error}><Loading /></Show>}>
        {(found) => (
          <>
            <Show when={found().about}>
              <p class="quiet-text">{found().about}</p>
            </Show>
            <Policies group={found()} changed={refetch} />
            <Members
              group={props.name}
              things={found().things}
              more={found().more}
              onMore={() => setPages((n) => n + 1)}
              changed={refetch}
            />
            <Show when={may('policies:write')}>
              <Deeds
                deeds={[{ label: t('remove'), icon: 'trash', quiet: true, sure: t('things.group.remove.sure'), run: remove }]}
              />
            </Show>
          </>
        )}
      </Show>
    </Dialog>
  );
}
