// Windows of two hours in the past, with as many points as are sealed at once, and what answers by the hour must say of them.
import assert from 'node:assert/strict';

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;
export const PER_WINDOW = 4200;
const APART = 1700; // milliseconds

/** Midnight (UTC) so many days ago. */
export const daysAgo = (days) => (Math.floor(Date.now() / DAY) - days) * DAY;

/** `machine/heat` of a device: a window that begins with an hour. */
export async function writeWindow(server, device, begin, valueAt) {
  const lines = Array.from({ length: PER_WINDOW }, (_, i) => `machine,thing=${device} heat=${valueAt(begin, i)} ${begin + i * APART}`);
  const answer = await server.request('POST', '/api/v2/write?org=o&bucket=b&precision=ms', {
    token: server.adminToken, body: lines.join('\n'), headers: { 'Content-Type': 'text/plain' },
  });
  assert.equal(answer.status, 204, answer.text);
}

/** What was measured, by device and hour. */
export class Measured {
  static SQL = `SELECT device, time_bucket('1 hour', time) AS t, count(heat), sum(heat), min(heat), max(heat), first(heat, time), last(heat, time)
    FROM machine GROUP BY device, t ORDER BY device, t`;
  #hours = new Map();

  /** Whole numbers, so that sums are exact. */
  static valueAt(begin, i) {
    return (Math.round(begin / HOUR) % 1000) + ((i * 31) % 500);
  }

  /** Written again it changes nothing. */
  async write(server, device, begin) {
    await writeWindow(server, device, begin, Measured.valueAt);
    for (const hour of [begin, begin + HOUR]) {
      const values = [];
      for (let i = 0; i < PER_WINDOW; i++) if (Math.floor((begin + i * APART) / HOUR) * HOUR === hour) values.push(Measured.valueAt(begin, i));
      const time = new Date(hour).toISOString().replace('.000', '');
      const sum = values.reduce((all, value) => all + value, 0);
      this.#hours.set(`${device} ${time}`, [device, time, values.length, sum, Math.min(...values), Math.max(...values), values[0], values.at(-1)]);
    }
  }
  /** What was written of the day is deleted. */
  forget(device, day) {
    const date = new Date(day).toISOString().slice(0, 10);
    for (const key of this.#hours.keys()) if (key.startsWith(`${device} ${date}`)) this.#hours.delete(key);
  }
  /** The rows that Measured.SQL must give. */
  get rows() {
    return [...this.#hours].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
  }
}
