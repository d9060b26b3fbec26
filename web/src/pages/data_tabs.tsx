import { t } from '../i18n/index.ts';
import { DATA_PAGES } from '../router.ts';
import { Tabs } from '../ui/tabs.tsx';

/** The views of what is stored. */
export const DataTabs = () => <Tabs label={t('nav.query')} pages={DATA_PAGES} />;
