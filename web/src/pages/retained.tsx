import { createResource, createSignal, For, Show } from 'solid-js';
import { retained, type RetainedMessage } from '../api.ts';
import { t } from '../i18n/index.ts';
import { formatCount, formatDate, toMs } from '../lib/format.ts';
import { createTyped, keepRows } from '../state/polling.ts';
import { Dialog } from '../ui/dialog.tsx';
import { Icon } from '../ui/icon.tsx';
import { ActionTable, OpenCell, SearchBox } from '../ui/list.tsx';
import { Age, CopyBox, Loading, PageHead, Problem } from '../ui/parts.tsx';
import { attempt, reasonOf } from '../ui/toast.tsx';
import { BrokerTabs } from './broker_tabs.tsx';

function MessageDialog(props: { topic: string; onClose: () => void; onRemoved: () => void }) {
  const [message] = createResource(() => retained.get(props.topic));
  const [sure, setSure] = createSignal(false);
  const remove = async () => {
    if (await attempt(() => retained.remove(props.topic), t('removed', { name: props.topic }))) props.onRemoved();
  };
  return (
    <Dialog title={props.topic} class="wide-dialog" onClose={props.onClose}>
      <Show when={!message.error} fallback={<Problem text={reasonOf(message.error)} />}>
        <Show when={message()} fallback={<Loading />}>
          {(found) => (
            <>
              <p class="quiet-text">
                {t('retained.facts', { publisher: found().publisher, at: formatDate(toMs(found().at)), qos: found().qos })}
              </p>
              <CopyBox text={found().payload ?? found().payload_base64 ?? ''} label={t('retained.payload')} />
              <div class="ending">
                <Show
                  when={sure()}
                  fallback={
                    <button type="button" class="button" onClick={() => setSure(true)}>
                      <Icon name="trash" />
                      {t('remove')}
                    </button>
                  }
                >
                  <p>{t('retained.sure')}</p>
                  <button type="button" class="button danger" onClick={() => void remove()}>
                    {t('session.sure')}
                  </button>
                  <button type="button" class="button quiet" onClick={() => setSure(false)}>
                    {t('cancel')}
                  </button>
                </Show>
              </div>
            </>
          )}
        </Show>
      </Show>
    </Dialog>
  );
}

function Row(props: { message: RetainedMessage; onOpen: () => void }) {
  return (
    <tr>
      <td class="wide">
        <code>{props.message.topic}</code>
        <div class="quiet-text">{props.message.publisher}</div>
      </td>
      <td class="number">{formatCount(props.message.bytes)} B</td>
      <td>QoS {props.message.qos}</td>
      <td title={formatDate(toMs(props.message.at))}>
        <Age at={toMs(props.message.at)} />
      </td>
      <OpenCell label={t('session.open')} of={props.message.topic} open={() => props.onOpen()} />
    </tr>
  );
}

export default function Retained() {
  const [filter, type] = createTyped();
  const [opened, setOpened] = createSignal<string | undefined>();
  const [page, { refetch }] = createResource(
    () => ({ filter: filter() }),
    ({ filter: wanted }) => retained.list(wanted || undefined),
    { storage: keepRows('topic') },
  );
  const rows = () => page.latest?.retained ?? [];
  return (
    <>
      <PageHead title={t('nav.connections')}>
        <BrokerTabs />
        <SearchBox label={t('retained.search')} onSearch={type} />
      </PageHead>
      <Show when={page.error}>
        <Problem text={reasonOf(page.error)} retry={() => void refetch()} />
      </Show>
      <Show when={!page.error && page.latest} fallback={<Show when={!page.error}><Loading /></Show>}>
        <Show when={rows().length > 0} fallback={<p class="nothing">{t(filter() ? 'retained.none.search' : 'retained.none')}</p>}>
          <div class="panel table-scroll">
            <ActionTable columns={[t('retained.topic'), t('retained.size'), 'QoS', t('session.since')]}>
              <For each={rows()}>{(message) => <Row message={message} onOpen={() => setOpened(message.topic)} />}</For>
            </ActionTable>
          </div>
          <Show when={page.latest!.next}>
            <p class="quiet-text">{t('retained.more', { n: rows().length })}</p>
          </Show>
        </Show>
      </Show>
      <Show when={opened()} keyed>
        {(topic) => (
          <MessageDialog
            topic={topic}
            onClose={() => setOpened(undefined)}
            onRemoved={() => {
              setOpened(undefined);
              void refetch();
            }}
          />
        )}
      </Show>
    </>
  );
}
