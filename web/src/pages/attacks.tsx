// The picture of an attack: what is refused, over time and now, by kind, address, device and user; and what can be done about it.
import { createResource, createSignal, For, onCleanup, Show, type JSX } from 'solid-js';
import { life } from '../api_life.ts';
import { refusals, type RefusalPicture, type RefusedAddress, type RefusedDevice, type RefusedUser, type Talker } from '../api_security.ts';
import { en } from '../i18n/en.ts';
import { t, type TextKey } from '../i18n/index.ts';
import { formatCount, toMs } from '../lib/format.ts';
import { groupOf, sumOf } from '../lib/refusals.ts';
import { deviceHref } from '../router.ts';
import { things } from '../state/fleet.ts';
import { onRefusals } from '../state/live.ts';
import { keepRows, whileSeen } from '../state/polling.ts';
import { may } from '../state/session.ts';
import { Age, Loading, PageHead, Problem } from '../ui/parts.tsx';
import { attempt, reasonOf } from '../ui/toast.tsx';
import { AttackChart } from './attack_chart.tsx';
import { SecurityTabs } from './security_tabs.tsx';
import '../styles/security.css';
import '../styles/attacks.css';

const SPANS = ['hour', 'day'] as const;
const BLOCK_MINUTES = 60;

const kindName = (kind: string): string => {
  const key = `attack.kind.${kind}`;
  return key in en ? t(key as TextKey) : kind;
};
const minutes = (seconds: number): string => t('attack.minutes', { n: Math.max(1, Math.ceil(seconds / 60)) });

function Kind(props: { kind: string }) {
  return (
    <span class="attack-kind">
      <span class={`attack-swatch attack-${groupOf(props.kind)}`} aria-hidden="true" />
      {kindName(props.kind)}
    </span>
  );
}

/** How often, surely; and how much more it may be, where the server had to forget. */
function Count(props: { talker: Talker }) {
  return (
    <td class="number" title={t('attack.recent.help')}>
      <b>{formatCount(props.talker.count)}</b>
      <Show when={props.talker.uncertain > 0}>
        <span class="quiet-text" title={t('attack.uncertain.help')}>
          {' '}
          {t('attack.uncertain', { n: formatCount(props.talker.uncertain) })}
        </span>
      </Show>
      <div class="quiet-text">{t('attack.recent', { n: formatCount(props.talker.recent) })}</div>
    </td>
  );
}

function Last(props: { talker: Talker }) {
  return (
    <td class="wide wrap">
      <Kind kind={props.talker.last_kind} />
      <div class="quiet-text">{props.talker.reason}</div>
    </td>
  );
}

function DeviceName(props: { name: string | undefined }) {
  return (
    <Show when={props.name} fallback={<span class="quiet-text">–</span>}>
      {(name) => (
        <Show when={things[name()]} fallback={<span>{name()}</span>}>
          <a href={deviceHref(name())}>{name()}</a>
        </Show>
      )}
    </Show>
  );
}

function Panel(props: { title: string; columns: string[]; rows: number; children: JSX.Element }) {
  return (
    <section class="panel-section">
      <h2>{props.title}</h2>
      <Show when={props.rows > 0} fallback={<p class="quiet-text">{t('attack.none.list')}</p>}>
        <div class="panel table-scroll">
          <table>
            <thead>
              <tr>
                <For each={props.columns}>{(name) => <th>{name}</th>}</For>
              </tr>
            </thead>
            <tbody>{props.children}</tbody>
          </table>
        </div>
      </Show>
    </section>
  );
}

/** What a row offers to do, named for who does not see the row; `said` when it is done. */
function RowDeed(props: { label: string; of: string; said: TextKey; run: () => Promise<unknown>; done: () => void }) {
  return (
    <button
      type="button"
      class="button small"
      onClick={() => void attempt(props.run, t(props.said, { name: props.of })).then(props.done)}
    >
      {props.label}
      <span class="visually-hidden"> {props.of}</span>
    </button>
  );
}

