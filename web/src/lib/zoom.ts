// Windows of time in a chart: looking closer, farther, and to either side. All times are Unix milliseconds.

export type Window = readonly [from: number, to: number];

export const MIN_SPAN = 60_000;
export const MAX_SPAN = 10 * 366 * 86_400_000;

/** Its span between the bounds, its end not after `now`, its begin not before 1970; what is shown moves as little as that allows. */
function bounded([from, to]: Window, now: number): Window {
  const span = Math.min(MAX_SPAN, now, Math.max(MIN_SPAN, to - from));
  const middle = (from + to) / 2;
  const end = Math.min(now, Math.max(span, middle + span / 2));
  return [end - span, end];
}

/** Shows `factor` times as much (under 1: closer) around the time at `share` of the width, which stays where it is. */
export function zoomed([from, to]: Window, factor: number, share: number, now: number): Window {
  const span = Math.min(MAX_SPAN, Math.max(MIN_SPAN, (to - from) * factor));
  const still = from + (to - from) * share;
  return bounded([still - span * share, still + span * (1 - share)], now);
}

/** Moves by a share of its width; to the left under 0. */
export function moved([from, to]: Window, share: number, now: number): Window {
  const by = (to - from) * share;
  return bounded([from + by, to + by], now);
}

/** The window a key asks for; undefined where it asks for none. */
export function windowOfKey(key: string, window: Window, now: number): Window | undefined {
  switch (key) {
    case '+':
    case '=':
      return zoomed(window, 0.5, 0.5, now);
    case '-':
      return zoomed(window, 2, 0.5, now);
    case 'ArrowLeft':
      return moved(window, -0.25, now);
    case 'ArrowRight':
      return moved(window, 0.25, now);
    default:
      return undefined;
  }
}
