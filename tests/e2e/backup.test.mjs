// Backups of a server under load: what is restored is the state of one instant. Nothing that was acknowledged before is missing, of
// every writer there is a beginning without a gap, nothing is there twice. DUNLIN_BACKUPS: how many are taken and restored.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import mqtt from 'mqtt';
import { daysAgo, HOUR, Measured } from './lib/measurements.mjs';
import { run, sleep, until } from './lib/program.mjs';
import { binary, start, temporaryFolder } from './lib/server.mjs';

const BACKUPS = Number(process.env.DUNLIN_BACKUPS ?? 3);
const PUBLISHERS = 3;
const IN_FLIGHT = 20;
const BEGIN = Date.UTC(2026, 0, 1);
const clients = [];
after(() => clients.forEach((client) => client.end(true)));

const topic = (name, channel) => `demo/plant1/machine/${name}/${channel}`;
const dunlin = (...args) => run(binary, args);

async function connect(server, device, id, options = {}) {
  const client = mqtt.connect({
    host: '127.0.0.1', port: server.ports.mqtt, protocolVersion: 5, clientId: `${device.name}/${id}`, username: device.name,
    password: device.token, reconnectPeriod: 0, ...options,
  });
  client.on('error', () => {});
  clients.push(client);
  await until(() => client.connected, `a connection of ${id}`);
  return client;
}

const lasting = { clean: false, properties: { sessionExpiryInterval: 3600, receiveMaximum: 100 } };

/** Does one thing after the other, each with the next number, `width` at a time; knows what was answered. */
class Writer {
  sent = 0;
  #answered = new Set();
  #stopped = false;

