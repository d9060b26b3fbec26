// Whose certificates count: our own authority, and those of others that are registered here.
import { PageHead } from '../ui/parts.tsx';
import { t } from '../i18n/index.ts';
import { OtherAuthorities } from './other_authorities.tsx';
import { OwnAuthority } from './own_authority.tsx';
import { SecurityTabs } from './security_tabs.tsx';
import '../styles/security.css';

export default function Authorities() {
  return (
    <>
      <PageHead title={t('nav.certificates')}>
        <SecurityTabs />
      </PageHead>
      <OwnAuthority />
      <OtherAuthorities />
    </>
  );
}
