import { createMemo, createSignal, For, Show } from 'solid-js';
import { things as api, type Thing } from '../api.ts';
import { t } from '../i18n/index.ts';
import { toMs } from '../lib/format.ts';
import { byName, matches } from '../lib/search.ts';
import { deviceHref } from '../router.ts';
import { loaded, removeThing, thingList, upsertThing } from '../state/fleet.ts';
import { Dialog } from '../ui/dialog.tsx';
import { Icon } from '../ui/icon.tsx';
import { SentForm, type FieldText } from '../ui/form.tsx';
import { ActionTable, SearchBox } from '../ui/list.tsx';
import { Age, CopyBox, Loading, PageHead, PresenceDot } from '../ui/parts.tsx';
import { StageBadge } from '../ui/stage_badge.tsx';
import { attempt } from '../ui/toast.tsx';
import '../styles/tables.css';

const STEP = 200;

function TokenShown(props: { thing: Thing; token: string }) {
  const site = () => String(props.thing.attributes?.['site'] ?? 'home');
  const command = () =>
    `mosquitto_pub -h ${location.hostname} -p 1883 -i ${props.thing.name} -u ${props.thing.name} -P '${props.token}' \\\n  -t demo/${site()}/${props.thing.type || 'sensor'}/${props.thing.name}/temperature -m 21.5`;
  return (
    <div class="form">
      <p>
        <strong>{t('token.once')}</strong>
      </p>
      <CopyBox text={props.token} label={t('token')} />
      <p class="quiet-text">{t('token.try')}</p>
      <CopyBox text={command()} label={t('token.try')} />
    </div>
  );
}

function CreateThing(props: { onDone: (thing: Thing, token: string) => void }) {
  const send = async (text: FieldText) => {
    const thing = await api.create({
      name: text('name'),
      type: text('type'),
      attributes: text('site') ? { site: text('site') } : {},
    });
    upsertThing(thing);
    props.onDone(thing, (await api.token(thing.name)).token);
  };
  return (
    <SentForm button={t('thing.create')} send={send}>
      <label>
        {t('thing.name')}
        <input
          name="name"
          required
          autofocus
          maxlength="128"
          pattern="[^\/+#$\s]+"
          title={t('thing.name.rule')}
          autocomplete="off"
        />
      </label>
      <label>
        {t('thing.type')}
        <input name="type" required maxlength="64" pattern="[^\/+#$\s]+" placeholder="sensor" autocomplete="off" />
      </label>
      <label>
        {t('thing.site')}
        <input name="site" maxlength="64" placeholder="home" autocomplete="off" />
      </label>
    </SentForm>
  );
}

type Window = { kind: 'create' } | { kind: 'token'; thing: Thing; token: string } | { kind: 'remove'; thing: Thing };

function ThingRow(props: { thing: Thing; open: (window: Window) => void }) {
  const newToken = () =>
    attempt(async () =>
      props.open({ kind: 'token', thing: props.thing, token: (await api.token(props.thing.name)).token }),
    );
  return (
    <tr>
      <td class="wide">
        <PresenceDot online={props.thing.online} /> <a href={deviceHref(props.thing.name)}>{props.thing.name}</a>{' '}
        <StageBadge thing={props.thing} />
      </td>
      <td>{props.thing.type || '–'}</td>
      <td>{String(props.thing.attributes?.['site'] ?? '–')}</td>
      <td>{props.thing.online ? t('presence.online') : <Age at={toMs(props.thing.last_seen)} />}</td>
      <td classList={{ void: !props.thing.gateway }}>{props.thing.gateway || '–'}</td>
      <td class="actions">
        <button type="button" class="button small quiet" onClick={newToken}>
          <Icon name="key" />
          {t('thing.token')}
        </button>
        <button
          type="button"
          class="button small quiet square"
          aria-label={t('thing.remove', { name: props.thing.name })}
          title={t('remove')}
          onClick={() => props.open({ kind: 'remove', thing: props.thing })}
        >
          <Icon name="trash" />
        </button>
      </td>
    </tr>
  );
}

function Windows(props: { window: Window; open: (window: Window | undefined) => void }) {
  const close = () => props.open(undefined);
  const remove = async (name: string) => {
    const done = await attempt(() => api.remove(name), t('removed', { name }));
    if (done) removeThing(name);
    close();
  };
  const token = () => (props.window.kind === 'token' ? props.window : undefined);
  const removal = () => (props.window.kind === 'remove' ? props.window.thing : undefined);
  return (
    <>
      <Show when={props.window.kind === 'create'}>
        <Dialog title={t('thing.create')} onClose={close}>
          <CreateThing onDone={(thing, value) => props.open({ kind: 'token', thing, token: value })} />
        </Dialog>
      </Show>
      <Show when={token()} keyed>
        {(w) => (
          <Dialog title={t('token.of', { name: w.thing.name })} class="wide-dialog" onClose={close}>
            <TokenShown thing={w.thing} token={w.token} />
          </Dialog>
        )}
      </Show>
      <Show when={removal()} keyed>
        {(thing) => (
          <Dialog title={t('thing.remove', { name: thing.name })} onClose={close}>
            <p>{t('thing.remove.text')}</p>
            <div class="row-end">
              <button type="button" class="button" autofocus onClick={close}>
                {t('cancel')}
              </button>
              <button type="button" class="button danger" onClick={() => void remove(thing.name)}>
                {t('remove')}
              </button>
            </div>
          </Dialog>
        )}
      </Show>
    </>
  );
}

export default function Things() {
  const [query, setQuery] = createSignal('');
  const [limit, setLimit] = createSignal(STEP);
  const [window, open] = createSignal<Window>();
  const shown = createMemo(() =>
    thingList()
      .filter((thing) => matches(thing, query()))
      .sort((a, b) => byName(a.name, b.name)),
  );
  return (
    <>
      <PageHead title={t('nav.things')} count={String(thingList().length)}>
        <SearchBox label={t('search.devices')} onSearch={setQuery} />
        <button type="button" class="button primary" onClick={() => open({ kind: 'create' })}>
          <Icon name="plus" />
          {t('thing.create')}
        </button>
      </PageHead>
      <Show when={loaded()} fallback={<Loading />}>
        <Show
          when={shown().length > 0}
          fallback={<p class="nothing">{t(query() ? 'search.none' : 'things.none')}</p>}
        >
          <div class="panel table-scroll">
            <ActionTable columns={[t('thing.name'), t('thing.type'), t('thing.site'), t('seen'), t('gateway')]}>
              <For each={shown().slice(0, limit())}>{(thing) => <ThingRow thing={thing} open={open} />}</For>
            </ActionTable>
          </div>
          <Show when={shown().length > limit()}>
            <button type="button" class="button" onClick={() => setLimit((n) => n + STEP)}>
              {t('more', { n: shown().length - limit() })}
            </button>
          </Show>
        </Show>
      </Show>
      <Show when={window()}>{(w) => <Windows window={w()} open={open} />}</Show>
    </>
  );
}