  constructor(width, write) {
    this.write = write;
    this.done = Promise.all(Array.from({ length: width }, () => this.#run()));
  }
  async #run() {
    while (!this.#stopped) {
      const number = ++this.sent;
      await this.write(number);
      this.#answered.add(number);
    }
  }
  /** All up to this number were answered. */
  get answered() {
    let number = 0;
    while (this.#answered.has(number + 1)) number++;
    return number;
  }
  async stop() {
    this.#stopped = true;
    await this.done;
  }
}

/** What writes to the server, and what of it must be in a backup. */
class Load {
  writers = {};
  measured = new Measured();

  static async begin(server) {
    const load = new Load();
    load.devices = [];
    for (let i = 0; i < PUBLISHERS; i++) {
      const device = await server.thing(`pump-${i}`);
      load.devices.push(device);
      const absent = await connect(server, device, 'absent', lasting);
      await absent.subscribeAsync(topic(device.name, 'n'), { qos: 1 });
      await absent.endAsync();
      const client = await connect(server, device, 'publisher');
      load.writers[device.name] = new Writer(IN_FLIGHT, (n) =>
        client.publishAsync(topic(device.name, 'n'), JSON.stringify({ value: n, t: BEGIN + n }), { qos: 1 }));
      const keeper = await connect(server, device, 'keeper');
      load.writers[`${device.name} retained`] = new Writer(1, (n) =>
        keeper.publishAsync(topic(device.name, 'state'), String(n), { qos: 1, retain: true }));
    }
    const { adminToken: token } = server;
    load.writers.lines = new Writer(1, async (n) => {
      const body = Array.from({ length: 20 }, (_, i) => `m,device=meter v=${n * 20 + i}i ${BEGIN + n * 20 + i}`).join('\n');
      const { status } = await server.request('POST', '/write?precision=ms', { body, token });
      assert.equal(status, 204);
    });
    load.writers.things = new Writer(1, async (n) => {
      await server.api('POST', '/api/things', { name: `made-${n}`, type: 'machine' });
      await sleep(5);
    });
    // Rollups are made anew all the time, a day's points go with each: what is said of the hours stays.
    for (let days = 30; days > 0; days--) await load.measured.write(server, 'boiler', daysAgo(days) + 8 * HOUR);
    load.writers.rollups = new Writer(1, async (n) => {
      const minutes = n % 2 === 0 ? { keep_minutes: '1000d' } : {};
      await server.api('PUT', '/api/retention/boiler', { channel: 'machine/*', keep: `${Math.max(5, 30 - n)}d`, keep_hours: '1000d', ...minutes });
      await server.api('POST', '/api/retention', {});
      await sleep(100);
    });
    await until(async () => (await server.api('GET', '/api/series/usage')).rollup_bytes > 0, 'the first rollups');
    return load;
  }
  counts(of) {
    return Object.fromEntries(Object.entries(this.writers).map(([name, writer]) => [name, writer[of]]));
  }
  async stop() {
    await Promise.all(Object.values(this.writers).map((writer) => writer.stop()));
  }
}

/** 1, 2 ... up to a number between what was answered before and what was sent after. */
function assertBeginning(numbers, name, before, sent) {
  numbers.forEach((number, i) => assert.equal(number, i + 1, `${name}: ${number} stands in the place of ${i + 1}`));
  assert(numbers.length >= before[name], `${name}: ${numbers.length} are there, and ${before[name]} were acknowledged before`);
  assert(numbers.length <= sent[name], `${name}: ${numbers.length} are there, and only ${sent[name]} were sent`);
}

async function queued(server, device, most) {
  const numbers = [];
  const absent = mqtt.connect({
    host: '127.0.0.1', port: server.ports.mqtt, protocolVersion: 5, clientId: `${device.name}/absent`, username: device.name,
    password: device.token, reconnectPeriod: 0, ...lasting,
  });
  clients.push(absent);
  let last = performance.now();
  absent.on('message', (_, payload) => {
    numbers.push(JSON.parse(payload.toString()).value);
    last = performance.now();
  });
  await until(() => absent.connected, 'the absent one');
  await until(() => numbers.length >= most || performance.now() - last > 1500, 'what waited for the absent one', { timeout: 60_000 });
  await absent.endAsync();
  return numbers;
}

async function retained(server, device) {
  const client = await connect(server, device, 'looker');
  const seen = new Promise((resolve) => client.on('message', (_, payload) => resolve(Number(payload.toString()))));
  await client.subscribeAsync(topic(device.name, 'state'), { qos: 1 });
  const value = await seen;
  await client.endAsync();
  return value;
}

async function points(server, device, channel) {
  const found = [];
  for (let from = String(BEGIN); from !== undefined; ) {
    const query = new URLSearchParams({ device, channel, from, limit: 10_000 });
    const page = await server.api('GET', `/api/series/points?${query}`);
    page.value.forEach((n, i) => {
      assert.equal(Date.parse(page.time[i]), BEGIN + n, `${device}: the value of another time`);
      found.push(n);
    });
    from = page.next;
  }
  return found;
}

async function checkRestored(server, load, before, sent) {
  for (const device of load.devices) {
    assertBeginning(await queued(server, device, sent[device.name]), device.name, before, sent);
    const name = `${device.name} retained`;
    const value = await retained(server, device);
    assert(value >= before[name] && value <= sent[name], `${name}: ${value}, not ${before[name]} to ${sent[name]}`);
    assertBeginning(await points(server, device.name, 'n'), device.name, before, sent);
  }
  const lines = await points(server, 'meter', 'm/v');
  assert.equal(lines.length % 20, 0, 'a request is there whole or not at all');
  assertBeginning(lines.filter((n) => n % 20 === 0).map((n) => n / 20), 'lines', before, sent);
  lines.forEach((n, i) => assert.equal(n, 20 + i, 'a point of a request is missing'));
  const things = [];
  for (let after = ''; ; ) {
    const { things: page } = await server.api('GET', `/api/things?limit=1000&after=${after}`);
    things.push(...page.map(({ name }) => name));
    if (page.length < 1000) break;
    after = page.at(-1).name;
  }
  const made = things.filter((name) => name.startsWith('made-')).map((name) => Number(name.slice(5)));
  assertBeginning(made.sort((a, b) => a - b), 'things', before, sent);
  const { rows } = await server.api('POST', '/api/series/query', { sql: Measured.SQL });
  assert.deepEqual(rows, load.measured.rows);
  assert((await server.api('GET', '/api/series/usage')).rollup_bytes > 0, 'rollups are there');
  const verified = await server.cli('audit', 'verify');
  assert.equal(verified.code, 0, verified.stdout + verified.stderr);
}

function blocks(folder) {
  const found = [];
  for (const part of readdirSync(join(folder, 'blocks'))) {
    for (const name of readdirSync(join(folder, 'blocks', part))) found.push(join(folder, 'blocks', part, name));
  }
  return found;
}

async function restored(from, ...more) {
  const data = join(temporaryFolder('restored'), 'data');
  const { code, stderr } = await dunlin('restore', '--from', from, ...more, '--data', data);
  assert.equal(code, 0, stderr);
  return data;
}

describe('a backup of a server under load', () => {
  test(`is the state of one instant, ${BACKUPS} times`, { timeout: 120_000 + BACKUPS * 60_000 }, async () => {
    const server = await start();
    const to = join(temporaryFolder('backups'), 'dunlin');
    // Copied before the databases and journals, so that these are overwritten meanwhile.
    writeFileSync(join(server.data, 'extra.bin'), randomBytes(100_000_000));
    const load = await Load.begin(server);
    const guard = await server.thing('guard');
    const certificate = await server.certificate('guard');
    const taken = [];
    for (let i = 0; i < BACKUPS; i++) {
      await sleep(300 + Math.random() * 700);
      const before = load.counts('answered');
      const answer = await server.cliJson('backup', '--to', to, '--keep', '5');
      taken.push({ instant: answer.instant, before, sent: load.counts('sent') });
      assert.equal(answer.outcome, 'done');
      assert(answer.pause_seconds < 1, `changes waited ${answer.pause_seconds} s`);
    }
    assert.equal(await server.metric('dunlin_backup_taken_total'), BACKUPS);
    assert(await server.metric('dunlin_backup_last_bytes') > 0);
    await load.stop();
    await server.stop();
    const listed = await dunlin('backup', 'list', to, '--json');
    assert.deepEqual(JSON.parse(listed.stdout).backups.map(({ instant }) => instant), taken.map(({ instant }) => instant));
    for (const { instant, before, sent } of taken) {
      const again = await start({ data: await restored(to, '--at', instant) });
      await checkRestored(again, load, before, sent);
      const device = mqtt.connect({
        host: '127.0.0.1', port: again.ports.mqtts, protocol: 'mqtts', clientId: guard.name, reconnectPeriod: 0, protocolVersion: 5,
        ca: readFileSync(certificate.ca), cert: readFileSync(certificate.cert), key: readFileSync(certificate.key),
      });
      clients.push(device);
      await until(() => device.connected, 'a device with its certificate');
      await device.publishAsync(topic('guard', 'x'), '1', { qos: 1 });
      await device.endAsync();
      await again.stop();
    }
  });
});

describe('the folder of backups', () => {
  test('a later backup adds what is new; a server that is stopped has the same', { timeout: 120_000 }, async () => {
    const server = await start();
    await server.thing('a');
    // Does not change, as the tables of the keyed store; those take longer to make.
    writeFileSync(join(server.data, 'extra.bin'), randomBytes(80_000_000));
    const to = join(temporaryFolder('backups'), 'b');
    const first = await server.cliJson('backup', '--to', to);
    assert(first.bytes > 80_000_000 && first.bytes_written > 80_000_000);
    const second = await server.cliJson('backup', '--to', to);
    assert(second.bytes_written < first.bytes_written / 10, `${second.bytes_written} after ${first.bytes_written}`);
    await server.thing('b');
    await server.stop();
    const third = await server.cliJson('backup', '--to', to, '--keep', '2');
    assert(third.bytes_written < first.bytes_written / 10);
    const { stdout } = await dunlin('backup', 'list', to);
    assert.equal(stdout.trim().split('\n').length, 2, stdout);
    assert.equal((await dunlin('backup', 'verify', to)).code, 0);
    const again = await start({ data: await restored(to) });
    assert.equal((await again.api('GET', '/api/things')).things.length, 2);
    for (const file of blocks(to)) assert.equal(statSync(file).mode & 0o777, 0o600);
  });

  test('a changed byte is found, named, and not restored', { timeout: 120_000 }, async () => {
    const server = await start();
    const to = join(temporaryFolder('backups'), 'b');
    await server.cliJson('backup', '--to', to);
    const good = await dunlin('backup', 'verify', to);
    assert.equal(good.code, 0, good.stdout);
    for (const file of blocks(to).slice(0, 8)) {
      const bytes = readFileSync(file);
      const at = Math.floor(Math.random() * bytes.length);
      bytes[at] ^= 1;
      writeFileSync(file, bytes);
      const found = await dunlin('backup', 'verify', to);
      assert.equal(found.code, 1);
      assert.match(found.stdout, /^\S+\.json: \S+: block [0-9a-f]{64} is damaged$/m);
      const data = join(temporaryFolder('restored'), 'data');
      const refused = await dunlin('restore', '--from', to, '--data', data);
      assert.equal(refused.code, 1);
      assert.match(refused.stderr, /is damaged/);
      assert(!existsSync(data));
      bytes[at] ^= 1;
      writeFileSync(file, bytes);
    }
    const full = temporaryFolder('mine');
    writeFileSync(join(full, 'file'), 'mine');
    const refused = await dunlin('restore', '--from', to, '--data', full);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /is not empty/);
    assert.deepEqual(readdirSync(full), ['file']);
  });

  test('SIGKILL in the middle leaves the older backup as it was', { timeout: 120_000 }, async () => {
    const server = await start();
    await server.thing('a');
    const to = join(temporaryFolder('backups'), 'b');
    await server.cliJson('backup', '--to', to);
    writeFileSync(join(server.data, 'extra.bin'), randomBytes(200_000_000));
    await server.api('POST', '/api/system/backup', { to });
    await until(async () => {
      const { running } = await server.api('GET', '/api/system/backup');
      return running?.bytes_written > 8_000_000;
    }, 'the middle of a backup');
    await server.kill9();
    assert(blocks(to).length > 1);
    assert.equal((await dunlin('backup', 'verify', to)).code, 0);
    const { stdout } = await dunlin('backup', 'list', to);
    assert.equal(stdout.trim().split('\n').length, 1, stdout);
    assert(!existsSync(join(await restored(to), 'extra.bin')));
    // What it left goes with the next one.
    rmSync(join(server.data, 'extra.bin'));
    await server.start();
    await server.cliJson('backup', '--to', to, '--keep', '1');
    const left = blocks(to).reduce((sum, file) => sum + statSync(file).size, 0);
    assert(left < 50_000_000, `${left} bytes are left`);
  });

  test('a server that is stopped in the middle takes its backup back', { timeout: 120_000 }, async () => {
    const server = await start();
    writeFileSync(join(server.data, 'extra.bin'), randomBytes(200_000_000));
    const to = join(temporaryFolder('backups'), 'b');
    await server.api('POST', '/api/system/backup', { to });
    const second = await server.cli('backup', '--to', `${to}-2`);
    assert.equal(second.code, 1);
    assert.match(second.stderr, /under way/);
    const { code } = await server.stop();
    assert.equal(code, 0);
    assert.deepEqual(blocks(to), []);
    assert.deepEqual(readdirSync(join(to, 'manifests')), []);
    // A server that does not run is in the way of nobody, and a block that is gone is stored anew.
    const taken = await server.cliJson('backup', '--to', to);
    assert(taken.bytes_written > 200_000_000);
    rmSync(blocks(to)[0]);
    assert.equal((await dunlin('backup', 'verify', to)).code, 1);
    await server.cliJson('backup', '--to', to);
    assert.equal((await dunlin('backup', 'verify', to)).code, 0);
  });

  test('only the command line on the machine names a folder; others get the one that is configured', { timeout: 120_000 }, async () => {
    const configured = join(temporaryFolder('backups'), 'configured');
    const server = await start({ set: [`backup.folder=${configured}`, 'backup.keep=3'] });
    await server.api('POST', '/api/users', { name: 'olga', password: 'calm sea at dawn', permissions: ['*'] });
    const { token } = await server.api('POST', '/api/tokens', { owner: 'olga', permissions: ['backup:write', 'backup:read'] });
    const named = await server.request('POST', '/api/system/backup', { token, body: { to: '/tmp/elsewhere' } });
    assert.equal(named.status, 403, named.text);
    const begun = await server.request('POST', '/api/system/backup', { token, body: {} });
    assert.equal(begun.status, 200, begun.text);
    assert.equal(begun.json.folder, configured);
    const status = () => server.request('GET', '/api/system/backup', { token });
    await until(async () => (await status()).json.state === 'idle', 'the end of the backup');
    assert.equal((await status()).json.last.outcome, 'done');
    assert.equal(readdirSync(join(configured, 'manifests')).length, 1);
    const inside = await server.cli('backup', '--to', join(server.data, 'backups'));
    assert.equal(inside.code, 1);
    assert.match(inside.stderr, /beside the data folder/);
    const other = temporaryFolder('other');
    mkdirSync(join(other, 'x'));
    const taken = await server.cli('backup', '--to', other);
    assert.equal(taken.code, 1);
    assert.match(taken.stderr, /holds something else than backups/);
    const good = join(temporaryFolder('backups'), 'good');
    assert.equal((await server.cli('backup', '--to', good)).code, 0);
    const { records } = await server.api('GET', '/api/audit?action=system.backup&limit=10');
    const done = records.filter(({ outcome }) => outcome === 'ok').map(({ actor, object }) => [actor, object]);
    assert.deepEqual(done, [['local-admin', good], ['olga', 'system']]);
    assert.deepEqual(await server.metric('dunlin_backup_failures_total'), 2);
  });
});
