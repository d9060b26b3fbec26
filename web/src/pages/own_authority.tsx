// Our own authority: the root, the intermediates below it, and which of them issues.
import { createResource, createSignal, For, Show } from 'solid-js';
import { ownAuthority, type Issuer, type OwnAuthority as Own, type Root } from '../api_pki.ts';
import { t } from '../i18n/index.ts';
import { formatDate, toMs } from '../lib/format.ts';
import { keepRows, whileSeen } from '../state/polling.ts';
import { may } from '../state/session.ts';
import { Deeds, type Deed } from '../ui/deeds.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { Icon } from '../ui/icon.tsx';
import { ListFrame } from '../ui/list_frame.tsx';
import { OpenCell } from '../ui/list.tsx';
import { CopyBox, Facts } from '../ui/parts.tsx';
import { StandingBadge } from '../ui/standing.tsx';
import { attempt } from '../ui/toast.tsx';
import { ImportForm, NewIssuer, RequestShown, RootKey } from './own_authority_forms.tsx';

function Download(props: { href: string; label: string }) {
  return (
    <a class="button small" href={props.href} download="">
      <Icon name="down" />
      {props.label}
    </a>
  );
}

function IssuerBadge(props: { issuer: Issuer }) {
  return <span class={`state issuer-${props.issuer.state}`}>{t(`ca.${props.issuer.state}`)}</span>;
}

function factsOf(issuer: Issuer): [string, string][] {
  return [
    [t('ca.key.id'), issuer.issuer],
    ['SHA-256', issuer.fingerprint],
    [t('ca.root'), issuer.root],
    [t('cert.from'), formatDate(toMs(issuer.not_before))],
    [t('cert.until'), formatDate(toMs(issuer.not_after))],
  ];
}

function IssuerDialog(props: { issuer: Issuer; onClose: () => void; onChange: () => void; onGone: () => void }) {
  const use = async () => {
    const done = await attempt(() => ownAuthority.rotate(props.issuer.issuer), t('ca.used', { name: props.issuer.name }));
    if (done) props.onChange();
  };
  const forget = async (revoke: boolean) => {
    const done = await attempt(
      () => ownAuthority.forget(props.issuer.issuer, revoke),
      t('ca.forgotten', { name: props.issuer.name }),
    );
    if (done) props.onGone();
  };
  const deeds = (): Deed[] => [
    { label: t('ca.use'), icon: 'check', sure: t('ca.use.sure'), tone: 'plain', run: use },
    { label: t('ca.forget'), icon: 'trash', quiet: true, sure: t('ca.forget.sure'), run: () => forget(false) },
    { label: t('ca.forget.all'), icon: 'close', quiet: true, sure: t('ca.forget.all.sure'), run: () => forget(true) },
  ];
  return (
    <Dialog title={props.issuer.name} class="wide-dialog" onClose={props.onClose}>
      <p class="badges">
        <IssuerBadge issuer={props.issuer} />
        <StandingBadge certificate={{ not_after: props.issuer.not_after }} />
      </p>
      <Facts facts={factsOf(props.issuer)} />
      <CopyBox text={props.issuer.certificate} label="PEM" />
      <p class="badges">
        <Download href={`/pki/${props.issuer.issuer}.crt`} label={t('ca.certificate')} />
        <Download href={`/pki/${props.issuer.issuer}.crl`} label={t('ca.crl')} />
      </p>
      <Show when={props.issuer.state === 'trusted'} fallback={<p class="quiet-text hint">{t('ca.issuing.help')}</p>}>
        <Show when={may('ca:write')}>
          <Deeds deeds={deeds()} />
        </Show>
      </Show>
    </Dialog>
  );
}

