// Things that are held because they behaved oddly or were tampered with, and the limits by which that is judged.
import { createMemo, createResource, createSignal, For, Show } from 'solid-js';
import type { Alarm, Thing } from '../api.ts';
import { behaviour, MEASURES, type ScopeLimits } from '../api_life.ts';
import { t } from '../i18n/index.ts';
import { formatCount, formatDate, toMs } from '../lib/format.ts';
import { byName } from '../lib/search.ts';
import { deviceHref } from '../router.ts';
import { alarmList, loaded, thingList } from '../state/fleet.ts';
import { keepRows } from '../state/polling.ts';
import { may } from '../state/session.ts';
import { Deeds } from '../ui/deeds.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { Icon } from '../ui/icon.tsx';
import { SentForm, type FieldText } from '../ui/form.tsx';
import { ListFrame } from '../ui/list_frame.tsx';
import { OpenCell } from '../ui/list.tsx';
import { Facts, PageHead } from '../ui/parts.tsx';
import { AlarmRow } from './alarm_row.tsx';
import { LimitsForm, limitText } from './behaviour_panel.tsx';
import { releaseDeed, whyOf } from './life_panel.tsx';
import { SecurityTabs } from './security_tabs.tsx';
import '../styles/security.css';

const SHOWN = 200;
/** What the live link keeps current, as a list that has been read. */
const fleet = {
  error: undefined,
  get latest() {
    return loaded();
  },
};
const isTamper = (alarm: Alarm) => alarm.name === 'tamper';

function HeldDialog(props: { thing: Thing; onClose: () => void }) {
  const facts = (): [string, string][] => [
    [t('quarantine.since'), formatDate(toMs(props.thing.quarantine?.at))],
    [t('quarantine.by'), props.thing.quarantine?.by ?? '–'],
    [t('cert.reason'), props.thing.quarantine?.reason || '–'],
  ];
  return (
    <Dialog title={props.thing.name} onClose={props.onClose}>
      <Facts facts={facts()} />
      <p class="hint">
        <a href={deviceHref(props.thing.name)}>{t('quarantine.look')}</a>
      </p>
      <Show when={may('things:write')}>
        <Deeds deeds={[releaseDeed(props.thing.name, props.onClose)]} />
      </Show>
    </Dialog>
  );
}

function Held(props: { things: Thing[] }) {
  const [opened, setOpened] = createSignal<string | undefined>();
  return (
    <section class="panel-section">
      <header class="section-head">
        <h2>{t('quarantine.things')}</h2>
      </header>
      <ListFrame
        page={fleet}
        retry={() => {}}
        rows={Math.min(props.things.length, SHOWN)}
        matched={props.things.length}
        nothing={t('quarantine.none')}
        columns={[t('device'), t('cert.reason'), t('quarantine.since')]}
        opened={opened()}
        dialog={(name) => (
          <Show when={props.things.find((thing) => thing.name === name)}>
            {(thing) => <HeldDialog thing={thing()} onClose={() => setOpened(undefined)} />}
          </Show>
        )}
      >
        <For each={props.things.slice(0, SHOWN)}>
          {(thing) => (
            <tr>
              <td class="wide">
                <a href={deviceHref(thing.name)}>{thing.name}</a>
              </td>
              <td class="wrap">{whyOf(thing.quarantine!)}</td>
              <td class="number">{formatDate(toMs(thing.quarantine!.at))}</td>
              <OpenCell label={t(may('things:write') ? 'quarantine.release' : 'session.open')} of={thing.name} open={() => setOpened(thing.name)} />
            </tr>
          )}
        </For>
      </ListFrame>
    </section>
  );
}

function Tampers() {
  const events = () => alarmList().filter(isTamper);
  return (
    <section class="panel-section">
      <header class="section-head">
        <h2>{t('tamper')}</h2>
      </header>
      <ListFrame
        page={fleet}
        retry={() => {}}
        rows={Math.min(events().length, SHOWN)}
        matched={events().length}
        nothing={t('tamper.none')}
        columns={[t('alarm.severity'), t('alarm.what'), t('device'), t('alarm.when'), t('alarm.state')]}
      >
        <For each={events().slice(0, SHOWN)}>{(alarm) => <AlarmRow alarm={alarm} />}</For>
      </ListFrame>
    </section>
  );
}

