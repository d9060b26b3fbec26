// The thing's shadow: what is desired, what the device reports, and whether it has confirmed each wish.
import { createEffect, createMemo, createSignal, For, on, onCleanup, Show } from 'solid-js';
import { ApiError, shadows, type Shadow } from '../api.ts';
import { t, type TextKey } from '../i18n/index.ts';
import { compareShadow, desiredPatch, parseLeaf, type Json, type Leaf, type ShadowView } from '../lib/shadow.ts';
import { onShadow } from '../state/live.ts';
import { Icon } from '../ui/icon.tsx';
import { ActionTable, FieldError } from '../ui/list.tsx';
import { Age } from '../ui/parts.tsx';
import { attempt, reasonOf } from '../ui/toast.tsx';

function viewOf(shadow: Shadow): ShadowView {
  return {
    version: shadow.version,
    desired: shadow.state.desired ?? {},
    reported: shadow.state.reported ?? {},
    desiredMeta: shadow.metadata?.desired,
    reportedMeta: shadow.metadata?.reported,
  };
}

const shown = (value: Json | undefined) =>
  value === undefined ? '–' : typeof value === 'string' ? value : JSON.stringify(value);

function useShadow(thing: string) {
  const [view, setView] = createSignal<ShadowView>();
  const [before, setBefore] = createSignal<ShadowView>();
  const [error, setError] = createSignal<string>();
  const [loaded, setLoaded] = createSignal(false);
  const take = (shadow: Shadow) => {
    // Answers may overtake each other: an older version never replaces a newer one.
    if (shadow.version >= (view()?.version ?? 0)) setView(viewOf(shadow));
    setLoaded(true);
  };
  const load = async () => {
    try {
      take(await shadows.get(thing));
      setError(undefined);
    } catch (problem) {
      setLoaded(true);
      if (!(problem instanceof ApiError && problem.status === 404)) setError(reasonOf(problem));
    }
  };
  const wish = (path: readonly string[], value: Json) =>
    attempt(async () => {
      setBefore(view());
      take(await shadows.update(thing, desiredPatch(path, value)));
      await load(); // The stamps come with the whole document.
    });
  void load();
  onCleanup(onShadow(thing, () => void load()));
  return { view, before, error, loaded, wish };
}

function StateBadge(props: { leaf: Leaf }) {
  return (
    <span class={`state ${props.leaf.state}`} title={t(`shadow.${props.leaf.state}.help` as TextKey)}>
      <Show when={props.leaf.state === 'confirmed'}>
        <Icon name="check" />
      </Show>
      {t(`shadow.${props.leaf.state}` as TextKey)}
      <Show when={props.leaf.state === 'pending' && props.leaf.desiredAt}>
        {(at) => (
          <small>
            {' '}
            <Age at={at() * 1000} />
          </small>
        )}
      </Show>
    </span>
  );
}

function LeafRow(props: { leaf: Leaf; wish: (path: readonly string[], value: Json) => Promise<boolean> }) {
  const [editing, setEditing] = createSignal(false);
  const [busy, setBusy] = createSignal(false);
  let input: HTMLInputElement | undefined;
  createEffect(on(editing, (is) => is && input?.select()));
  const name = () => props.leaf.path.join('.');
  const target = () => (props.leaf.desired !== undefined ? props.leaf.desired : props.leaf.reported);
  const send = async (value: Json) => {
    setBusy(true);
    if (await props.wish(props.leaf.path, value)) setEditing(false);
    setBusy(false);
  };
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    void send(parseLeaf(input!.value));
  };
  return (
    <tr class={`leaf ${props.leaf.state}`}>
      <th scope="row">
        <code>{name()}</code>
      </th>
      <td class="leaf-desired" data-label={t('shadow.desired')}>
        <Show
          when={typeof target() !== 'boolean'}
          fallback={
            <button
              type="button"
              class="switch"
              role="switch"
              disabled={busy()}
              aria-checked={target() === true}
              aria-label={t('shadow.set', { name: name() })}
              onClick={() => void send(target() !== true)}
            />
          }
        >
          <Show
            when={editing()}
            fallback={
              <button
                type="button"
                class="leaf-value"
                classList={{ empty: props.leaf.desired === undefined }}
                aria-label={t('shadow.set', { name: name() })}
                onClick={() => setEditing(true)}
              >
                {props.leaf.desired === undefined ? t('set') : shown(props.leaf.desired)}
              </button>
            }
          >
            <form onSubmit={submit}>
              <input
                ref={input}
                aria-label={t('shadow.set', { name: name() })}
                value={target() === undefined ? '' : shown(target())}
                onKeyDown={(e) => e.key === 'Escape' && setEditing(false)}
              />
              <button class="button small primary" disabled={busy()}>
                {t('set')}
              </button>
            </form>
          </Show>
        </Show>
      </td>
      <td data-label={t('shadow.reported')}>
        <span class="leaf-reported">{shown(props.leaf.reported)}</span>
      </td>
      <td data-label={t('shadow.state')}>
        <StateBadge leaf={props.leaf} />
      </td>
      <td class="actions">
        <Show when={props.leaf.desired !== undefined}>
          <button
            type="button"
            class="button small quiet square"
            aria-label={t('shadow.drop', { name: name() })}
            title={t('shadow.drop', { name: name() })}
            onClick={() => void send(null)}
          >
            <Icon name="close" />
          </button>
        </Show>
      </td>
    </tr>
  );
}

