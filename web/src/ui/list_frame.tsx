// The body of a page that lists rows: a table, a dialog for the row that is open, and what stands there when there
// is no row.
import { Show, type JSX, type Resource } from 'solid-js';
import { t } from '../i18n/index.ts';
import { ActionTable } from './list.tsx';
import { Loading, Problem } from './parts.tsx';
import { reasonOf } from './toast.tsx';

/** The rows are the children; `nothing` stands there without any. */
export function ListFrame(props: {
  page: Pick<Resource<unknown>, 'error' | 'latest'>;
  retry: () => void;
  rows: number;
  /** How many there are in all, where not all may be shown. */
  matched?: number | undefined;
  nothing: string;
  columns: string[];
  children: JSX.Element;
  /** The row whose dialog is open. */
  opened?: string | undefined;
  dialog?: (name: string) => JSX.Element;
}) {
  return (
    <>
      <Show when={props.page.error}>
        <Problem text={reasonOf(props.page.error)} retry={() => props.retry()} />
      </Show>
      <Show when={props.page.error || props.page.latest} fallback={<Loading />}>
        <Show
          when={props.rows > 0}
          fallback={
            <Show when={!props.page.error}>
              <p class="nothing">{props.nothing}</p>
            </Show>
          }
        >
          <div class="panel table-scroll">
            <ActionTable columns={props.columns}>{props.children}</ActionTable>
          </div>
          <Show when={(props.matched ?? 0) > props.rows}>
            <p class="quiet-text">{t('list.cut', { n: props.rows, all: props.matched! })}</p>
          </Show>
        </Show>
      </Show>
      <Show when={props.opened} keyed>
        {(name) => props.dialog?.(name)}
      </Show>
    </>
  );
}
