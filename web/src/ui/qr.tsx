// A QR code that the server drew. As a picture, so that nothing of it is part of the page.
import { onCleanup } from 'solid-js';

export function QrCode(props: { svg: string; alt: string }) {
  const picture = URL.createObjectURL(new Blob([props.svg], { type: 'image/svg+xml' }));
  onCleanup(() => URL.revokeObjectURL(picture));
  return <img class="qr" alt={props.alt} src={picture} />;
}
