// Queries over what devices have published, by the API and the command line.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { connect, disconnectAll } from './lib/mqtt.mjs';
import { run, until } from './lib/program.mjs';
import { start } from './lib/server.mjs';

let server;

before(async () => {
  server = await start();
  for (let truck = 0; truck < 3; truck++) {
    const device = `truck-${truck}`;
    const thing = await server.thing(device, { type: 'truck', attributes: { fleet: truck === 2 ? 'North' : 'South' } });
    const client = await connect(server, thing, { clientId: device });
    for (let i = 0; i < 5; i++) {
      await client.publishAsync(`demo/road/truck/${device}/readings`, JSON.stringify({ velocity: truck * 10 + i, fuel: 0.5 }), { qos: 1 });
    }
    await client.publishAsync(`demo/road/truck/${device}/odometer`, JSON.stringify({ value: 100 + truck, t: 1_700_000_000_000 }), { qos: 1 });
  }
  await until(async () => (await query('SELECT count(*) FROM samples')).rows[0][0] === 33, 'all samples are stored');
});
after(disconnectAll);

const query = (sql, more = {}) => server.api('POST', '/api/series/query', { sql, ...more });

describe('the API', () => {
  test('joins the members of a message, with attributes of the thing', async () => {
    const answer = await query('SELECT fleet, count(*) AS n, max(velocity) FROM readings WHERE fuel = 0.5 GROUP BY fleet ORDER BY fleet');
    assert.deepEqual(answer.columns.map((column) => `${column.name} ${column.type}`), ['fleet text', 'n integer', 'max(velocity) number']);
    assert.deepEqual(answer.rows, [['North', 5, 24], ['South', 10, 14]]);
    assert.equal(answer.truncated, false);
    assert.equal(answer.points_read, 30);
  });

  test('answers last values from memory', async () => {
    const answer = await query('SELECT device, last(velocity, time) AS v FROM readings GROUP BY device ORDER BY v DESC LIMIT 2');
    assert.deepEqual(answer.rows, [['truck-2', 24], ['truck-1', 14]]);
    assert.equal(answer.points_read, 0);
  });

  test('shows times and things, and CSV', async () => {
    const { rows } = await query("SELECT time, device, odometer FROM points WHERE time = '2023-11-14 22:13:20' ORDER BY device LIMIT 1");
    assert.deepEqual(rows, [['2023-11-14T22:13:20Z', 'truck-0', 100]]);
    const { csv } = await query("SELECT name, fleet FROM things WHERE type = 'truck' ORDER BY name", { format: 'csv' });
    assert.equal(csv, 'name,fleet\r\ntruck-0,South\r\ntruck-1,South\r\ntruck-2,North\r\n');
  });

  test('cuts long answers and says so', async () => {
    const answer = await query('SELECT * FROM samples', { limit: 4 });
    assert.equal(answer.rows.length, 4);
    assert.equal(answer.truncated, true);
  });

  test('says where a query is wrong', async () => {
    const refused = async (sql) => {
      const { status, json } = await server.request('POST', '/api/series/query', { token: server.adminToken, body: { sql } });
      return `${status} ${json.error.code} ${json.error.message}`;
    };
    assert.match(await refused('SELECT velocity\nFROM readings WHERE'), /^400 malformed line 2, column 20: expected an expression but found the end$/);
    assert.match(await refused('SELECT speed FROM readings'), /^404 not_found line 1, column 8: there is no column "speed"; there are .*velocity/);
    assert.match(await refused('DROP TABLE readings'), /^400 malformed line 1, column 1: expected SELECT/);
  });

  test('is for those who may read series', async () => {
    assert.equal((await server.request('POST', '/api/series/query', { body: { sql: 'SELECT 1 FROM samples' } })).status, 401);
    const { name, password } = await server.user('eve');
    const login = await server.request('POST', '/api/session', { body: { user: name, password }, csrf: true, tls: true });
    const cookie = login.headers['set-cookie'][0].split(';')[0];
    const { status, json } = await server.request('POST', '/api/series/query', { cookie, csrf: true, tls: true, body: { sql: 'SELECT 1 FROM samples' } });
    assert.equal(`${status} ${json.error.code}`, '403 permission_denied');
  });
});

