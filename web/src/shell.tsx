// The frame around every page: navigation, state of the live link, theme, sign-out.
import { createSignal, For, Show, type JSX } from 'solid-js';
import { t, type TextKey } from './i18n/index.ts';
import { BROKER_PAGES, DATA_PAGES, go, route, SECURITY_PAGES } from './router.ts';
import { now } from './state/clock.ts';
import { openAlarms } from './state/fleet.ts';
import { linkState, reconnectNow, retryAt } from './state/live.ts';
import { access, signOut } from './state/session.ts';
import { theme, toggleTheme } from './state/theme.ts';
import { Help } from './ui/help.tsx';
import { Icon, type IconName } from './ui/icon.tsx';
import { useKeys } from './ui/keyboard.ts';
import { Palette, type Entry } from './ui/palette.tsx';
import { attempt } from './ui/toast.tsx';

type PageName = 'overview' | 'alarms' | 'things' | 'rules' | 'query' | 'connections' | 'certificates' | 'status';
const PAGES: { page: PageName; hash: string; key: string }[] = [
  { page: 'overview', hash: '#/', key: 'g o' },
  { page: 'alarms', hash: '#/alarms', key: 'g a' },
  { page: 'things', hash: '#/things', key: 'g t' },
  { page: 'rules', hash: '#/rules', key: 'g r' },
  { page: 'query', hash: '#/query', key: 'g q' },
  { page: 'connections', hash: '#/connections', key: 'g c' },
  { page: 'certificates', hash: '#/certificates', key: 'g u' },
  { page: 'status', hash: '#/status', key: 'g s' },
];
const pageText = (page: PageName) => t(`nav.${page}` as TextKey);

function Navigation() {
  const active = (page: PageName) => route().page === page || (page === 'overview' && route().page === 'device') ||
    (page === 'query' && DATA_PAGES.some((tab) => tab === route().page)) ||
    (page === 'connections' && BROKER_PAGES.some((tab) => tab === route().page)) ||
    (page === 'certificates' && SECURITY_PAGES.some((tab) => tab === route().page));
  return (
    <nav class="nav" aria-label={t('nav')}>
      <For each={PAGES}>
        {({ page, hash, key }) => (
          <a href={hash} aria-current={active(page) ? 'page' : undefined} title={`${pageText(page)} (${key})`}>
            <Icon name={page as IconName} />
            <span>{pageText(page)}</span>
            <Show when={page === 'alarms' && openAlarms().length > 0}>
              <span class="nav-count" aria-label={t('alarms.open', { n: openAlarms().length })}>
                {openAlarms().length}
              </span>
            </Show>
          </a>
        )}
      </For>
    </nav>
  );
}

function LinkBadge() {
  return (
    <span class={`link ${linkState()}`} role="status">
      <i aria-hidden="true" />
      {t(`link.${linkState()}` as TextKey)}
    </span>
  );
}

function LostBanner() {
  const seconds = () => Math.max(0, Math.ceil(((retryAt() ?? 0) - now()) / 1000));
  return (
    <Show when={linkState() === 'reconnecting'}>
      <div class="banner" role="alert">
        <span>
          {t('link.lost')} {retryAt() && seconds() > 0 ? t('link.retry', { n: seconds() }) : ''}
        </span>
        <button type="button" class="button small" onClick={reconnectNow}>
          {t('link.now')}
        </button>
      </div>
    </Show>
  );
}

export function Shell(props: { children: JSX.Element }) {
  const [overlay, setOverlay] = createSignal<'palette' | 'help' | undefined>();
  // A window tells late that it closed: by then the other may be open.
  const closed = (which: 'palette' | 'help') => setOverlay((open) => (open === which ? undefined : open));
  useKeys({ palette: () => setOverlay('palette'), help: () => setOverlay('help'), theme: toggleTheme });
  const userName = () => {
    const who = access();
    return who.state === 'in' ? who.user.name : '';
  };
  const leave = () => attempt(signOut);
  const entries = (): Entry[] => [
    ...PAGES.map(({ page, hash, key }) => ({
      name: pageText(page),
      type: key,
      icon: page as IconName,
      run: () => go(hash),
    })),
    ...BROKER_PAGES.slice(1).map((tab) => ({
      name: t(`tab.${tab}`),
      type: tab === 'bridges' ? 'g b' : t('nav.connections'),
      icon: 'connections' as IconName,
      run: () => go(`#/${tab}`),
    })),
    { name: t('tab.derived'), type: 'g e', icon: 'query', run: () => go('#/derived') },
    { name: t('tab.storage'), type: 'g d', icon: 'query', run: () => go('#/storage') },
    ...SECURITY_PAGES.map((tab) => ({
      name: t(`tab.${tab}`),
      type: t('nav.certificates'),
      icon: 'certificates' as IconName,
      run: () => go(`#/${tab}`),
    })),
    { name: t('me'), type: 'g m', icon: 'person', run: () => go('#/me') },
    { name: t('theme.toggle'), type: 'd', icon: theme() === 'dark' ? 'sun' : 'moon', run: toggleTheme },
    { name: t('help.title'), type: '?', icon: 'help', run: () => setOverlay('help') },
    { name: t('signout'), type: userName(), icon: 'out', run: leave },
  ];
  return (
    <div class="shell">
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          document.getElementById('main')?.focus();
        }}
      >
        {t('skip')}
      </a>
      <aside class="side">
        <a class="brand" href="#/" aria-label={t('brand.home')}>
          <img src="/icon.svg" alt="" width="30" height="30" />
          <span>Dunlin</span>
        </a>
        <Navigation />
        <div class="side-foot">
          <LinkBadge />
          <div class="side-tools">
            <button
              type="button"
              class="button quiet square"
              aria-label={t('palette')}
              title={`${t('palette')} (Ctrl K)`}
              onClick={() => setOverlay('palette')}
            >
              <Icon name="command" />
            </button>
            <button
              type="button"
              class="button quiet square"
              aria-label={t('theme.toggle')}
              title={`${t('theme.toggle')} (d)`}
              onClick={toggleTheme}
            >
              <Icon name={theme() === 'dark' ? 'sun' : 'moon'} />
            </button>
            <button
              type="button"
              class="button quiet square only-wide"
              aria-label={t('help.title')}
              title={`${t('help.title')} (?)`}
              onClick={() => setOverlay('help')}
            >
              <Icon name="help" />
            </button>
            <a
              class="button quiet square"
              href="#/me"
              aria-label={t('me')}
              aria-current={route().page === 'me' ? 'page' : undefined}
              title={`${t('me')}: ${userName()} (g m)`}
            >
              <Icon name="person" />
            </a>
            <button
              type="button"
              class="button quiet square"
              aria-label={t('signout')}
              title={`${t('signout')}: ${userName()}`}
              onClick={leave}
            >
              <Icon name="out" />
            </button>
          </div>
        </div>
      </aside>
      <main id="main" tabindex="-1">
        <LostBanner />
        {props.children}
      </main>
      <Show when={overlay() === 'palette'}>
        <Palette actions={entries()} onClose={() => closed('palette')} />
      </Show>
      <Show when={overlay() === 'help'}>
        <Help onClose={() => closed('help')} />
      </Show>
    </div>
  );
}
