// Whether a certificate still counts.
import type { Time } from '../api.ts';
import { t } from '../i18n/index.ts';
import { toMs } from '../lib/format.ts';
import { now } from '../state/clock.ts';

const DAY_MS = 86_400_000;
const SOON_DAYS = 30;

export type Standing = 'good' | 'soon' | 'expired' | 'revoked';
interface Ending {
  state?: string;
  not_after: Time | null | undefined;
}

export function standingOf(certificate: Ending): Standing {
  if (certificate.state === 'revoked') return 'revoked';
  const left = toMs(certificate.not_after) - now();
  if (left <= 0) return 'expired';
  return left < SOON_DAYS * DAY_MS ? 'soon' : 'good';
}

export function StandingBadge(props: { certificate: Ending }) {
  const standing = () => standingOf(props.certificate);
  const days = () => Math.ceil((toMs(props.certificate.not_after) - now()) / DAY_MS);
  return (
    <span class={`state certificate-${standing()}`}>
      {standing() === 'soon' ? t('cert.days', { n: days() }) : t(`cert.${standing()}`)}
    </span>
  );
}