describe('rows while they are made', () => {
  const ROWS = 150_000;
  const url = (path) => `http://127.0.0.1:${server.ports.http}${path}`;
  const headers = () => ({ authorization: `Bearer ${server.adminToken}` });
  const ask = (sql, accept, options = {}, more = {}) =>
    fetch(url('/api/series/query'), {
      method: 'POST',
      headers: { ...headers(), 'content-type': 'application/json', accept },
      body: JSON.stringify({ sql, ...more }),
      ...options,
    });
  const running = async () => Number(/^dunlin_query_running (\d+)/m.exec(await (await fetch(url('/metrics'))).text())[1]);
  /** Reads the rows of a query, which are more than anybody keeps on the way, once the first have come. */
  const slow = async (accept, id) => {
    const answer = await ask(`SELECT time, x, '${'x'.repeat(400)}' FROM long`, accept, {}, { id });
    const reader = answer.body.getReader();
    await reader.read();
    return reader;
  };
  const rest = async (reader) => {
    let text = '';
    for (let part = await reader.read(); !part.done; part = await reader.read()) text += Buffer.from(part.value).toString();
    return text;
  };

  before(async () => {
    const lines = Array.from({ length: ROWS }, (_, i) => `long,name=press-${i % 3} x=${i % 50} ${1_700_000_000 + i}`);
    while (lines.length > 0) {
      const body = lines.splice(0, 15_000).join('\n');
      assert.equal((await fetch(url('/write?precision=s'), { method: 'POST', body, headers: headers() })).status, 204);
    }
  });

  test('come as NDJSON and as CSV, however many there are', async () => {
    const ndjson = await ask('SELECT device, x FROM long', 'application/x-ndjson');
    assert.equal(ndjson.headers.get('content-type'), 'application/x-ndjson; charset=utf-8');
    assert.equal(ndjson.headers.get('content-length'), null);
    const lines = (await ndjson.text()).trimEnd().split('\n');
    assert.equal(lines.length, ROWS + 2);
    assert.deepEqual(JSON.parse(lines[0]).columns.map(({ name }) => name), ['device', 'x']);
    assert.deepEqual(JSON.parse(lines.at(-1)), { end: { rows: ROWS, points_read: ROWS, chunks_by_summary: 0 } });
    const csv = await (await ask('SELECT device, x FROM long', 'text/csv, application/json;q=0.5')).text();
    assert.equal(csv.split('\r\n').length, ROWS + 2);
    assert.match(csv, /^device,x\r\npress-0,0\r\n/);
    const few = await (await ask('SELECT x FROM long', 'text/csv', {}, { limit: 2 })).text();
    assert.equal(few.split('\r\n').length, 4);
    assert.equal((await (await ask('SELECT 1 FROM long LIMIT 1', 'application/json, text/csv')).json()).rows.length, 1);
  });

  test('are the same to curl, also over HTTP/1.0', async () => {
    const curl = async (...options) => {
      const sent = ['-sS', '-X', 'POST', '-H', `Authorization: Bearer ${server.adminToken}`, '-H', 'Accept: text/csv', '-H', 'Content-Type: application/json'];
      const { stdout } = await run('curl', [...sent, ...options, '-d', '{"sql":"SELECT x FROM long"}', url('/api/series/query')]);
      return stdout;
    };
    const csv = await curl();
    assert.equal(csv.split('\r\n').length, ROWS + 2);
    assert.equal(await curl('--http1.0'), csv);
  });

  test('are refused in JSON before the first of them', async () => {
    for (const [sql, status, code] of [['SELECT FROM long', 400, 'malformed'], ['SELECT nothing FROM long', 404, 'not_found']]) {
      const answer = await ask(sql, 'text/csv');
      assert.equal(`${answer.status} ${(await answer.json()).error.code}`, `${status} ${code}`);
    }
    const nobody = await fetch(url('/api/series/query'), { method: 'POST', headers: { accept: 'text/csv', 'content-type': 'application/json' }, body: '{"sql":"SELECT 1 FROM long"}' });
    assert.equal(nobody.status, 401);
    assert.equal((await ask('SELECT 1 FROM long', 'text/csv', {}, { more: 1 })).status, 400);
  });

  test('end visibly where the query ends before them', async () => {
    for (const accept of ['application/x-ndjson', 'text/csv']) {
      const reader = await slow(accept, 'ends');
      const ended = await fetch(url('/api/series/query/ends'), { method: 'DELETE', headers: headers() });
      assert.equal(ended.status, 200);
      if (accept === 'text/csv') {
        await assert.rejects(rest(reader));
      } else {
        assert.match(await rest(reader), /\n\{"error":\{"code":"cancelled","message":"the query was cancelled"\}\}\n$/);
      }
    }
  });

  test('are not made any more when nobody takes them', async () => {
    const reader = await slow('text/csv', 'left');
    assert.equal(await running(), 1);
    await reader.cancel();
    await until(async () => (await running()) === 0, 'the query has ended');
  });

  test('come over the live WebSocket, too', async () => {
    const socket = new WebSocket(url('/api/live').replace('http', 'ws'), { headers: headers() });
    await new Promise((opened, failed) => Object.assign(socket, { onopen: opened, onerror: failed }));
    const ended = Promise.withResolvers();
    let rows = 0;
    socket.onmessage = ({ data }) => {
      const frame = typeof data === 'string' ? JSON.parse(data) : {};
      if (frame.type !== 'query') return;
      rows += frame.rows.filter(Array.isArray).length;
      const last = frame.rows.at(-1);
      if (last.end || last.error) ended.resolve(last);
    };
    socket.send(JSON.stringify({ query: { id: 'q', sql: 'SELECT device, time, x FROM long' } }));
    assert.equal((await ended.promise).end?.rows, ROWS);
    assert.equal(rows, ROWS);
    socket.close();
  });
});

