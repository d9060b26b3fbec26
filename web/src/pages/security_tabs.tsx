import { t } from '../i18n/index.ts';
import { SECURITY_PAGES } from '../router.ts';
import { Tabs } from '../ui/tabs.tsx';

/** The views of who may enter and what was done. */
export const SecurityTabs = () => <Tabs label={t('nav.certificates')} pages={SECURITY_PAGES} />;
