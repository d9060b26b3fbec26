// Queries to begin with: those of "On the simulated site" in docs/guide/queries.md.
import type { TextKey } from '../i18n/index.ts';

export const EXAMPLES: readonly { name: TextKey; sql: string }[] = [
  {
    name: 'query.example.mean',
    sql: `SELECT time_bucket('1 minute', time) AS minute, device, avg(temperature) AS temperature
FROM points
WHERE device LIKE 'press-%' AND time >= now() - INTERVAL '1 hour'
GROUP BY minute, device ORDER BY minute`,
  },
  {
    name: 'query.example.last',
    sql: `SELECT device, last(temperature, time) AS temperature
FROM points
GROUP BY device HAVING temperature IS NOT NULL ORDER BY temperature DESC`,
  },
  {
    name: 'query.example.newest',
    sql: `SELECT time, device, channel, value, text, unit
FROM samples
WHERE time >= now() - INTERVAL '1 minute' ORDER BY time DESC LIMIT 50`,
  },
  {
    name: 'query.example.range',
    sql: `SELECT channel, min(value) AS least, avg(value) AS mean, max(value) AS greatest, percentile(value, 0.95) AS p95
FROM samples
WHERE time >= now() - INTERVAL '1 hour' GROUP BY channel ORDER BY channel`,
  },
  {
    name: 'query.example.gaps',
    sql: `SELECT time_bucket_gapfill('10 seconds', time) AS t, interpolate(avg(temperature)) AS temperature
FROM points
WHERE device = 'press-01' AND time >= now() - INTERVAL '10 minutes'
GROUP BY t ORDER BY t`,
  },
  {
    name: 'query.example.energy',
    sql: `SELECT device, increase(energy) AS used
FROM points
WHERE time >= now() - INTERVAL '1 day' GROUP BY device HAVING used IS NOT NULL ORDER BY used DESC`,
  },
  {
    name: 'query.example.busy',
    sql: `SELECT device, count(*) AS samples
FROM samples
WHERE time >= now() - INTERVAL '1 hour' GROUP BY device ORDER BY samples DESC LIMIT 10`,
  },
  {
    name: 'query.example.things',
    sql: `SELECT type, state, count(*) AS things
FROM things GROUP BY type, state ORDER BY things DESC`,
  },
];