describe('dunlin series query', () => {
  test('prints a table, CSV and plans', async () => {
    const sql = 'SELECT device, max(velocity) AS v FROM readings GROUP BY device ORDER BY device';
    assert.equal((await server.cli('series', 'query', sql)).stdout, 'device   v\ntruck-0  4\ntruck-1  14\ntruck-2  24\n(3 rows)\n');
    assert.equal((await server.cli('series', 'query', sql, '--csv')).stdout, 'device,v\r\ntruck-0,4\r\ntruck-1,14\r\ntruck-2,24\r\n');
    assert.match((await server.cli('series', 'query', `EXPLAIN ${sql}`)).stdout, /read readings: points, chunks by their summary of device velocity/);
    assert.equal((await server.cliJson('series', 'query', sql)).rows.length, 3);
  });

  test('prints as many rows as there are, as they come', async () => {
    const csv = (await server.cli('series', 'query', 'SELECT device, time, x FROM long', '--csv')).stdout;
    assert.equal(csv.split('\r\n').length, 150_002);
    assert.match(csv, /^device,time,x\r\npress-0,2023-11-14T22:13:20Z,0\r\n/);
    const { stdout } = await server.cli('series', 'query', 'SELECT x FROM long ORDER BY time', '--ndjson', '--limit', '2');
    assert.equal(stdout, '{"columns":[{"name":"x","type":"number"}]}\n[0]\n[1]\n{"end":{"rows":2,"points_read":150000,"chunks_by_summary":0}}\n');
    const wrong = await server.cli('series', 'query', 'SELECT speed FROM long', '--csv');
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /there is no column "speed"/);
  });

  test('ends with an error that says where', async () => {
    const { code, stderr } = await server.cli('series', 'query', 'SELECT FROM readings');
    assert.equal(code, 1);
    assert.match(stderr, /line 1, column 8: expected an expression/);
  });
});
