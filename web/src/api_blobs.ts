// The part of the HTTP API about large binaries.
import { at, call } from './api.ts';

export interface Blob {
  /** "sha256-" and 64 digits. */
  blob: string;
  size: number;
  /** Whose it is; empty: no device's. */
  device: string;
  media_type: string;
  name: string;
  put_by: string;
  created: string;
  /** Unset: it is kept for ever. */
  expires?: string;
}
export interface BlobPage {
  blobs: Blob[];
  /** `after` of the page that follows; it may follow a short one. */
  next?: string;
}
export interface BlobUsage {
  blobs: number;
  bytes: number;
  max_blobs: number;
  max_bytes: number;
  disk_blobs: number;
  disk_bytes: number;
}
const ROWS = 50;

export const blobs = {
  /** Of a device, the newest first. */
  list: (device?: string, after?: string) =>
    call<BlobPage>('GET', '/api/blobs', undefined, { device: device || undefined, after, limit: ROWS }),
  usage: () => call<BlobUsage>('GET', '/api/blobs/usage'),
  remove: ({ blob, device }: Blob) => call<{ removed: number }>('DELETE', at('blobs', blob), undefined, { device }),
  href: (blob: string) => at('blobs', blob),
};
