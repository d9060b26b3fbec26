// InfluxDB and VictoriaMetrics as peers of bench/tsbs.mjs: servers of their own in temporary folders, and what of the 12 queries
// their languages can say. Their answers are not compared: buckets without an end, joins of series and floors differ too much.
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../tests/e2e/lib/mosquitto_server.mjs';
import { Program, until } from '../tests/e2e/lib/program.mjs';
import { temporaryFolder } from '../tests/e2e/lib/server.mjs';
import { lineOf, START } from '../tests/e2e/lib/tsbs.mjs';

const BATCH = 3000;

/** Takes lines, so many a request. */
class LineServer {
  lines = [];
  /** A promise where something is sent. */
  take(record) {
    this.lines.push(lineOf(record));
    return this.lines.length === BATCH ? this.flush() : undefined;
  }
  async flush() {
    const answer = await fetch(`http://127.0.0.1:${this.port}${this.path}`, { method: 'POST', body: this.lines.splice(0).join('\n') });
    if (answer.status !== 204) throw new Error(`${this.name}: ${answer.status} ${await answer.text()}`);
  }
  get pid() {
    return this.server.pid;
  }
}

export class InfluxDb extends LineServer {
  name = 'influxdb';
  side = 'influx';
  path = '/write?db=tsbs';
  static program = '/usr/bin/influxd';
  static isThere = () => existsSync(InfluxDb.program);

  async start() {
    const folder = temporaryFolder('influxdb');
    this.port = await freePort();
    const file = join(folder, 'influxdb.conf');
    writeFileSync(
      file,
      `reporting-disabled = true\nbind-address = "127.0.0.1:${await freePort()}"\n[meta]\ndir = "${folder}/meta"\n[data]\ndir = "${folder}/data"
wal-dir = "${folder}/wal"\nmax-values-per-tag = 0\n[http]\nbind-address = "127.0.0.1:${this.port}"\nlog-enabled = false\n`,
    );
    this.server = new Program(InfluxDb.program, ['-config', file]);
    await until(() => this.query('CREATE DATABASE tsbs').catch(() => false), 'InfluxDB answers', { timeout: 60_000 });
  }
  async query(text) {
    const answer = await fetch(`http://127.0.0.1:${this.port}/query?db=tsbs&epoch=s`, { method: 'POST', body: new URLSearchParams({ q: text }) });
    const json = await answer.json();
    const error = json.error ?? json.results[0].error;
    if (error) throw new Error(`${text}: ${error}`);
    return json.results;
  }
  async rows(text) {
    const [{ series = [] }] = await this.query(text);
    return series.flatMap((one) => one.values);
  }
}

export class VictoriaMetrics extends LineServer {
  name = 'victoria-metrics';
  side = 'metrics';
  path = '/write';
  static program = '/usr/bin/victoria-metrics';
  static isThere = () => existsSync(VictoriaMetrics.program);

  async start() {
    this.port = await freePort();
    this.server = new Program(VictoriaMetrics.program, [
      `-storageDataPath=${temporaryFolder('victoria')}`,
      `-httpListenAddr=127.0.0.1:${this.port}`,
      '-retentionPeriod=100y',
      '-search.maxUniqueTimeseries=1000000',
    ]);
    const isUp = () => fetch(`http://127.0.0.1:${this.port}/health`).then((answer) => answer.ok, () => false);
    await until(isUp, 'VictoriaMetrics answers', { timeout: 60_000 });
  }
  /** What was taken is there for queries. */
  async settle() {
    await fetch(`http://127.0.0.1:${this.port}/internal/force_flush`);
  }
  async rows([text, time]) {
    const parameters = new URLSearchParams({ query: text, time: String(time), nocache: '1' });
    const answer = await fetch(`http://127.0.0.1:${this.port}/api/v1/query`, { method: 'POST', body: parameters });
    const json = await answer.json();
    if (json.status !== 'success') throw new Error(`${text}: ${json.error}`);
    return json.data.result;
  }
}

