// Records of the audit log.
import { For, Show } from 'solid-js';
import type { AuditRecord } from '../api_security.ts';
import { t } from '../i18n/index.ts';
import { formatCount, formatDate, toMs } from '../lib/format.ts';
import '../styles/security.css';

function Row(props: { record: AuditRecord }) {
  const who = () => [props.record.proof, props.record.address].filter(Boolean).join(' · ');
  return (
    <tr>
      <td class="number">{formatDate(toMs(props.record.at))}</td>
      <td>
        <b>{props.record.actor}</b>
        <div class="quiet-text">{who()}</div>
      </td>
      <td>
        <code>{props.record.action}</code>
        <Show when={props.record.outcome !== 'ok'}>
          {' '}
          <span class={`state audit-${props.record.outcome}`}>{t(`audit.${props.record.outcome}`)}</span>
        </Show>
        <Show when={props.record.count > 1}> × {formatCount(props.record.count)}</Show>
      </td>
      <td class="wide wrap">
        {props.record.object}
        <div class="quiet-text">{props.record.detail}</div>
      </td>
    </tr>
  );
}

export function AuditTable(props: { records: AuditRecord[]; nothing: string }) {
  return (
    <Show when={props.records.length > 0} fallback={<p class="nothing">{props.nothing}</p>}>
      <div class="panel table-scroll">
        <table>
          <thead>
            <tr>
              <th>{t('audit.when')}</th>
              <th>{t('audit.who')}</th>
              <th>{t('audit.what')}</th>
              <th>{t('audit.to')}</th>
            </tr>
          </thead>
          <tbody>
            <For each={props.records}>{(record) => <Row record={record} />}</For>
          </tbody>
        </table>
      </div>
    </Show>
  );
}