function AddressRow(props: { row: RefusedAddress; done: () => void }) {
  const held = () => props.row.blocked_seconds !== undefined || props.row.penalty_seconds !== undefined;
  return (
    <tr>
      <td class="wide">
        <b>{props.row.address}</b>
        <Show when={props.row.blocked_seconds}>
          {(left) => <div class="state attack-blocked">{t('attack.blocked', { time: minutes(left()) })}</div>}
        </Show>
        <Show when={props.row.penalty_seconds}>
          {(left) => <div class="state attack-waits">{t('attack.waits', { time: minutes(left()) })}</div>}
        </Show>
      </td>
      <Count talker={props.row} />
      <Last talker={props.row} />
      <td class="wrap">
        <DeviceName name={props.row.last_device} />
      </td>
      <td>
        <Age at={toMs(props.row.last_at)} />
      </td>
      <td class="actions">
        <Show when={may('security:write')}>
          <Show when={held()}>
            <RowDeed
              label={t('attack.release')}
              of={props.row.address}
              said="attack.released"
              run={() => refusals.release(props.row.address)}
              done={props.done}
            />
          </Show>
          <Show when={props.row.blocked_seconds === undefined}>
            <RowDeed
              label={t('attack.block')}
              of={props.row.address}
              said="attack.is.blocked"
              run={() => refusals.block(props.row.address, BLOCK_MINUTES)}
              done={props.done}
            />
          </Show>
        </Show>
      </td>
    </tr>
  );
}

function DeviceRow(props: { row: RefusedDevice; done: () => void }) {
  return (
    <tr>
      <td class="wide wrap">
        <b>
          <DeviceName name={props.row.device} />
        </b>
        <div class="quiet-text">{t(props.row.proven ? 'attack.proven' : 'attack.claimed')}</div>
        <Show when={props.row.quarantine}>
          <div class="state attack-blocked">{t('attack.quarantine')}</div>
        </Show>
      </td>
      <Count talker={props.row} />
      <Last talker={props.row} />
      <td>{props.row.last_address ?? '–'}</td>
      <td>
        <Age at={toMs(props.row.last_at)} />
      </td>
      <td class="actions">
        <Show when={props.row.quarantine && may('things:write')}>
          <RowDeed
            label={t('attack.release.device')}
            of={props.row.device}
            said="attack.released"
            run={() => life.release(props.row.device, t('attack.release.reason'))}
            done={props.done}
          />
        </Show>
      </td>
    </tr>
  );
}

function UserRow(props: { row: RefusedUser; done: () => void }) {
  return (
    <tr>
      <td class="wide wrap">
        <b>{props.row.user}</b>
        <Show when={props.row.penalty_seconds}>
          {(left) => <div class="state attack-waits">{t('attack.waits', { time: minutes(left()) })}</div>}
        </Show>
      </td>
      <Count talker={props.row} />
      <Last talker={props.row} />
      <td>{props.row.last_address ?? '–'}</td>
      <td>
        <Age at={toMs(props.row.last_at)} />
      </td>
      <td class="actions">
        <Show when={props.row.penalty_seconds !== undefined && may('security:write')}>
          <RowDeed
            label={t('attack.release')}
            of={props.row.user}
            said="attack.released"
            run={() => refusals.releaseUser(props.row.user)}
            done={props.done}
          />
        </Show>
      </td>
    </tr>
  );
}

