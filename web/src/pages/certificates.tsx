// Certificates of things: what each may still prove, when it ends, and the way to take it back.
import { createMemo, createResource, createSignal, For, Show } from 'solid-js';
import { certificates, type Certificate } from '../api_security.ts';
import { PAGE } from '../api.ts';
import { t } from '../i18n/index.ts';
import { formatCount, formatDate, toMs } from '../lib/format.ts';
import { deviceHref } from '../router.ts';
import { createTyped, keepRows } from '../state/polling.ts';
import { Deeds } from '../ui/deeds.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { ListFrame } from '../ui/list_frame.tsx';
import { OpenCell, SearchBox } from '../ui/list.tsx';
import { CopyBox, Facts, PageHead } from '../ui/parts.tsx';
import { StandingBadge, standingOf } from '../ui/standing.tsx';
import { attempt } from '../ui/toast.tsx';
import { SecurityTabs } from './security_tabs.tsx';
import '../styles/security.css';

const SHORT = 16;

const FILTERS = ['all', 'soon', 'expired', 'revoked'] as const;
type Filter = (typeof FILTERS)[number];

/** All of them while they fit into one answer; of more, those whose thing is named whole are found, too. */
async function search(query: string): Promise<{ rows: Certificate[]; cut: boolean }> {
  const page = await certificates.list();
  const has = (text: string) => text.toLowerCase().includes(query.toLowerCase());
  // Claim certificates and the server's are on record, too, and are nobody's.
  const rows = page.filter((one) => one.use === 'device' && (!query || has(one.thing) || has(one.fingerprint)));
  const cut = page.length === PAGE;
  if (!cut || !query) return { rows, cut };
  const known = new Set(rows.map((one) => one.fingerprint));
  const named = await certificates.list(query);
  return { rows: [...rows, ...named.filter((one) => !known.has(one.fingerprint))], cut };
}

function factsOf(certificate: Certificate): [string, string][] {
  const facts: [string, string][] = [
    [t('device'), certificate.thing],
    ['SHA-256', certificate.fingerprint],
    [t('cert.serial'), certificate.serial],
    [t('cert.from'), formatDate(toMs(certificate.not_before))],
    [t('cert.until'), formatDate(toMs(certificate.not_after))],
  ];
  if (certificate.revoked_at) facts.push([t('cert.revoked.at'), formatDate(toMs(certificate.revoked_at))]);
  if (certificate.reason) facts.push([t('cert.reason'), certificate.reason.replaceAll('_', ' ')]);
  return facts;
}

function CertificateDialog(props: { certificate: Certificate; onClose: () => void; onChange: () => void }) {
  const revoke = async () => {
    const done = await attempt(
      () => certificates.revoke(props.certificate.fingerprint),
      t('cert.revoked.done', { name: props.certificate.thing }),
    );
    if (done) props.onChange();
  };
  return (
    <Dialog title={t('cert.of', { name: props.certificate.thing })} class="wide-dialog" onClose={props.onClose}>
      <p>
        <StandingBadge certificate={props.certificate} />
      </p>
      <Facts facts={factsOf(props.certificate)} />
      <CopyBox text={props.certificate.certificate} label="PEM" />
      <Show when={props.certificate.state === 'active'}>
        <Deeds deeds={[{ label: t('cert.revoke'), icon: 'close', sure: t('cert.revoke.sure'), run: revoke }]} />
      </Show>
    </Dialog>
  );
}

function Row(props: { certificate: Certificate; onOpen: () => void }) {
  return (
    <tr>
      <td class="wide">
        <a href={deviceHref(props.certificate.thing)}>{props.certificate.thing}</a>
        <div class="quiet-text">
          <code>{props.certificate.fingerprint.slice(0, SHORT)}…</code>
        </div>
      </td>
      <td>
        <StandingBadge certificate={props.certificate} />
      </td>
      <td class="number">{formatDate(toMs(props.certificate.not_before))}</td>
      <td class="number">{formatDate(toMs(props.certificate.not_after))}</td>
      <OpenCell label={t('session.open')} of={`${props.certificate.thing} ${props.certificate.fingerprint.slice(0, SHORT)}`} open={() => props.onOpen()} />
    </tr>
  );
}

export default function Certificates() {
  const [query, type] = createTyped();
  const [filter, setFilter] = createSignal<Filter>('all');
  const [opened, setOpened] = createSignal<string | undefined>();
  const [found, { refetch }] = createResource(() => ({ query: query() }), (wanted) => search(wanted.query), {
    storage: keepRows('fingerprint'),
  });
  const all = () => (found.error ? [] : (found.latest?.rows ?? []));
  const rows = createMemo(() =>
    all()
      .filter((one) => filter() === 'all' || standingOf(one) === filter())
      .toSorted((a, b) => toMs(a.not_after) - toMs(b.not_after)),
  );
  return (
    <>
      <PageHead title={t('nav.certificates')} count={all().length ? formatCount(all().length) : undefined}>
        <SecurityTabs />
        <SearchBox label={t('cert.search')} onSearch={type} />
      </PageHead>
      <div class="segments" role="group" aria-label={t('filter')}>
        <For each={FILTERS}>
          {(one) => (
            <button type="button" aria-pressed={filter() === one} onClick={() => setFilter(one)}>
              {t(`cert.filter.${one}`)}
            </button>
          )}
        </For>
      </div>
      <ListFrame
        page={found}
        retry={() => void refetch()}
        rows={rows().length}
        nothing={t(query() || filter() !== 'all' ? 'search.none' : 'cert.none')}
        columns={[t('device'), t('alarm.state'), t('cert.from'), t('cert.until')]}
        opened={opened()}
        dialog={(fingerprint) => (
          <Show when={all().find((one) => one.fingerprint === fingerprint)}>
            {(one) => (
              <CertificateDialog
                certificate={one()}
                onClose={() => setOpened(undefined)}
                onChange={() => void refetch()}
              />
            )}
          </Show>
        )}
      >
        <For each={rows()}>{(one) => <Row certificate={one} onOpen={() => setOpened(one.fingerprint)} />}</For>
      </ListFrame>
      <Show when={!found.error && found.latest?.cut}>
        <p class="quiet-text">{t('cert.cut', { n: PAGE })}</p>
      </Show>
    </>
  );
}