/** "refusals 20 · connects 10" */
function limitsText(limits: ScopeLimits['own']): string {
  const set = MEASURES.filter((measure) => limits[measure] !== undefined);
  return set.map((measure) => `${t(`behaviour.${measure}`)}: ${limitText(measure, limits[measure])}`).join(' · ');
}

function NewScope(props: { onChosen: (scope: string) => void }) {
  const send = async (text: FieldText) => props.onChosen(`${text('kind')}:${text('name')}`);
  return (
    <SentForm button={t('behaviour.scope.next')} send={send}>
      <label>
        {t('behaviour.scope.kind')}
        <select name="kind">
          <option value="type">{t('behaviour.scope.type')}</option>
          <option value="thing">{t('behaviour.scope.thing')}</option>
        </select>
      </label>
      <label>
        {t('thing.name')}
        <input name="name" required maxlength="128" pattern="[^\/+#$\s]+" title={t('thing.name.rule')} autofocus />
      </label>
    </SentForm>
  );
}

function scopeText(scope: string): string {
  if (scope === 'default') return t('behaviour.scope.default');
  const [kind, ...name] = scope.split(':');
  return t(kind === 'type' ? 'behaviour.scope.of.type' : 'behaviour.scope.of.thing', { name: name.join(':') });
}

function ScopesOfLimits() {
  const read = async (): Promise<(ScopeLimits & { shown: ScopeLimits['own'] })[]> => {
    const [usual, scopes] = await Promise.all([behaviour.get('default'), behaviour.scopes()]);
    const others = scopes.filter(({ scope }) => scope !== 'default').toSorted((a, b) => byName(a.scope, b.scope));
    return [{ ...usual, shown: usual.in_force }, ...others.map((one) => ({ ...one, shown: one.own }))];
  };
  const [list, { refetch }] = createResource(read, { storage: keepRows('scope') });
  const [opened, setOpened] = createSignal<string | undefined>();
  const rows = () => (list.error ? [] : (list.latest ?? []));
  const ownOf = (scope: string) => rows().find((one) => one.scope === scope)?.own ?? {};
  const close = () => setOpened(undefined);
  return (
    <section class="panel-section">
      <header class="section-head">
        <h2>{t('behaviour.scopes')}</h2>
        <Show when={may('things:write')}>
          <button type="button" class="button" onClick={() => setOpened('new')}>
            <Icon name="plus" />
            {t('behaviour.scope.new')}
          </button>
        </Show>
      </header>
      <ListFrame
        page={list}
        retry={() => void refetch()}
        rows={rows().length}
        nothing=""
        columns={[t('behaviour.scope'), t('behaviour.limit'), t('behaviour.response')]}
        opened={opened()}
        dialog={(scope) => (
          <Dialog title={scope === 'new' ? t('behaviour.scope.new') : scopeText(scope)} onClose={() => opened() === scope && close()}>
            <Show when={scope !== 'new'} fallback={<NewScope onChosen={setOpened} />}>
              <LimitsForm
                scope={scope}
                own={{ ...ownOf(scope) }}
                onDone={() => {
                  close();
                  void refetch();
                }}
              />
            </Show>
          </Dialog>
        )}
      >
        <For each={rows()}>
          {(one) => (
            <tr>
              <td class="wide">{scopeText(one.scope)}</td>
              <td class="wrap">{limitsText(one.shown) || '–'}</td>
              <td>{one.shown.response ? t(`behaviour.response.${one.shown.response}`) : '–'}</td>
              <OpenCell label={t('edit')} of={scopeText(one.scope)} open={() => setOpened(one.scope)} />
            </tr>
          )}
        </For>
      </ListFrame>
    </section>
  );
}

export default function QuarantinePage() {
  const held = createMemo(() =>
    thingList()
      .filter((thing) => thing.quarantine)
      .sort((a, b) => byName(a.name, b.name)),
  );
  return (
    <>
      <PageHead title={t('nav.certificates')} count={held().length ? formatCount(held().length) : undefined}>
        <SecurityTabs />
      </PageHead>
      <Held things={held()} />
      <Tampers />
      <ScopesOfLimits />
    </>
  );
}
