// The data and queries of TSBS's IoT case, in small, with ClickHouse as the oracle: counts are the same, averages to 1e-9.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { ClickHouse } from './lib/clickhouse.mjs';
import { start } from './lib/server.mjs';
import { differenceOf, lineOf, queries, records, rowOf, tableFor } from './lib/tsbs.mjs';

const TRUCKS = 24;
const HOURS = 5.4; // then many a tank is empty
const WANTED = queries({ hours: HOURS, long: 9, daily: 20 });
let server;
let oracle;

before(async () => {
  [server, oracle] = await Promise.all([start(), ClickHouse.start()]);
  const lines = [];
  const rows = { readings: [], diagnostics: [] };
  for (const record of records({ trucks: TRUCKS, ticks: HOURS * 360, seed: 5 })) {
    lines.push(lineOf(record));
    rows[record.table].push(rowOf(record));
  }
  for (const table of ['readings', 'diagnostics']) {
    await oracle.query(tableFor(table));
    await oracle.query(`INSERT INTO ${table} FORMAT TabSeparated`, rows[table].join('\n'));
  }
  for (let i = 0; i < lines.length; i += 2000) {
    const body = lines.slice(i, i + 2000).join('\n');
    const headers = { 'content-type': 'text/plain' };
    const answer = await server.request('POST', '/api/v2/write?precision=ns', { token: server.adminToken, body, headers });
    assert.equal(answer.status, 204, answer.text);
  }
});

describe('answers equal those of ClickHouse', () => {
  const filled = new Set();
  for (const [name, { ours, theirs }] of Object.entries(WANTED)) {
    test(name, async () => {
      const answer = await server.api('POST', '/api/series/query', { sql: ours });
      assert.equal(differenceOf(answer.rows, await oracle.rows(theirs)), undefined);
      if (answer.rows.length > 0) filled.add(name);
    });
  }

  test('most of them have rows to compare', () => {
    assert(filled.size >= 9, `only ${[...filled]}`);
  });

  test('last values are not read from the disk', async () => {
    const { points_read } = await server.api('POST', '/api/series/query', { sql: WANTED['last-loc'].ours });
    assert.equal(points_read, 0);
  });
});
