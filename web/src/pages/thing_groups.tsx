// Static groups of things: what each is for, its policies and its members.
import { createResource, createSignal, For, Show } from 'solid-js';
import { thingGroups } from '../api_groups.ts';
import { t } from '../i18n/index.ts';
import { formatCount } from '../lib/format.ts';
import { keepRows, whileSeen } from '../state/polling.ts';
import { may } from '../state/session.ts';
import { Dialog } from '../ui/dialog.tsx';
import { Icon } from '../ui/icon.tsx';
import { SentForm, type FieldText } from '../ui/form.tsx';
import { ListFrame } from '../ui/list_frame.tsx';
import { OpenCell, SearchBox } from '../ui/list.tsx';
import { PageHead } from '../ui/parts.tsx';
import { SecurityTabs } from './security_tabs.tsx';
import { ThingGroupDialog } from './thing_group_dialog.tsx';
import '../styles/security.css';

function Creation(props: { onMade: (name: string) => void }) {
  const make = async (text: FieldText) => {
    const { name } = await thingGroups.create(text('name'), text('about'));
    props.onMade(name);
  };
  return (
    <SentForm button={t('things.group.make')} send={make}>
      <label>
        {t('rule.name')}
        <input name="name" required maxlength="64" autofocus autocomplete="off" pattern="[A-Za-z0-9_.:\-]+" />
      </label>
      <label>
        {t('things.group.about')}
        <input name="about" maxlength="256" autocomplete="off" />
      </label>
    </SentForm>
  );
}

export default function ThingGroups() {
  const [list, { refetch }] = createResource(thingGroups.list, { storage: keepRows('name') });
  const [wanted, setWanted] = createSignal('');
  const [opened, setOpened] = createSignal<string>();
  const [making, setMaking] = createSignal(false);
  whileSeen(refetch);
  const all = () => (list.error ? [] : (list.latest ?? []));
  const rows = () => {
    const text = wanted().trim().toLowerCase();
    return all().filter(({ name, about }) => name.toLowerCase().includes(text) || about.toLowerCase().includes(text));
  };
  const made = (name: string) => {
    setMaking(false);
    setOpened(name);
    void refetch();
  };
  const close = () => {
    setOpened(undefined);
    void refetch();
  };
  return (
    <>
      <PageHead title={t('nav.certificates')} count={all().length ? formatCount(all().length) : undefined}>
        <SecurityTabs />
        <SearchBox label={t('things.group.search')} onSearch={setWanted} />
        <Show when={may('policies:write')}>
          <button type="button" class="button primary" onClick={() => setMaking(true)}>
            <Icon name="plus" />
            {t('things.group.new')}
          </button>
        </Show>
      </PageHead>
      <ListFrame
        page={list}
        retry={() => void refetch()}
        rows={rows().length}
        nothing={t(all().length > 0 ? 'things.group.search.none' : 'things.group.none')}
        columns={[t('things.group'), t('things.group.about'), t('things.group.policies')]}
        opened={opened()}
        dialog={(name) => <ThingGroupDialog name={name} onClose={close} />}
      >
        <For each={rows()}>
          {(group) => (
            <tr class="group-row">
              <td class="wide">
                <b>{group.name}</b>
              </td>
              <td class="wrap" classList={{ void: !group.about }}>
                {group.about}
              </td>
              <td class="wrap">{group.policies.join(', ') || <span class="quiet-text">{t('attached.group.none')}</span>}</td>
              <OpenCell label={t('storage.open.row')} of={group.name} open={() => setOpened(group.name)} />
            </tr>
          )}
        </For>
      </ListFrame>
      <Show when={making()}>
        <Dialog title={t('things.group.new')} onClose={() => setMaking(false)}>
          <Creation onMade={made} />
        </Dialog>
      </Show>
    </>
  );
}
