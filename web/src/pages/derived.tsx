// Channels that are computed from others: the list with what becomes of each, and an editor.
import { createResource, createSignal, For, Show } from 'solid-js';
import { derived, type DerivedChannel } from '../api_derived.ts';
import { t } from '../i18n/index.ts';
import { stateOf, tagsText } from '../lib/derived.ts';
import { formatCount } from '../lib/format.ts';
import { keepRows, whileSeen } from '../state/polling.ts';
import { may } from '../state/session.ts';
import { Dialog } from '../ui/dialog.tsx';
import { Icon } from '../ui/icon.tsx';
import { ListFrame } from '../ui/list_frame.tsx';
import { OpenCell, SearchBox } from '../ui/list.tsx';
import { PageHead } from '../ui/parts.tsx';
import { attempt } from '../ui/toast.tsx';
import { DataTabs } from './data_tabs.tsx';
import { DerivedEditor } from './derived_editor.tsx';
import '../styles/derived.css';

const COLORS = { off: 'cleared', waiting: 'pending', late: 'pending', works: 'confirmed' };

function State(props: { of: DerivedChannel }) {
  const state = () => stateOf(props.of);
  return (
    <span
      class={`state ${COLORS[state()]}`}
      title={t(`derived.state.${state()}.help`, { n: formatCount(props.of.active_devices) })}
    >
      {t(`derived.state.${state()}`, { n: formatCount(props.of.late) })}
    </span>
  );
}

function forText({ devices, tags }: DerivedChannel): string {
  const said = [devices, ...tagsText(tags).split('\n')].filter(Boolean);
  return said.join(', ') || t('derived.for.all');
}

function Row(props: { of: DerivedChannel; open: () => void; changed: () => void }) {
  const toggle = async () => {
    const { name, enabled } = props.of;
    const said = t(enabled ? 'derived.off' : 'derived.on', { name });
    await attempt(() => derived.put(name, { ...documentOf(props.of), enabled: !enabled }), said);
    props.changed();
  };
  return (
    <tr class="derived-row">
      <td class="wide">
        <div class="derived-name">
          <Show when={may('rules:write')}>
            <button
              type="button"
              class="switch"
              role="switch"
              aria-checked={props.of.enabled}
              aria-label={t('derived.enabled', { name: props.of.name })}
              onClick={() => void toggle()}
            />
          </Show>
          <span>
            <b>{props.of.channel}</b>
            <small class="quiet-text">{props.of.name}</small>
          </span>
        </div>
      </td>
      <td class="wrap">
        <code>{props.of.expression}</code>
      </td>
      <td class="wrap">{forText(props.of)}</td>
      <td>
        <State of={props.of} />
      </td>
      <td class="number">{formatCount(props.of.results)}</td>
      <OpenCell label={t(may('rules:write') ? 'edit' : 'storage.open.row')} of={props.of.name} open={() => props.open()} />
    </tr>
  );
}

/** What a person wrote, without what the server says of it; the row may change while the copy is edited. */
function documentOf({ channel, expression, devices, tags, unit, window, lateness, max_age, enabled }: DerivedChannel) {
  const kept = { channel, expression, devices, tags: { ...tags }, unit, lateness, max_age, enabled };
  return window ? { ...kept, window: { ...window } } : kept;
}

export default function Derived() {
  const [list, { refetch }] = createResource(derived.list, { storage: keepRows('name') });
  const [wanted, setWanted] = createSignal('');
  const [opened, open] = createSignal<{ name: string; document?: ReturnType<typeof documentOf> }>();
  whileSeen(refetch);
  const all = () => (list.error ? [] : (list.latest ?? []));
  const rows = () => {
    const text = wanted().trim().toLowerCase();
    return all().filter((one) => [one.name, one.channel, one.expression].some((of) => of.toLowerCase().includes(text)));
  };
  const done = () => {
    open(undefined);
    void refetch();
  };
  const taken = (name: string) => all().some((one) => one.name === name);
  return (
    <>
      <PageHead title={t('nav.query')} count={all().length ? formatCount(all().length) : undefined}>
        <DataTabs />
        <SearchBox label={t('derived.search')} onSearch={setWanted} />
        <Show when={may('rules:write')}>
          <button type="button" class="button primary" onClick={() => open({ name: '' })}>
            <Icon name="plus" />
            {t('derived.new')}
          </button>
        </Show>
      </PageHead>
      <ListFrame
        page={list}
        retry={() => void refetch()}
        rows={rows().length}
        nothing={t(all().length > 0 ? 'derived.search.none' : 'derived.none')}
        columns={[
          t('derived.channel'),
          t('derived.expression'),
          t('derived.for'),
          t('derived.state'),
          t('derived.results'),
        ]}
      >
        <For each={rows()}>
          {(one) => (
            <Row
              of={one}
              open={() => open({ name: one.name, document: documentOf(one) })}
              changed={() => void refetch()}
            />
          )}
        </For>
      </ListFrame>
      <Show when={opened()} keyed>
        {(it) => (
          <Dialog title={it.name || t('derived.new')} class="wide-dialog" onClose={() => open(undefined)}>
            <DerivedEditor name={it.name} document={it.document} taken={taken} onDone={done} />
          </Dialog>
        )}
      </Show>
    </>
  );
}
