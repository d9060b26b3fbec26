// The line protocol over HTTP: curl, InfluxDB's client for JavaScript, refusals, a SIGKILL behind an answer.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { HttpError, InfluxDB, Point } from '@influxdata/influxdb-client';
import { run, until } from './lib/program.mjs';
import { start, temporaryFolder } from './lib/server.mjs';

const BEGIN = Date.UTC(2026, 0, 1);
let server;
let token;
let reader;

before(async () => {
  server = await start({ set: ['series.line_protocol.channel_tags=cpu', 'series.line_protocol.plain_measurement=telemetry'] });
  await server.api('POST', '/api/users', { name: 'plant', password: 'calm sea at dawn', permissions: ['series:*'] });
  ({ token } = await server.api('POST', '/api/tokens', { owner: 'plant', permissions: ['series:write'] }));
  ({ token: reader } = await server.api('POST', '/api/tokens', { owner: 'plant', permissions: ['series:read'] }));
});
after(() => server?.stop());

const write = (lines, { path = '/write?db=plant', headers = {}, as = token } = {}) =>
  server.request('POST', path, { body: lines, headers: { 'Content-Type': 'text/plain', ...(as ? { Authorization: `Token ${as}` } : {}), ...headers } });

async function points(device, channel) {
  const query = new URLSearchParams({ device, channel, from: BEGIN - 1000, to: BEGIN + 3_600_000 });
  const answer = await server.request('GET', `/api/series/range?${query}`, { token: server.adminToken });
  if (answer.status === 404) return [];
  assert.equal(answer.status, 200, answer.text);
  return answer.json.t.map((time, i) => [time - BEGIN, answer.json.value[i]]);
}

async function curl(...args) {
  const { code, stdout, stderr } = await run('curl', ['-sS', '-w', '\n%{http_code}', ...args]);
  assert.equal(code, 0, stderr);
  const [, body, status] = stdout.match(/^([^]*)\n(\d+)$/);
  return { body, status: Number(status) };
}

describe('curl', () => {
  test('writes over TLS by 1.x and 2.x, in every precision', async () => {
    const base = `https://localhost:${server.ports.https}`;
    const tls = ['--cacert', server.rootFile, '-H', `Authorization: Token ${token}`];
    const units = { ns: 1e6, us: 1e3, ms: 1, s: 1e-3 };
    for (const [unit, perMillisecond] of Object.entries(units)) {
      const time = BigInt(BEGIN) * BigInt(Math.max(perMillisecond, 1)) / BigInt(Math.max(1 / perMillisecond, 1));
      for (const path of [`/write?db=plant&precision=${unit}`, `/api/v2/write?org=o&bucket=b&precision=${unit}`]) {
        const device = `curl-${unit}-${path.startsWith('/api') ? 2 : 1}`;
        const { body, status } = await curl(...tls, '--data-binary', `climate,device=${device},site=roof temp=21.5 ${time}`, base + path);
        assert.equal(status, 204, body);
        assert.deepEqual(await points(device, 'climate/temp'), [[0, 21.5]]);
      }
    }
  });

  test('sends a file as gzip, and the token as a password', async () => {
    const file = join(temporaryFolder('lines'), 'lines.gz');
    const lines = Array.from({ length: 5000 }, (_, i) => `climate,device=packed temp=${i} ${BEGIN + i}`);
    writeFileSync(file, gzipSync(lines.join('\n')));
    const url = `http://127.0.0.1:${server.ports.http}/write?db=plant&precision=ms`;
    const { body, status } = await curl('-u', `anybody:${token}`, '-H', 'Content-Encoding: gzip', '--data-binary', `@${file}`, url);
    assert.equal(status, 204, body);
    const info = (await server.api('GET', '/api/series/last?device=packed')).series[0];
    assert.deepEqual([info.channel, info.value, info.t], ['climate/temp', 4999, BEGIN + 4999]);
  });

  test('asks whether somebody is there', async () => {
    const { status } = await curl(`http://127.0.0.1:${server.ports.http}/ping`);
    assert.equal(status, 204);
    assert.equal((await server.request('HEAD', '/ping')).status, 204);
  });
});

