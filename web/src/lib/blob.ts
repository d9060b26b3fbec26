// Large binaries as texts refer to them.

/** The id in a value "blob:sha256-..."; undefined: it is another text. */
export function blobOf(text: string): string | undefined {
  return /^blob:(sha256-[0-9a-f]{64})$/.exec(text)?.[1];
}

/** What the server serves as a picture. */
export function isPicture(mediaType: string): boolean {
  return /^image\/(avif|bmp|gif|jpeg|png|webp)$/.test(mediaType);
}
