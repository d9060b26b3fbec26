// Samples in and out: JSON over HTTP, `dunlin series write|points|export|import`, every kind of value from one server to another.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connect, disconnectAll } from './lib/mqtt.mjs';
import { until } from './lib/program.mjs';
import { start, temporaryFolder } from './lib/server.mjs';

const BEGIN = Date.UTC(2026, 0, 1);
const folder = temporaryFolder('files');
let server;

const SAMPLES = [
  { device: 'press-01', channel: 'heat', time: '2026-01-01T00:00:00.123456789Z', value: 21.5, unit: 'Cel' },
  { device: 'press-01', channel: 'heat', time: '2026-01-01T00:00:01Z', value: 22.25, quality: 'uncertain', flags: 1 },
  { device: 'press-01', channel: 'count', time: '2026-01-01T00:00:00Z', value: -9007199254740991 },
  { device: 'press-01', channel: 'motor/on', time: '2026-01-01T00:00:00Z', value: true },
  { device: 'press-02', channel: 'state', time: '2026-01-01T00:00:00Z', value: 'hot, "very"\nhot' },
];

before(async () => {
  server = await start({ config: writeMapping() });
});
after(disconnectAll);

function writeMapping() {
  const file = join(folder, 'server.toml');
  writeFileSync(file, `
[[mapping]]
pattern = "packs/{device_id}/{telemetry_type}"
payload = "senml"
[[mapping]]
pattern = "cbor/{device_id}/{telemetry_type}"
payload = "cbor"
`);
  return file;
}

const points = (of, device, channel) => of.api('GET', `/api/series/points?${new URLSearchParams({ device, channel })}`);
async function everything(of) {
  const { series } = await of.api('GET', '/api/series');
  const all = {};
  for (const { device, channel } of series) all[`${device} ${channel}`] = await points(of, device, channel);
  return all;
}

describe('JSON over HTTP', () => {
  test('stores every kind of value, and gives it back as it was', async () => {
    assert.deepEqual(await server.api('POST', '/api/series/write', { samples: SAMPLES }), { stored: 5 });
    assert.deepEqual(await points(server, 'press-01', 'heat'), {
      device: 'press-01', channel: 'heat', unit: 'Cel', time: ['2026-01-01T00:00:00.123456789Z', '2026-01-01T00:00:01Z'],
      value: [21.5, 22.25], quality: ['good', 'uncertain'], flags: [0, 1],
    });
    assert.equal((await server.api('GET', '/api/things/press-02')).name, 'press-02');
  });

  test('refuses all of a call with a bad sample, and without the permission', async () => {
    const bad = { samples: [{ device: 'x', channel: 'c', value: 1 }, { device: 'x', channel: 'c', value: {} }] };
    const answer = await server.request('POST', '/api/series/write', { token: server.adminToken, body: bad });
    assert.equal(answer.status, 400);
    assert.match(answer.json.error.message, /^samples\[1\]: "value"/);
    await server.api('POST', '/api/users', { name: 'reader', password: 'calm sea at dawn', permissions: ['series:read'] });
    const { token } = await server.api('POST', '/api/tokens', { owner: 'reader', permissions: ['series:read'] });
    assert.equal((await server.request('POST', '/api/series/write', { token, body: { samples: SAMPLES } })).status, 403);
    assert.equal((await server.request('GET', '/api/series/points?device=x&channel=c', { token })).status, 404);
  });

  test('is a command, too', async () => {
    const written = await server.cliJson('series', 'write', '--samples', JSON.stringify([{ device: 'cli-1', channel: 'c', time: BEGIN, value: 7 }]));
    assert.deepEqual(written, { stored: 1 });
    const { time, value } = await server.cliJson('series', 'points', '--device', 'cli-1', '--channel', 'c');
    assert.deepEqual([time, value], [['2026-01-01T00:00:00Z'], [7]]);
  });
});

describe('SenML over HTTP', () => {
  const send = (body, query = '', type = 'application/senml+json') =>
    server.request('POST', `/api/series/senml${query}`, { token: server.adminToken, body, headers: { 'Content-Type': type } });

  test('stores a pack, as JSON and as CBOR', async () => {
    const pack = [{ bn: 'senml-1/', bt: BEGIN / 1000, n: 'heat', u: 'Cel', v: 21.5 }, { n: 'a/b', t: 1, vs: 'x' }];
    assert.equal((await send(JSON.stringify(pack))).status, 204);
    const heat = await points(server, 'senml-1', 'heat');
    assert.deepEqual([heat.unit, heat.time, heat.value], ['Cel', ['2026-01-01T00:00:00Z'], [21.5]]);
    assert.deepEqual((await points(server, 'senml-1', 'a/b')).value, ['x']);
    // [{0: "urn:dev:ow:10e2073a01080063:volt", 6: 1767225600, 2: 21.5}]
    const name = Buffer.from('urn:dev:ow:10e2073a01080063:volt');
    const cbor = Buffer.concat([Buffer.from('81a3007820', 'hex'), name, Buffer.from('061a6955b90002fb4035800000000000', 'hex')]);
    assert.equal((await send(cbor, '?device=senml-2', 'application/senml+cbor')).status, 204);
    const volt = await points(server, 'senml-2', 'volt');
    assert.deepEqual([volt.time, volt.value], [['2026-01-01T00:00:00Z'], [21.5]]);
  });

  test('refuses what it cannot take, all of it', async () => {
    const refused = async (status, text, ...args) => {
      const answer = await send(...args);
      assert.equal(answer.status, status, answer.text);
      assert.match(answer.json.error.message, text);
    };
    await refused(400, /DEVICE\/CHANNEL/, '[{"n":"never/x","v":1},{"n":"y","v":1}]');
    await refused(400, /not JSON/, '[{');
    await refused(415, /senml\+json/, '[]', '', 'application/json');
    await refused(415, /vd/, '[{"n":"never/x","vd":"AAAA"}]');
    assert.equal((await server.request('POST', '/api/series/senml', { body: '[]' })).status, 401);
    assert.equal((await server.request('GET', '/api/series/points?device=never&channel=x', { token: server.adminToken })).status, 404);
  });
});