function Who(props: { picture: RefusalPicture; done: () => void }) {
  const columns = (first: TextKey, other: TextKey) => [
    t(first),
    t('attack.count'),
    t('attack.last'),
    t(other),
    t('attack.when'),
    '',
  ];
  return (
    <>
      <Panel
        title={t('attack.addresses')}
        columns={columns('attack.address', 'attack.device')}
        rows={props.picture.addresses.length}
      >
        <For each={props.picture.addresses}>{(row) => <AddressRow row={row} done={props.done} />}</For>
      </Panel>
      <Panel
        title={t('attack.devices')}
        columns={columns('attack.device', 'attack.address')}
        rows={props.picture.devices.length}
      >
        <For each={props.picture.devices}>{(row) => <DeviceRow row={row} done={props.done} />}</For>
      </Panel>
      <Panel
        title={t('attack.users')}
        columns={columns('attack.user', 'attack.address')}
        rows={props.picture.users.length}
      >
        <For each={props.picture.users}>{(row) => <UserRow row={row} done={props.done} />}</For>
      </Panel>
    </>
  );
}

function Kinds(props: { picture: RefusalPicture; span: 'hour' | 'day' }) {
  return (
    <Panel
      title={t('attack.kinds')}
      columns={[t('attack.kind'), t(`attack.span.${props.span}`), t('attack.since'), t('attack.when')]}
      rows={props.picture.kinds.length}
    >
      <For each={props.picture.kinds}>
        {(row) => (
          <tr>
            <td class="wide">
              <Kind kind={row.kind} />
            </td>
            <td class="number">{formatCount(sumOf(props.picture.history.kinds[row.kind]))}</td>
            <td class="number">{formatCount(row.count)}</td>
            <td>
              <Age at={toMs(row.last_at)} />
            </td>
          </tr>
        )}
      </For>
    </Panel>
  );
}

function Newest(props: { picture: RefusalPicture }) {
  return (
    <Panel
      title={t('attack.newest')}
      columns={[t('attack.when'), t('attack.kind'), t('attack.address'), t('attack.device'), t('attack.user')]}
      rows={props.picture.recent.length}
    >
      <For each={props.picture.recent}>
        {(row) => (
          <tr>
            <td>
              <Age at={toMs(row.at)} />
            </td>
            <td class="wide wrap">
              <Kind kind={row.kind} />
              <div class="quiet-text">{row.reason}</div>
            </td>
            <td>{row.address ?? '–'}</td>
            <td class="wrap">
              <DeviceName name={row.device} />
            </td>
            <td class="wrap">{row.user ?? '–'}</td>
          </tr>
        )}
      </For>
    </Panel>
  );
}

export default function Attacks() {
  const [span, setSpan] = createSignal<(typeof SPANS)[number]>('hour');
  const [picture, { refetch }] = createResource(span, (wanted) => refusals.picture(wanted), {
    storage: keepRows('id'),
  });
  const again = () => void refetch();
  whileSeen(again);
  onCleanup(onRefusals(again));
  const now = () => (picture.error ? undefined : picture.latest);
  return (
    <>
      <PageHead title={t('nav.certificates')}>
        <SecurityTabs />
      </PageHead>
      <Show when={picture.error}>
        <Problem text={reasonOf(picture.error)} retry={again} />
      </Show>
      <Show when={picture.error || now()} fallback={<Loading />}>
        <Show when={now()}>
          {(shown) => (
            <Show when={shown().total > 0} fallback={<p class="nothing">{t('attack.none')}</p>}>
              <div class="section-head">
                <p role="status">{t('attack.total', { n: formatCount(shown().total) })}</p>
                <div class="segments" role="group" aria-label={t('attack.span')}>
                  <For each={SPANS}>
                    {(one) => (
                      <button type="button" aria-pressed={span() === one} onClick={() => setSpan(one)}>
                        {t(`attack.span.${one}`)}
                      </button>
                    )}
                  </For>
                </div>
              </div>
              <AttackChart history={shown().history} at={toMs(shown().at)} span={span()} />
              <Who picture={shown()} done={again} />
              <Kinds picture={shown()} span={span()} />
              <Newest picture={shown()} />
              <p class="quiet-text attack-note">{t('attack.note')}</p>
            </Show>
          )}
        </Show>
      </Show>
    </>
  );
}
