// What stored measurements take: all of it, the largest devices, a device's channels; and how to delete of them.
import { createResource, createSignal, For, Show } from 'solid-js';
import { PAGE, system } from '../api.ts';
import { storage, type Usage, type UsageRow } from '../api_series.ts';
import { t } from '../i18n/index.ts';
import { formatBytes, formatCount } from '../lib/format.ts';
import { keepRows, whileSeen } from '../state/polling.ts';
import { may } from '../state/session.ts';
import { Bar } from '../ui/bar.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { ListFrame } from '../ui/list_frame.tsx';
import { OpenCell, SearchBox } from '../ui/list.tsx';
import { Facts, Loading, PageHead, Problem } from '../ui/parts.tsx';
import { reasonOf } from '../ui/toast.tsx';
import { DataTabs } from './data_tabs.tsx';
import { StorageBlobs } from './storage_blobs.tsx';
import { StorageDelete } from './storage_delete.tsx';
import '../styles/device.css';
import '../styles/query.css';

const density = ({ points, bytes }: Pick<UsageRow, 'points' | 'bytes'>) =>
  points === 0 ? '–' : (bytes / points).toFixed(2);

/** Chunks and rollups. */
const sizeOf = ({ bytes, rollup_bytes }: Pick<UsageRow, 'bytes' | 'rollup_bytes'>) => bytes + rollup_bytes;

/** `free` is what the disk has left; unset where nobody tells. */
function factsOf(usage: Usage, free: number | null | undefined): [string, string][] {
  const disk: [string, string][] = typeof free === 'number' ? [[t('storage.free'), formatBytes(free)]] : [];
  return [
    [t('storage.series'), formatCount(usage.series)],
    [t('storage.points'), formatCount(usage.points)],
    [t('storage.bytes'), formatBytes(usage.bytes)],
    [t('storage.density'), density(usage)],
    [t('storage.rollups'), formatBytes(usage.rollup_bytes)],
    [t('storage.open.points'), formatCount(usage.open_points)],
    [t('storage.open'), formatBytes(usage.open_bytes)],
    [t('storage.log'), formatBytes(usage.log_bytes)],
    ...disk,
  ];
}

/** Name, numbers and bar of a device or channel: `most` is what the longest bar stands for, `all` what everything takes. */
function UsageCells(props: { row: UsageRow; most: number; all: number; series?: boolean }) {
  const share = () => (props.all === 0 ? '0' : ((100 * sizeOf(props.row)) / props.all).toFixed(1));
  return (
    <>
      <td class="wide wrap">{props.row.name}</td>
      <td class="share">
        <Bar
          share={props.most === 0 ? 0 : sizeOf(props.row) / props.most}
          label={t('storage.share.of', { share: share() })}
        />
        <span class="quiet-text">{share()} %</span>
      </td>
      <td class="number">{formatBytes(sizeOf(props.row))}</td>
      <td class="number extra">{formatCount(props.row.points)}</td>
      <td class="number extra">{formatCount(props.row.open_points)}</td>
      <td class="number extra">{density(props.row)}</td>
      <Show when={props.series}>
        <td class="number extra">{formatCount(props.row.series)}</td>
      </Show>
    </>
  );
}

function DeviceDialog(props: { device: string; onClose: () => void; onDeleted: () => void }) {
  const [usage] = createResource(() => storage.usage(props.device));
  const most = () => {
    const largest = usage()?.rows[0];
    return largest ? sizeOf(largest) : 0;
  };
  return (
    <Dialog title={props.device} class="wide-dialog" onClose={props.onClose}>
      <Show when={!usage.error} fallback={<Problem text={reasonOf(usage.error)} />}>
        <Show when={usage()} fallback={<Loading />}>
          {(found) => (
            <>
              <div class="table-scroll">
                <table>
                  <thead>
                    <tr>
                      <For
                        each={[
                          t('storage.channel'),
                          t('storage.share'),
                          t('storage.size'),
                          t('storage.points'),
                          t('storage.waiting'),
                          t('storage.density'),
                        ]}
                      >
                        {(name) => <th>{name}</th>}
                      </For>
                    </tr>
                  </thead>
                  <tbody>
                    <For each={found().rows}>
                      {(row) => (
                        <tr class="storage-row">
                          <UsageCells row={row} most={most()} all={sizeOf(found())} />
                        </tr>
                      )}
                    </For>
                  </tbody>
                </table>
              </div>
              <Show when={may('series:delete')}>
                <StorageDelete
                  device={props.device}
                  channels={found().rows.map(({ name }) => name)}
                  onDone={props.onDeleted}
                />
              </Show>
            </>
          )}
        </Show>
      </Show>
    </Dialog>
  );
}

export default function Storage() {
  const [wanted, setWanted] = createSignal('');
  const [opened, setOpened] = createSignal<string>();
  const [usage, { refetch }] = createResource(() => storage.usage(), { storage: keepRows('name') });
  // Another permission: without it the page is without this line.
  const [status, { refetch: refetchStatus }] = createResource(() => may('status:read'), system.status);
  whileSeen(() => (void refetch(), void refetchStatus()));
  const all = () => usage.latest?.rows ?? [];
  const rows = () => all().filter(({ name }) => name.toLowerCase().includes(wanted().trim().toLowerCase()));
  const columns = () => [
    t('storage.device'),
    t('storage.share'),
    t('storage.size'),
    t('storage.points'),
    t('storage.waiting'),
    t('storage.density'),
    t('storage.channels'),
  ];
  const most = () => {
    const largest = all()[0];
    return largest ? sizeOf(largest) : 0;
  };
  return (
    <>
      <PageHead title={t('nav.query')}>
        <DataTabs />
        <SearchBox label={t('storage.search')} onSearch={setWanted} />
      </PageHead>
      <Show when={!usage.error && usage.latest}>
        {(value) => (
          <section class="panel storage-head" aria-label={t('storage.total')}>
            <h2>{t('storage.total')}</h2>
            <Facts facts={factsOf(value(), status.error ? undefined : status.latest?.disk?.free_bytes)} />
            <p class="quiet-text small">{t('storage.note')}</p>
          </section>
        )}
      </Show>
      <ListFrame
        page={usage}
        retry={() => void refetch()}
        rows={rows().length}
        nothing={t(all().length > 0 ? 'storage.search.none' : 'storage.none')}
        columns={columns()}
        opened={opened()}
        dialog={(name) => (
          <DeviceDialog
            device={name}
            onClose={() => setOpened(undefined)}
            onDeleted={() => {
              setOpened(undefined);
              void refetch();
            }}
          />
        )}
      >
        <For each={rows()}>
          {(row) => (
            <tr class="storage-row">
              <UsageCells row={row} most={most()} all={usage.latest ? sizeOf(usage.latest) : 0} series />
              <OpenCell label={t('storage.open.row')} of={row.name} open={() => setOpened(row.name)} />
            </tr>
          )}
        </For>
      </ListFrame>
      <Show when={all().length >= PAGE}>
        <p class="quiet-text">{t('storage.largest.cut', { n: formatCount(PAGE) })}</p>
      </Show>
      <Show when={may('blobs:read')}>
        <StorageBlobs />
      </Show>
    </>
  );
}