describe("InfluxDB's client", () => {
  const api = (as = token, options = {}) =>
    new InfluxDB({ url: `http://127.0.0.1:${server.ports.http}`, token: as }).getWriteApi('plant', 'sensors', 'ms', { maxRetries: 0, ...options });

  test('writes points of every kind, in packed batches', async () => {
    let written = 0;
    const client = api(token, { gzipThreshold: 100, batchSize: 500, writeSuccess: (lines) => { written += lines.length; } });
    client.useDefaultTags({ device: 'press-7', site: 'hall, 1=a' });
    for (let i = 0; i < 2000; i++) {
      client.writePoint(new Point('state').floatField('heat', i / 10).intField('count', i).uintField('total', i).booleanField('on', i % 2 === 0).stringField('mode', `m"${i}\\`).timestamp(BEGIN + i));
    }
    await client.close();
    await until(() => written === 2000, 'all batches');  // close() does not wait for batches that are under way
    const last = (await server.api('GET', '/api/series/last?device=press-7')).series;
    assert.deepEqual(Object.fromEntries(last.map(({ channel, value }) => [channel, value])), {
      'state/heat': 199.9, 'state/count': 1999, 'state/total': 1999, 'state/on': false, 'state/mode': 'm"1999\\',
    });
    const range = await server.api('GET', `/api/series/range?device=press-7&channel=state/count&from=${BEGIN}&to=${BEGIN + 60_000}`);
    assert.equal(range.count.reduce((sum, count) => sum + count), 2000);
    const thing = await server.api('GET', '/api/things/press-7');
    assert.equal(thing.attributes.site, 'hall, 1=a');
  });

  test('is told why by codes that it knows', async () => {
    const failure = async (as, line) => {
      let seen;
      const client = api(as, { writeFailed: (error) => { seen = error; return Promise.resolve(); } });
      client.writeRecord(line);
      await client.close().catch(() => {});
      assert(seen instanceof HttpError, String(seen));
      return [seen.statusCode, seen.code, seen.message];
    };
    assert.deepEqual((await failure('at_0000000000000000_no', 'm,device=d v=1')).slice(0, 2), [401, 'unauthorized']);
    assert.deepEqual((await failure(reader, 'm,device=d v=1')).slice(0, 2), [403, 'forbidden']);
    const [status, code, message] = await failure(token, `m,device=d v=1 ${BEGIN}\nm,device=d v=x ${BEGIN}`);
    assert.deepEqual([status, code], [400, 'invalid']);
    assert.match(message, /^partial write: line 2, column 14: a value is neither .*; 1 values were stored$/);
    assert.deepEqual(await points('d', 'm/v'), [[0, 1]]);
  });
});

describe('how lines become series', () => {
  test('tags name the device and parts of the channel', async () => {
    const lines = ['cpu,host=web1,cpu=cpu0 usage=1', 'cpu,host=web1,cpu=cpu1 usage=2', 'telemetry,host=web1 load=3'];
    assert.equal((await write(lines.map((line) => `${line} ${BEGIN}000000`).join('\n'))).status, 204);
    assert.deepEqual(await points('web1', 'cpu/cpu0/usage'), [[0, 1]]);
    assert.deepEqual(await points('web1', 'cpu/cpu1/usage'), [[0, 2]]);
    assert.deepEqual(await points('web1', 'load'), [[0, 3]]);
  });

  test('a line that names no device is refused, and the others are stored', async () => {
    const { status, json } = await write(`r,name=truck_1,fleet=West v=5 ${BEGIN}000000\nr,name=,fleet=West v=6 ${BEGIN}000000`);
    assert.equal(status, 400);
    assert.equal(json.error, 'partial write: line 2, column 1: no tag names the device; 1 values were stored');
    assert.deepEqual(await points('truck_1', 'r/v'), [[0, 5]]);
    const nothing = await write('r v=6');
    assert.equal(nothing.json.error, 'unable to parse: line 1, column 1: no tag names the device; 0 values were stored');
  });

  test('what was answered is there after a SIGKILL', async () => {
    const lines = Array.from({ length: 300 }, (_, i) => `k,device=killed v=${i}i ${BEGIN + i}`).join('\n');
    assert.equal((await write(lines, { path: '/write?db=x&precision=ms' })).status, 204);
    await server.kill9();
    await server.start();
    assert.equal((await points('killed', 'k/v')).length, 300);
    assert.equal((await write(`k,device=killed v=1i ${BEGIN}`, { path: '/write?db=x&precision=ms' })).status, 204);
  });
});

describe('refused', () => {
  const line = `m,device=never v=1 ${BEGIN}000000`;
  const refused = async (status, text, options, lines = line) => {
    for (const path of ['/write', '/api/v2/write']) {
      const answer = await write(lines, { ...options, path: path + (options.query ?? '') });
      assert.equal(answer.status, status, `${path}: ${answer.text}`);
      assert.match(path === '/write' ? answer.json.error : answer.json.message, text);
    }
  };

  test('without a proof, with a wrong one, without the permission', async () => {
    await refused(401, /needs a token/, { as: null });
    await refused(401, /./, { as: 'at_0000000000000000_no' });
    await refused(403, /series:write/, { as: reader });
  });
  test('credentials in the address', () => refused(400, /Authorization/, { query: '?u=admin&p=secret' }));
  test('an unknown precision', () => refused(400, /precision/, { query: '?precision=days' }));
  test('what is no gzip, and another coding', async () => {
    await refused(400, /gzip/, { headers: { 'Content-Encoding': 'gzip' } });
    await refused(415, /Content-Encoding/, { headers: { 'Content-Encoding': 'br' } });
  });
  test('a bomb', () => refused(413, /unpacked/, { headers: { 'Content-Encoding': 'gzip' } }, gzipSync(Buffer.alloc(100_000_000))));
  test('a body that is too large', async () => {
    const answer = await write(`${line}\n`.repeat(40_000));
    assert.equal(answer.status, 413);
  });
  test('and nothing of it was stored', async () => {
    assert.deepEqual(await points('never', 'm/v'), []);
  });
});
