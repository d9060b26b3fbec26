// Deletes measurements of a device: what goes is counted and said before anything does.
import { createSignal, For, Show } from 'solid-js';
import { queries, storage, type Deletion } from '../api_series.ts';
import { t } from '../i18n/index.ts';
import { formatCount, formatDate } from '../lib/format.ts';
import { countSql } from '../lib/sql.ts';
import { SentForm, type FieldText } from '../ui/form.tsx';
import { attempt } from '../ui/toast.tsx';

interface Asked {
  what: Deletion;
  points: number;
}
const ALL = '*';
const COUNT_MS = 60_000;

/** What a field for date and time says, in the person's own zone. */
const timeOf = (text: string): number | undefined => (text ? new Date(text).getTime() : undefined);

function timeText({ from, to }: Deletion): string {
  const texts = { from: formatDate(from ?? NaN), to: formatDate(to ?? NaN) };
  if (from !== undefined && to !== undefined) return t('storage.delete.time.between', texts);
  if (from !== undefined) return t('storage.delete.time.from', texts);
  return t(to === undefined ? 'storage.delete.time.all' : 'storage.delete.time.to', texts);
}

const nameOf = ({ device, channel }: Deletion) => (channel === undefined ? device : `${device} · ${channel}`);

async function pointsOf(what: Deletion): Promise<number> {
  const { rows } = await queries.run(countSql(what), AbortSignal.timeout(COUNT_MS));
  return Number(rows[0]?.[0] ?? 0);
}

export function StorageDelete(props: { device: string; channels: string[]; onDone: () => void }) {
  const [asked, setAsked] = createSignal<Asked>();
  const [working, setWorking] = createSignal(false);
  const ask = async (text: FieldText, form: FormData) => {
    // Names may have blanks at their ends: the list's numbers stand for them.
    const picked = String(form.get('channel'));
    const what: Deletion = {
      device: props.device,
      channel: picked === ALL ? undefined : props.channels[Number(picked)],
      from: timeOf(text('from')),
      to: timeOf(text('to')),
    };
    if (what.from !== undefined && what.to !== undefined && what.from >= what.to)
      throw new Error(t('storage.delete.order'));
    const points = await pointsOf(what);
    if (points === 0) throw new Error(t('storage.delete.nothing'));
    setAsked({ what, points });
  };
  const remove = async ({ what, points }: Asked) => {
    setWorking(true);
    const done = t('storage.deleted', { n: formatCount(points), name: nameOf(what) });
    const went = await attempt(() => storage.erase(what), done);
    setWorking(false);
    setAsked(undefined);
    if (went) props.onDone();
  };
  return (
    <section class="storage-delete">
      <h3>{t('storage.delete')}</h3>
      <Show
        when={asked()}
        fallback={
          <SentForm button={t('storage.delete.ask')} send={ask}>
            <label>
              {t('storage.channel')}
              <select name="channel">
                <option value={ALL}>{t('storage.delete.all')}</option>
                <For each={props.channels}>{(channel, i) => <option value={i()}>{channel}</option>}</For>
              </select>
            </label>
            <label>
              {t('storage.delete.from')}
              <input type="datetime-local" name="from" step="1" />
            </label>
            <label>
              {t('storage.delete.to')}
              <input type="datetime-local" name="to" step="1" />
            </label>
          </SentForm>
        }
      >
        {(it) => (
          <div class="ending" role="alert">
            <p>
              {t('storage.delete.sure', {
                n: formatCount(it().points),
                name: nameOf(it().what),
                time: timeText(it().what),
              })}
            </p>
            <button type="button" class="button danger" disabled={working()} onClick={() => void remove(it())}>
              {t('session.sure')}
            </button>
            <button
              type="button"
              class="button quiet"
              disabled={working()}
              ref={(button) => queueMicrotask(() => button.focus())}
              onClick={() => setAsked(undefined)}
            >
              {t('cancel')}
            </button>
          </div>
        )}
      </Show>
    </section>
  );
}