function influxQueries(hours, fleet) {
  const time = (seconds) => `${START + seconds}s`;
  const seconds = hours * 3600;
  const between = (from, to) => `time >= ${time(from)} AND time < ${time(to)}`;
  const all = between(0, seconds);
  const quarter = seconds / 4;
  const ofFleet = `fleet = '${fleet}'`;
  const driven = (where, by) => `SELECT mean(velocity) AS v FROM readings WHERE ${where} GROUP BY time(10m), ${by}`;
  const sessions = (range, parts) =>
    `SELECT * FROM (SELECT count(v) AS n FROM (${driven(`${ofFleet} AND ${range}`, '"name", driver')}) WHERE v > 1 AND ${range}
     GROUP BY "name", driver) WHERE n > ${parts}`;
  return {
    'last-loc': `SELECT last(longitude), last(latitude) FROM readings WHERE ${ofFleet} GROUP BY "name", driver`,
    'low-fuel': `SELECT * FROM (SELECT last(fuel_state) AS fuel FROM "diagnostics" WHERE ${ofFleet} GROUP BY "name", driver) WHERE fuel < 0.1`,
    'high-load': `SELECT * FROM (SELECT last(current_load) / last(load_capacity) AS load FROM "diagnostics" WHERE ${ofFleet}
      GROUP BY "name", driver) WHERE load > 0.9`,
    'stationary-trucks': `SELECT * FROM (SELECT mean(velocity) AS v FROM readings WHERE ${ofFleet} AND ${between(seconds / 2, seconds / 2 + 600)}
      GROUP BY "name", driver) WHERE v < 1`,
    'long-driving-sessions': sessions(between(quarter, quarter + Math.min(4 * 3600, seconds / 2)), 22),
    'long-daily-sessions': sessions(all, 60),
    'avg-vs-projected-fuel-consumption':
      'SELECT mean(fuel_consumption), mean(nominal_fuel_consumption) FROM readings WHERE velocity > 1 GROUP BY fleet',
    'avg-daily-driving-duration': `SELECT mean(hours) FROM (SELECT count(v) / 6 AS hours FROM (${driven(all, 'fleet, "name", driver')})
      WHERE v > 1 AND ${all} GROUP BY time(1d), fleet, "name", driver) WHERE ${all} GROUP BY fleet, "name", driver`,
    'avg-load': `SELECT mean(load) FROM (SELECT mean(current_load) / max(load_capacity) AS load FROM "diagnostics" GROUP BY "name", fleet, model)
      GROUP BY fleet, model`,
    'daily-activity': `SELECT sum(n) FROM (SELECT n FROM (SELECT count(status) AS n, mean(status) AS s FROM "diagnostics" WHERE ${all}
      GROUP BY time(10m), fleet, model) WHERE s < 1 AND ${all}) WHERE ${all} GROUP BY time(1d), fleet, model`,
  };
}

/** With the time at which they are asked. */
function metricsQueries(hours, fleet) {
  const seconds = hours * 3600;
  const end = START + seconds;
  const ofFleet = `{fleet="${fleet}"}`;
  const all = `${seconds}s`;
  const long = Math.min(4 * 3600, seconds / 2);
  const driven = (series, span) => `count_over_time((avg_over_time(${series}[10m]) > 1)[${span}:10m])`;
  const velocity = `readings_velocity${ofFleet}`;
  return {
    'last-loc': [`last_over_time({__name__=~"readings_(longitude|latitude)", fleet="${fleet}"}[${all}])`, end],
    'low-fuel': [`last_over_time(diagnostics_fuel_state${ofFleet}[${all}]) < 0.1`, end],
    'high-load': [
      `last_over_time(diagnostics_current_load${ofFleet}[${all}]) / last_over_time(diagnostics_load_capacity${ofFleet}[${all}]) > 0.9`,
      end,
    ],
    'stationary-trucks': [`avg_over_time(${velocity}[10m]) < 1`, START + seconds / 2 + 600],
    'long-driving-sessions': [`${driven(velocity, `${long}s`)} > 22`, START + seconds / 4 + long],
    'long-daily-sessions': [`${driven(velocity, all)} > 60`, end],
    'avg-vs-projected-fuel-consumption': [
      `avg by (fleet) (avg_over_time((readings_fuel_consumption and readings_velocity > 1)[${all}:10s]))`,
      end,
    ],
    'avg-daily-driving-duration': [`floor(${driven('readings_velocity', all)} / 6)`, end],
    'avg-load': [
      `avg by (fleet, model) (avg_over_time(diagnostics_current_load[${all}]) / max_over_time(diagnostics_load_capacity[${all}]))`,
      end,
    ],
    'daily-activity': [
      `sum_over_time((sum by (fleet, model) (count_over_time(diagnostics_status[10m]))
        and avg by (fleet, model) (avg_over_time(diagnostics_status[10m])) < 1)[${all}:10m]) / 144`,
      end,
    ],
  };
}

/** {side: {name: query}} */
export const peerQueries = ({ hours, fleet = 'South' }) => ({
  influx: influxQueries(hours, fleet),
  metrics: metricsQueries(hours, fleet),
});
