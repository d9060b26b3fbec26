// The empty overview says exactly what to do next.
import { t } from '../i18n/index.ts';
import { CopyBox } from '../ui/parts.tsx';

const host = () => location.hostname || 'localhost';

export function FirstSteps() {
  const create = 'dunlin thing create --name my-device --type sensor\ndunlin thing token my-device';
  const send = `mosquitto_pub -h ${host()} -p 1883 -i my-device -u my-device -P TOKEN \\\n  -t demo/home/sensor/my-device/temperature -m 21.5`;
  return (
    <section class="first-steps">
      <img src="/icon.svg" alt="" width="72" height="72" />
      <h2>{t('first.title')}</h2>
      <p>{t('first.text')}</p>
      <ol>
        <li>
          <h3>{t('first.create')}</h3>
          <CopyBox text={create} label={t('first.create')} />
          <p class="quiet-text">
            {t('first.create.or')} <a href="#/things">{t('nav.things')}</a>.
          </p>
        </li>
        <li>
          <h3>{t('first.send')}</h3>
          <CopyBox text={send} label={t('first.send')} />
        </li>
        <li>
          <h3>{t('first.watch')}</h3>
          <p class="quiet-text">{t('first.watch.text')}</p>
        </li>
      </ol>
      <p class="quiet-text">{t('first.sim')}</p>
      <CopyBox text="dunlin up" label={t('first.sim')} />
    </section>
  );
}
