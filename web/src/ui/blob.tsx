// A large binary as a link, and as a picture where it is one.
import { createSignal, Show } from 'solid-js';
import { blobs } from '../api_blobs.ts';
import { t } from '../i18n/index.ts';

/** Nothing where the server does not serve it as a picture, or has it no more. */
export function BlobPicture(props: { blob: string; of: string }) {
  const [broken, setBroken] = createSignal(false);
  return (
    <Show when={!broken()}>
      <img
        class="blob-picture"
        src={blobs.href(props.blob)}
        alt={t('blob.picture', { of: props.of })}
        loading="lazy"
        onError={() => setBroken(true)}
      />
    </Show>
  );
}

/** A value that refers to one. */
export function BlobValue(props: { blob: string; of: string }) {
  return (
    <a class="blob-value" href={blobs.href(props.blob)} download="">
      <BlobPicture blob={props.blob} of={props.of} />
      {t('blob.link')}
      <span class="visually-hidden"> {props.of}</span>
    </a>
  );
}
