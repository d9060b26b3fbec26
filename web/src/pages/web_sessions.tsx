// Where somebody is signed in on the web.
import { createResource, For, Show } from 'solid-js';
import { session } from '../api.ts';
import { people, type WebSession } from '../api_people.ts';
import { t } from '../i18n/index.ts';
import { formatDate, toMs } from '../lib/format.ts';
import { access } from '../state/session.ts';
import { keepRows, whileSeen } from '../state/polling.ts';
import { Deeds } from '../ui/deeds.tsx';
import { Age, Loading, Problem } from '../ui/parts.tsx';
import { attempt, reasonOf } from '../ui/toast.tsx';

function Session(props: { session: WebSession; isHere: boolean; onEnd: () => void }) {
  const end = async () => {
    await attempt(() => people.endSession(props.session.id), t('websession.ended'));
    props.onEnd();
  };
  return (
    <li>
      <div>
        <b>{props.session.address || '–'}</b>
        <Show when={props.isHere}>
          {' '}
          <span class="state session-online">{t('websession.here')}</span>
        </Show>
        <div class="quiet-text">
          {t('websession.since', { at: formatDate(toMs(props.session.created_at)) })} · {t('websession.used')}{' '}
          <Age at={toMs(props.session.last_used_at ?? props.session.created_at)} />
        </div>
      </div>
      <button type="button" class="button small" onClick={() => void end()}>
        {t('websession.end')}
        <span class="visually-hidden"> {props.session.address}</span>
      </button>
    </li>
  );
}

/** One's own sign-in is marked, and stays when the others are ended. */
export function WebSessions(props: { user: string }) {
  const isMe = () => {
    const who = access();
    return who.state === 'in' && who.user.name === props.user;
  };
  const [here] = createResource(isMe, async () => {
    const now = await session.get();
    return now.signed_in ? now.session : undefined;
  });
  const [list, { refetch }] = createResource(() => props.user, people.sessions, { storage: keepRows('id') });
  whileSeen(refetch);
  const hereId = () => (here.error ? undefined : here.latest);
  const rows = () =>
    (list.error ? [] : (list.latest ?? [])).toSorted((a, b) => toMs(b.created_at) - toMs(a.created_at));
  const others = () => rows().filter(({ id }) => id !== hereId());
  const endOthers = async () => {
    await attempt(async () => {
      for (const { id } of others()) await people.endSession(id);
    }, t('websession.all.ended'));
    void refetch();
  };
  return (
    <section>
      <h3>{t('websessions')}</h3>
      <Show when={!list.error} fallback={<Problem text={reasonOf(list.error)} retry={() => void refetch()} />}>
        <Show when={list.latest} fallback={<Loading />}>
          <Show when={rows().length > 0} fallback={<p class="quiet-text">{t('websession.none')}</p>}>
            <ul class="token-list">
              <For each={rows()}>
                {(one) => <Session session={one} isHere={one.id === hereId()} onEnd={() => void refetch()} />}
              </For>
            </ul>
          </Show>
          <Show when={others().length > 1 || (hereId() && others().length > 0)}>
            <Deeds
              deeds={[
                {
                  label: t(hereId() ? 'websession.others' : 'websession.all'),
                  icon: 'out',
                  sure: t('websession.all.sure'),
                  run: endOthers,
                },
              ]}
            />
          </Show>
        </Show>
      </Show>
    </section>
  );
}
