// Large binaries on the page Storage: what they take, a list with previews of pictures, and how to delete them.
import { createResource, createSignal, For, Show } from 'solid-js';
import { blobs, type Blob, type BlobUsage } from '../api_blobs.ts';
import { t } from '../i18n/index.ts';
import { isPicture } from '../lib/blob.ts';
import { formatBytes, formatCount, formatDate, toMs } from '../lib/format.ts';
import { may } from '../state/session.ts';
import { BlobPicture } from '../ui/blob.tsx';
import { Deeds } from '../ui/deeds.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { ActionTable, OpenCell } from '../ui/list.tsx';
import { Facts, Loading, Problem } from '../ui/parts.tsx';
import { attempt, reasonOf } from '../ui/toast.tsx';

function factsOf(usage: BlobUsage): [string, string][] {
  return [
    [t('blob.count'), `${formatCount(usage.blobs)} / ${formatCount(usage.max_blobs)}`],
    [t('blob.bytes'), `${formatBytes(usage.bytes)} / ${formatBytes(usage.max_bytes)}`],
    [t('blob.disk'), formatBytes(usage.disk_bytes)],
  ];
}

const nameOf = (row: Blob) => row.name || row.blob.slice(0, 19);
const keptUntil = ({ expires }: Blob) => (expires ? formatDate(toMs(expires)) : t('blob.kept'));

/** What there is to say of one, and what can be done with it. */
function BlobDialog(props: { row: Blob; onClose: () => void; onDeleted: () => void }) {
  const facts = (): [string, string][] => [
    [t('storage.device'), props.row.device || t('blob.nobody')],
    [t('blob.type'), props.row.media_type],
    [t('storage.size'), formatBytes(props.row.size)],
    [t('blob.created'), `${formatDate(toMs(props.row.created))} · ${props.row.put_by}`],
    [t('blob.expires'), keptUntil(props.row)],
    [t('blob.id'), props.row.blob],
  ];
  const remove = async () => {
    const went = await attempt(() => blobs.remove(props.row), t('blob.deleted', { name: nameOf(props.row) }));
    if (went) props.onDeleted();
  };
  return (
    <Dialog title={nameOf(props.row)} class="wide-dialog" onClose={props.onClose}>
      <Show when={isPicture(props.row.media_type)}>
        <BlobPicture blob={props.row.blob} of={nameOf(props.row)} />
      </Show>
      <Facts facts={facts()} />
      <p>
        <a href={blobs.href(props.row.blob)} download={props.row.name}>
          {t('blob.link')}
        </a>
      </p>
      <Show when={may('blobs:delete')}>
        <Deeds
          deeds={[
            {
              label: t('blob.delete'),
              icon: 'trash',
              sure: t('blob.delete.sure', { name: nameOf(props.row) }),
              run: remove,
            },
          ]}
        />
      </Show>
    </Dialog>
  );
}

function BlobRow(props: { row: Blob; open: () => void }) {
  return (
    <tr class="blob-row">
      <td class="wide wrap">
        <Show when={isPicture(props.row.media_type)}>
          <BlobPicture blob={props.row.blob} of={nameOf(props.row)} />
        </Show>
        {nameOf(props.row)}
      </td>
      <td class="wrap">{props.row.device}</td>
      <td class="extra">{props.row.media_type}</td>
      <td class="number">{formatBytes(props.row.size)}</td>
      <td class="extra">{formatDate(toMs(props.row.created))}</td>
      <td class="extra">{keptUntil(props.row)}</td>
      <OpenCell label={t('storage.open.row')} of={nameOf(props.row)} open={props.open} />
    </tr>
  );
}

/** Of the device that is searched for, or all. */
export function StorageBlobs() {
  const [device, setDevice] = createSignal('');
  const [rows, setRows] = createSignal<Blob[]>([]);
  const [next, setNext] = createSignal<string>();
  const [opened, setOpened] = createSignal<Blob>();
  const [usage, { refetch: refetchUsage }] = createResource(blobs.usage);
  const load = async (after?: string) => {
    const of = device();
    const page = await blobs.list(of, after);
    // Another device, or this page, has been asked for meanwhile.
    if (of !== device() || (after !== undefined && after !== next())) return page;
    setRows((before) => (after === undefined ? page.blobs : [...before, ...page.blobs]));
    setNext(page.next);
    return page;
  };
  const [page, { refetch }] = createResource(device, () => load());
  const again = () => (void refetch(), void refetchUsage());
  return (
    <section class="panel storage-head storage-blobs" aria-label={t('blob.title')}>
      <h2>{t('blob.title')}</h2>
      <Show when={!usage.error && usage.latest}>{(value) => <Facts facts={factsOf(value())} />}</Show>
      <label>
        {t('blob.device')}
        <input name="blob-device" autocomplete="off" onChange={(event) => setDevice(event.currentTarget.value.trim())} />
      </label>
      <Show when={page.error}>
        <Problem text={reasonOf(page.error)} retry={again} />
      </Show>
      <Show when={page.error || page.latest} fallback={<Loading />}>
        <Show when={rows().length > 0} fallback={<p class="quiet-text">{t('blob.none')}</p>}>
          <div class="table-scroll">
            <ActionTable
              columns={[
                t('blob.name'),
                t('storage.device'),
                t('blob.type'),
                t('storage.size'),
                t('blob.created'),
                t('blob.expires'),
              ]}
            >
              <For each={rows()}>{(row) => <BlobRow row={row} open={() => setOpened(row)} />}</For>
            </ActionTable>
          </div>
        </Show>
        <Show when={next()}>
          {(after) => (
            <button type="button" class="button" onClick={() => void attempt(() => load(after()))}>
              {t('blob.more')}
            </button>
          )}
        </Show>
      </Show>
      <Show when={opened()} keyed>
        {(row) => (
          <BlobDialog
            row={row}
            onClose={() => setOpened(undefined)}
            onDeleted={() => {
              setOpened(undefined);
              again();
            }}
          />
        )}
      </Show>
    </section>
  );
}
