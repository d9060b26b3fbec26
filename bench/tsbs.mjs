#!/usr/bin/env node
// TSBS's IoT case: the same trucks in Dunlin, ClickHouse, InfluxDB and VictoriaMetrics (those that are installed), and the 12
// queries in turns.
//
// Usage: node bench/tsbs.mjs [--trucks 400] [--hours 24] [--rounds 5] [--out results.json] [--only query]
// DUNLIN_BINARY names the program (build/dunlin). All are asked over HTTP; what counts of a query is the median of the rounds
// until the whole answer is there. Answers are compared with ClickHouse's. Exit status: 0 when all are the same.
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { ClickHouse } from '../tests/e2e/lib/clickhouse.mjs';
import { start } from '../tests/e2e/lib/server.mjs';
import { InfluxDb, peerQueries, VictoriaMetrics } from './tsbs_peers.mjs';
import { differenceOf, lineOf, queries, records, rowOf, tableFor } from '../tests/e2e/lib/tsbs.mjs';

const BATCH = 3000;
const TICKS_PER_SECOND = 100;
const { values: options } = parseArgs({
  options: {
    trucks: { type: 'string', default: '400' },
    hours: { type: 'string', default: '24' },
    rounds: { type: 'string', default: '5' },
    only: { type: 'string' },
    out: { type: 'string' },
  },
});
const [trucks, hours, rounds] = [options.trucks, options.hours, options.rounds].map(Number);

function cpuSeconds(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
const residentMegabytes = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;

class Dunlin {
  name = 'dunlin';
  side = 'ours';
  async start() {
    this.server = await start();
    this.pid = this.server.pid;
    this.lines = [];
  }
  /** A promise where something is sent. */
  take(record) {
    this.lines.push(lineOf(record));
    return this.lines.length === BATCH ? this.flush() : undefined;
  }
  async flush() {
    const body = this.lines.splice(0).join('\n');
    const answer = await this.post('/api/v2/write?precision=ns', body, 'text/plain');
    if (answer.status !== 204) throw new Error(`the lines were refused: ${answer.status} ${await answer.text()}`);
  }
  post(path, body, type) {
    const headers = { authorization: `Bearer ${this.server.adminToken}`, 'content-type': type };
    return fetch(`http://127.0.0.1:${this.server.ports.http}${path}`, { method: 'POST', body, headers });
  }
  async rows(sql) {
    const answer = await this.post('/api/series/query', JSON.stringify({ sql }), 'application/json');
    const json = await answer.json();
    if (!answer.ok) throw new Error(json.error.message);
    return json.rows;
  }
}

class Oracle {
  name = 'clickhouse';
  side = 'theirs';
  async start() {
    this.server = await ClickHouse.start();
    this.pid = this.server.pid;
    this.tables = { readings: [], diagnostics: [] };
    for (const table of Object.keys(this.tables)) await this.server.query(tableFor(table));
  }
  take(record) {
    const rows = this.tables[record.table];
    rows.push(rowOf(record));
    return rows.length === BATCH ? this.flush() : undefined;
  }
  async flush() {
    for (const [table, rows] of Object.entries(this.tables)) {
      if (rows.length > 0) await this.server.query(`INSERT INTO ${table} FORMAT TabSeparated`, rows.splice(0).join('\n'));
    }
  }
  rows(sql) {
    return this.server.rows(sql);
  }
}

async function load(engine) {
  const cpu = cpuSeconds(engine.pid);
  let count = 0;
  let points = 0;
  for (const record of records({ trucks, ticks: hours * 360, seed: 1 })) {
    count += 1;
    points += Object.keys(record.fields).length;
    const sent = engine.take(record);
    if (sent) await sent;
  }
  await engine.flush();
  await engine.settle?.();
  const used = cpuSeconds(engine.pid) - cpu;
  return { records: count, points, cpu_seconds: used, points_per_cpu_second: Math.round(points / used), resident_mb: Math.round(residentMegabytes(engine.pid)) };
}

const median = (times) => times.sort((a, b) => a - b)[Math.floor(times.length / 2)];

async function main() {
  const engines = [new Dunlin(), new Oracle(), ...[InfluxDb, VictoriaMetrics].filter((peer) => peer.isThere()).map((Peer) => new Peer())];
  const peers = peerQueries({ hours });
  const results = { trucks, hours, load: {}, queries: {} };
  for (const engine of engines) {
    await engine.start();
    results.load[engine.name] = await load(engine);
    console.log(engine.name, JSON.stringify(results.load[engine.name]));
  }
  let different = 0;
  for (const [name, sides] of Object.entries(queries({ hours }))) {
    if (options.only && options.only !== name) continue;
    const times = {};
    const cpu = {}; // milliseconds a query, by ticks of ten
    const answers = {};
    for (let round = 0; round < rounds; round++) {
      for (const engine of engines) {
        const query = sides[engine.side] ?? peers[engine.side][name];
        if (!query) continue;
        const [began, used] = [performance.now(), cpuSeconds(engine.pid)];
        answers[engine.name] = await engine.rows(query);
        (times[engine.name] ??= []).push(performance.now() - began);
        cpu[engine.name] = (cpu[engine.name] ?? 0) + ((cpuSeconds(engine.pid) - used) * 1000) / rounds;
      }
    }
    const difference = differenceOf(answers.dunlin, answers.clickhouse);
    if (difference) different += 1;
    const milliseconds = Object.fromEntries(Object.entries(times).map(([engine, list]) => [engine, Number(median(list).toFixed(1))]));
    const rows = Object.fromEntries(Object.entries(answers).map(([engine, list]) => [engine, list.length]));
    results.queries[name] = { rows, milliseconds, cpu_milliseconds: cpu, difference };
    console.log(name.padEnd(36), JSON.stringify(milliseconds), JSON.stringify(Object.values(rows)), difference ?? 'the same');
  }
  if (options.out) writeFileSync(options.out, `${JSON.stringify(results, null, 2)}\n`);
  for (const engine of engines) await engine.server.stop();
  process.exit(different === 0 ? 0 : 1);
}

await main();
