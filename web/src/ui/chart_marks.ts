// What is drawn behind the lines of a chart: bands in which values were expected, and times at which something was unusual.
import type uPlot from 'uplot';
import type { Severity } from '../api.ts';

export interface Mark {
  from: number; // Unix ms
  /** Unset: it lasts. */
  to: number | undefined;
  severity: Severity;
  text: string;
}
/** Where values were expected, oldest first; an end that is unset is not bounded. */
export interface Band {
  time: number[]; // Unix ms
  low: (number | undefined)[];
  high: (number | undefined)[];
  color: number;
}

const LEAST_WIDTH = 3;

export const marksAt = (marks: readonly Mark[], at: number, slack: number): Mark[] =>
  marks.filter(({ from, to }) => at >= from - slack && at <= (to ?? Infinity) + slack);

function inPlot(u: uPlot, draw: (context: CanvasRenderingContext2D) => void): void {
  const { left, top, width, height } = u.bbox;
  u.ctx.save();
  u.ctx.beginPath();
  u.ctx.rect(left, top, width, height);
  u.ctx.clip();
  draw(u.ctx);
  u.ctx.restore();
}

/** A band goes on as it last was to the right edge. */
export function drawBands(u: uPlot, bands: readonly Band[], colorOf: (color: number) => string, to: number): void {
  const { top, height } = u.bbox;
  const x = (ms: number) => u.valToPos(ms / 1000, 'x', true);
  const y = (value: number | undefined, edge: number) => (value === undefined ? edge : u.valToPos(value, 'y', true));
  inPlot(u, (context) => {
    for (const { time, low, high, color } of bands) {
      if (time.length === 0) continue;
      context.beginPath();
      time.forEach((at, i) => context.lineTo(x(at), y(high[i], top)));
      context.lineTo(x(to), y(high.at(-1), top));
      context.lineTo(x(to), y(low.at(-1), top + height));
      for (let i = time.length - 1; i >= 0; i--) context.lineTo(x(time[i]!), y(low[i], top + height));
      context.closePath();
      context.globalAlpha = 0.14;
      context.fillStyle = colorOf(color);
      context.fill();
    }
  });
}

export function drawMarks(u: uPlot, marks: readonly Mark[], colorOf: (severity: Severity) => string, to: number): void {
  const { top, height } = u.bbox;
  inPlot(u, (context) => {
    for (const mark of marks) {
      const left = u.valToPos(mark.from / 1000, 'x', true);
      const right = u.valToPos((mark.to ?? to) / 1000, 'x', true);
      const width = Math.max(LEAST_WIDTH * devicePixelRatio, right - left);
      context.fillStyle = colorOf(mark.severity);
      context.globalAlpha = 0.16;
      context.fillRect(left, top, width, height);
      context.globalAlpha = 1;
      context.fillRect(left, top, width, LEAST_WIDTH * devicePixelRatio);
    }
  });
}
