import { t } from '../i18n/index.ts';
import { BROKER_PAGES } from '../router.ts';
import { Tabs } from '../ui/tabs.tsx';

/** The views of what goes through the broker. */
export const BrokerTabs = () => <Tabs label={t('nav.connections')} pages={BROKER_PAGES} />;