function AddWish(props: { wish: (path: readonly string[], value: Json) => Promise<boolean> }) {
  const add = async (event: SubmitEvent & { currentTarget: HTMLFormElement }) => {
    event.preventDefault();
    const form = event.currentTarget;
    const data = new FormData(form);
    const path = String(data.get('path'))
      .split('.')
      .map((key) => key.trim())
      .filter(Boolean);
    if (path.length > 0 && (await props.wish(path, parseLeaf(String(data.get('value')))))) form.reset();
  };
  return (
    <form class="add-wish" onSubmit={add}>
      <input
        name="path"
        required
        placeholder={t('shadow.path')}
        aria-label={t('shadow.path')}
        autocomplete="off"
        spellcheck={false}
      />
      <input
        name="value"
        required
        placeholder={t('shadow.value')}
        aria-label={t('shadow.value')}
        autocomplete="off"
        spellcheck={false}
      />
      <button class="button small">
        <Icon name="plus" />
        {t('shadow.add')}
      </button>
    </form>
  );
}

export function ShadowPanel(props: { thing: string }) {
  const { view, before, error, loaded, wish } = useShadow(props.thing);
  const leaves = createMemo(() => (view() ? compareShadow(view()!, before()) : []));
  // Rows keep their identity (and a half-typed value) while states change around them.
  const keys = createMemo(() => leaves().map((leaf) => leaf.path.join('\0')), [], {
    equals: (a, b) => a.join('\x01') === b.join('\x01'),
  });
  const waiting = () => leaves().filter((leaf) => leaf.state === 'pending' || leaf.state === 'conflict').length;
  return (
    <section class="panel shadow" aria-label={t('shadow')}>
      <header class="panel-head">
        <h2>{t('shadow')}</h2>
        <Show when={view()}>
          {(v) => <span class="quiet-text small">{t('shadow.version', { n: v().version })}</span>}
        </Show>
        <Show when={view() && leaves().length > 0}>
          <span class="panel-tools quiet-text small" role="status">
            {waiting() ? t('shadow.waiting', { n: waiting() }) : t('shadow.settled')}
          </span>
        </Show>
      </header>
      <FieldError text={error()} />
      <Show
        when={leaves().length > 0}
        fallback={
          <Show when={loaded()}>
            <p class="quiet-text">{t('shadow.none')}</p>
          </Show>
        }
      >
        <div class="table-scroll">
          <ActionTable class="shadow-table" columns={[t('shadow.key'), t('shadow.desired'), t('shadow.reported'), t('shadow.state')]}>
            <For each={keys()}>
              {(key) => (
                <Show when={leaves().find((leaf) => leaf.path.join('\0') === key)}>
                  {(leaf) => <LeafRow leaf={leaf()} wish={wish} />}
                </Show>
              )}
            </For>
          </ActionTable>
        </div>
      </Show>
      <AddWish wish={wish} />
    </section>
  );
}
