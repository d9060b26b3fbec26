// Why a query or an expression was refused, and where in its text.
import { Show } from 'solid-js';
import { t } from '../i18n/index.ts';
import { faultOf } from '../lib/sql.ts';
import '../styles/query.css';

export function SqlFailure(props: { sql: string; reason: string; onGo: (offset: number) => void }) {
  const fault = () => faultOf(props.sql, props.reason);
  return (
    <div class="problem query-problem" role="alert">
      <p>{props.reason}</p>
      <Show when={fault()}>
        {(found) => (
          <>
            <pre>{`${found().text}\n${' '.repeat(found().at)}^`}</pre>
            <button type="button" class="button small" onClick={() => props.onGo(found().offset)}>
              {t('query.place', { line: found().line })}
            </button>
          </>
        )}
      </Show>
    </div>
  );
}
