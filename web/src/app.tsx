// Who is signed in decides between the door and the house; the route decides the room.
import { createEffect, lazy, Match, on, onMount, Suspense, Switch } from 'solid-js';
import { t, type TextKey } from './i18n/index.ts';
import { Door } from './pages/door.tsx';
import { Overview } from './pages/overview.tsx';
import { BROKER_PAGES, DATA_PAGES, route, SECURITY_PAGES } from './router.ts';
import { access, resume } from './state/session.ts';
import { Shell } from './shell.tsx';
import { Loading, Problem } from './ui/parts.tsx';
import { Toasts } from './ui/toast.tsx';

const Device = lazy(() => import('./pages/device.tsx'));
const Alarms = lazy(() => import('./pages/alarms.tsx'));
const Things = lazy(() => import('./pages/things.tsx'));
const Rules = lazy(() => import('./pages/rules.tsx'));
const Connections = lazy(() => import('./pages/connections.tsx'));
const Retained = lazy(() => import('./pages/retained.tsx'));
const Groups = lazy(() => import('./pages/groups.tsx'));
const Bridges = lazy(() => import('./pages/bridges.tsx'));
const Trace = lazy(() => import('./pages/trace.tsx'));
const Status = lazy(() => import('./pages/status.tsx'));
const Certificates = lazy(() => import('./pages/certificates.tsx'));
const Authorities = lazy(() => import('./pages/authorities.tsx'));
const Enrolment = lazy(() => import('./pages/enrolment.tsx'));
const Quarantine = lazy(() => import('./pages/quarantine.tsx'));
const Policies = lazy(() => import('./pages/policies.tsx'));
const ThingGroups = lazy(() => import('./pages/thing_groups.tsx'));
const Accounts = lazy(() => import('./pages/accounts.tsx'));
const Attacks = lazy(() => import('./pages/attacks.tsx'));
const Audit = lazy(() => import('./pages/audit.tsx'));
const Query = lazy(() => import('./pages/query.tsx'));
const Derived = lazy(() => import('./pages/derived.tsx'));
const Storage = lazy(() => import('./pages/storage.tsx'));
const Me = lazy(() => import('./pages/me.tsx'));

function Page() {
  const deviceName = () => {
    const at = route();
    return at.page === 'device' ? at.name : undefined;
  };
  return (
    <Suspense fallback={<Loading />}>
      <Switch fallback={<Problem text={t('notfound')} />}>
        <Match when={route().page === 'overview' || route().page === 'claim'}>
          <Overview />
        </Match>
        <Match when={deviceName()} keyed>
          {(name) => <Device name={name} />}
        </Match>
        <Match when={route().page === 'alarms'}>
          <Alarms />
        </Match>
        <Match when={route().page === 'things'}>
          <Things />
        </Match>
        <Match when={route().page === 'rules'}>
          <Rules />
        </Match>
        <Match when={route().page === 'connections'}>
          <Connections />
        </Match>
        <Match when={route().page === 'retained'}>
          <Retained />
        </Match>
        <Match when={route().page === 'groups'}>
          <Groups />
        </Match>
        <Match when={route().page === 'bridges'}>
          <Bridges />
        </Match>
        <Match when={route().page === 'trace'}>
          <Trace />
        </Match>
        <Match when={route().page === 'status'}>
          <Status />
        </Match>
        <Match when={route().page === 'certificates'}>
          <Certificates />
        </Match>
        <Match when={route().page === 'authorities'}>
          <Authorities />
        </Match>
        <Match when={route().page === 'quarantine'}>
          <Quarantine />
        </Match>
        <Match when={route().page === 'me'}>
          <Me />
        </Match>
        <Match when={route().page === 'enrolment'}>
          <Enrolment />
        </Match>
        <Match when={route().page === 'policies'}>
          <Policies />
        </Match>
        <Match when={route().page === 'thing-groups'}>
          <ThingGroups />
        </Match>
        <Match when={route().page === 'accounts'}>
          <Accounts />
        </Match>
        <Match when={route().page === 'attacks'}>
          <Attacks />
        </Match>
        <Match when={route().page === 'query'}>
          <Query />
        </Match>
        <Match when={route().page === 'derived'}>
          <Derived />
        </Match>
        <Match when={route().page === 'storage'}>
          <Storage />
        </Match>
        <Match when={route().page === 'audit'}>
          <Audit />
        </Match>
      </Switch>
    </Suspense>
  );
}

function titleOf(): string {
  const at = route();
  if (at.page === 'device') return at.name;
  if (at.page === 'claim' || at.page === 'unknown') return '';
  if (at.page === 'me') return t('me');
  const tab = [...BROKER_PAGES.slice(1), ...DATA_PAGES, ...SECURITY_PAGES].find((page) => page === at.page);
  return tab ? t(`tab.${tab}`) : t(`nav.${at.page}` as TextKey);
}

export function App() {
  onMount(() => void resume());
  createEffect(() => {
    const title = titleOf();
    document.title = title ? `${title} · Dunlin` : 'Dunlin';
  });
  createEffect(on(route, () => scrollTo(0, 0), { defer: true }));
  return (
    <>
      <Switch>
        <Match when={access().state === 'unknown'}>
          <Loading />
        </Match>
        <Match when={access().state === 'unreachable'}>
          <Problem text={t('unreachable')} retry={() => void resume()} />
        </Match>
        <Match when={access().state === 'out'}>
          <Door />
        </Match>
        <Match when={access().state === 'in'}>
          <Shell>
            <Page />
          </Shell>
        </Match>
      </Switch>
      <Toasts />
    </>
  );
}