describe('MQTT', () => {
  test('takes packs and CBOR by the rows of the mapping', async () => {
    const device = await server.thing('pack-01');
    await server.api('PUT', '/api/policies/packs', { document: { statements: [{ effect: 'allow', actions: ['mqtt:publish'], resources: ['topic/packs/pack-01/+', 'topic/cbor/pack-01/+'] }] } });
    await server.cliJson('policy', 'attach', 'packs', 'thing:pack-01');
    const client = await connect(server, device, { clientId: 'pack-01' });
    const pack = [{ bn: 'urn:dev:ow:10e2073a01080063:', bt: BEGIN / 1000, n: 'volt', u: 'V', v: 120.5 }, { n: 'open', t: 1, vb: true }];
    await client.publishAsync('packs/pack-01/all', JSON.stringify(pack), { qos: 1 });
    await client.publishAsync('cbor/pack-01/heat', Buffer.from('a26576616c7565fb403580000000000061741903e8', 'hex'), { qos: 1 });
    const values = async (channel) => {
      const answer = await server.request('GET', `/api/series/points?device=pack-01&channel=${channel}`, { token: server.adminToken });
      return answer.status === 200 ? answer.json.value : [];
    };
    await until(async () => (await values('heat')).length > 0 && (await values('open')).length > 0, 'the pack and the CBOR');
    assert.deepEqual(await values('volt'), [120.5]);
    assert.deepEqual((await points(server, 'pack-01', 'open')).time, ['2026-01-01T00:00:01Z']);
    assert.deepEqual((await points(server, 'pack-01', 'heat')).time, ['1970-01-01T00:00:01Z']);
    client.end(true);
  });
});

describe('files', () => {
  test('CSV takes everything to another server', async () => {
    const file = join(folder, 'all.csv');
    const exported = await server.cli('series', 'export', '--out', file);
    assert.equal(exported.code, 0, exported.stderr);
    assert.match(exported.stderr, /wrote \d+ samples, left out 0/);
    const other = await start();
    const imported = await other.cli('series', 'import', file);
    assert.equal(imported.code, 0, imported.stderr);
    assert.deepEqual(await everything(other), await everything(server));
    await other.stop();
  });

  for (const [format, ending] of [['lines', 'lp'], ['senml', 'json']]) {
    test(`${format} take values and times to another server`, async () => {
      const file = join(folder, `press.${ending}`);
      const exported = await server.cli('series', 'export', '--device', 'press-01', '--out', file);
      assert.equal(exported.code, 0, exported.stderr);
      const other = await start();
      const imported = await other.cli('series', 'import', file);
      assert.equal(imported.code, 0, imported.stderr);
      for (const channel of ['heat', 'count', 'motor/on']) {
        const [there, here] = [await points(other, 'press-01', channel), await points(server, 'press-01', channel)];
        assert.deepEqual([there.time, there.value], [here.time, here.value], channel);
      }
      await other.stop();
    });
  }

  test('a range, to the standard output', async () => {
    const { code, stdout } = await server.cli('series', 'export', '--device', 'press-01', '--channel', 'heat', '--from', '2026-01-01T00:00:01Z', '--to', '2026-01-01T00:00:02Z');
    assert.equal(code, 0);
    assert.equal(stdout, 'device,channel,time,type,value,unit,quality,flags\npress-01,heat,2026-01-01T00:00:01Z,number,22.25,Cel,uncertain,1\n');
  });

  test('many samples, in pieces; what is wrong is told by its line, and the others are stored', async () => {
    const file = join(folder, 'many.lp');
    const lines = Array.from({ length: 30_000 }, (_, i) => `m,device=many v=${i}i ${BEGIN + i}`);
    lines[12_344] = 'm,device=many v= 5';
    writeFileSync(file, lines.join('\n'));
    const { code, stdout, stderr } = await server.cli('series', 'import', file, '--precision', 'ms');
    assert.equal(code, 1);
    assert.match(stderr, /^line 12345: column 17: a field has no value$/m);
    assert.match(stdout, /^stored 29999 samples, refused 1 lines$/m);
    const out = join(folder, 'many.csv');
    assert.equal((await server.cli('series', 'export', '--device', 'many', '--out', out)).code, 0);
    assert.equal(readFileSync(out, 'utf8').split('\n').length, 29_999 + 2);
  });

  test('refuses what it does not know', async () => {
    const unknown = await server.cli('series', 'import', join(folder, 'server.toml'));
    assert.equal(unknown.code, 1);
    assert.match(unknown.stderr, /--format/);
    assert.equal((await server.cli('series', 'import', join(folder, 'none.csv'))).code, 1);
    assert.equal((await server.cli('series', 'export', '--format', 'xml')).code, 2);
  });
});