function RootPanel(props: { root: Root; key_is: Own['root_key'] | undefined; onKey: () => void }) {
  const facts = (): [string, string][] => [
    ['SHA-256', props.root.fingerprint],
    [t('cert.from'), formatDate(toMs(props.root.not_before))],
    [t('cert.until'), formatDate(toMs(props.root.not_after))],
  ];
  return (
    <article class="panel root-panel">
      <header class="section-head">
        <h3>{t('ca.root.of', { name: props.root.name })}</h3>
        <StandingBadge certificate={{ not_after: props.root.not_after }} />
      </header>
      <Facts facts={facts()} />
      <Show when={props.key_is}>
        {(where) => (
          <div class="root-key">
            <p class="quiet-text">{t(`ca.root.key.${where()}`)}</p>
            <Download href="/pki/root.pem" label={t('ca.root.pem')} />
            <Download href="/pki/chain.pem" label={t('ca.chain')} />
            <Show when={where() === 'here' && may('ca:write')}>
              <button type="button" class="button small" onClick={() => props.onKey()}>
                <Icon name="key" />
                {t('ca.open.root')}
              </button>
            </Show>
          </div>
        )}
      </Show>
    </article>
  );
}

type Window = 'rotate' | 'request' | 'import' | 'root';

function Windows(props: { window: Window; close: () => void; onChange: () => void }) {
  const done = () => {
    props.close();
    props.onChange();
  };
  return (
    <Dialog title={t(`ca.window.${props.window}`)} class="wide-dialog" onClose={props.close}>
      <Show when={props.window === 'rotate'}>
        <NewIssuer onDone={done} />
      </Show>
      <Show when={props.window === 'request'}>
        <RequestShown />
      </Show>
      <Show when={props.window === 'import'}>
        <ImportForm onDone={done} />
      </Show>
      <Show when={props.window === 'root'}>
        <RootKey onDone={done} />
      </Show>
    </Dialog>
  );
}

export function OwnAuthority() {
  const [own, { refetch }] = createResource(ownAuthority.get, { storage: keepRows('issuer') });
  const [window, open] = createSignal<Window | undefined>();
  const [opened, setOpened] = createSignal<string | undefined>();
  whileSeen(refetch);
  const known = () => (own.error ? undefined : own.latest);
  const rows = () => known()?.issuers ?? [];
  const close = () => setOpened(undefined);
  const buttons = (): Window[] => (known()?.root_key === 'here' ? ['rotate', 'request', 'import'] : ['request', 'import']);
  return (
    <section class="panel-section">
      <header class="section-head">
        <h2>{t('ca.own')}</h2>
        <div class="badges">
          <For each={known() && may('ca:write') ? buttons() : []}>
            {(name) => (
              <button type="button" class="button" onClick={() => open(name)}>
                {t(`ca.open.${name}`)}
              </button>
            )}
          </For>
        </div>
      </header>
      <div class="panels roots">
        <For each={known()?.roots ?? []}>
          {(root, i) => (
            <RootPanel root={root} key_is={i() === 0 ? known()?.root_key : undefined} onKey={() => open('root')} />
          )}
        </For>
      </div>
      <ListFrame
        page={own}
        retry={() => void refetch()}
        rows={rows().length}
        nothing={t('ca.none')}
        columns={[t('ca.intermediate'), t('alarm.state'), t('ca.ends'), t('cert.until')]}
        opened={opened()}
        dialog={(id) => (
          <Show when={rows().find((one) => one.issuer === id)}>
            {(issuer) => (
              <IssuerDialog
                issuer={issuer()}
                onClose={close}
                onChange={() => void refetch()}
                onGone={() => {
                  close();
                  void refetch();
                }}
              />
            )}
          </Show>
        )}
      >
        <For each={rows()}>
          {(issuer) => (
            <tr>
              <td class="wide">
                <b>{issuer.name}</b>
                <div class="quiet-text">
                  <code>{issuer.issuer}</code>
                </div>
              </td>
              <td>
                <IssuerBadge issuer={issuer} />
              </td>
              <td>
                <StandingBadge certificate={{ not_after: issuer.not_after }} />
              </td>
              <td class="number">{formatDate(toMs(issuer.not_after))}</td>
              <OpenCell label={t('session.open')} of={issuer.name} open={() => setOpened(issuer.issuer)} />
            </tr>
          )}
        </For>
      </ListFrame>
      <Show when={window()} keyed>
        {(name) => <Windows window={name} close={() => open(undefined)} onChange={() => void refetch()} />}
      </Show>
    </section>
  );
}
