// A share of a whole as a bar.

/** `share` is between 0 and 1. */
export function Bar(props: { share: number; label: string }) {
  return (
    <svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label={props.label}>
      <rect x="0" y="0" width={Math.max(0, Math.min(1, props.share)) * 100} height="8" />
    </svg>
  );
}
