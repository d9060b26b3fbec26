// The server is ended at random moments under ingest over HTTP, by SIGKILL and by power cuts: every point that was answered is there,
// once, with its value, and nothing is there that nobody sent. DUNLIN_CRASHES: how many of each (200 for the full run).
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Disk } from './lib/power_cut.mjs';
import { sleep, until } from './lib/program.mjs';
import { start, temporaryFolder } from './lib/server.mjs';

const CRASHES = Number(process.env.DUNLIN_CRASHES ?? 5);
const WRITERS = 4;
const POINTS = 50; // of a request
const BEGIN = Date.UTC(2026, 0, 1);
const DEVICES_A_WRITER = 3;

/** Sends points of its own devices, one request after the other, now as lines and now as JSON. */
class Writer {
  answered = new Map(); // device -> Set of numbers
  sent = new Map();
  #stopped = false;
  #next = 0;

  constructor(server, token, name) {
    this.server = server;
    this.token = token;
    this.name = name;
    this.done = this.#run();
  }
  async #run() {
    for (let round = 0; !this.#stopped; round++) {
      // Now and then a device that is new.
      const device = `${this.name}-${Math.floor(round / 200)}-${round % DEVICES_A_WRITER}`;
      const numbers = Array.from({ length: POINTS }, () => this.#next++);
      note(this.sent, device, numbers);
      const answer = await this.#send(round, device, numbers).catch(() => undefined);
      if (answer?.status === 204 || answer?.status === 200) note(this.answered, device, numbers);
      else await sleep(20);
    }
  }
  #send(round, device, numbers) {
    const { server } = this;
    if (round % 2 === 0) {
      const body = numbers.map((n) => `m,device=${device},site=s${round % 7} v=${n}i ${BEGIN + n}`).join('\n');
      return server.request('POST', '/write?precision=ms', { body, token: this.token });
    }
    const samples = numbers.map((n) => ({ device, channel: 'm/v', time: BEGIN + n, value: n }));
    return server.request('POST', '/api/series/write', { body: { samples }, token: this.token });
  }
  stop() {
    this.#stopped = true;
    return this.done;
  }
}

function note(into, device, numbers) {
  if (!into.has(device)) into.set(device, new Set());
  for (const n of numbers) into.get(device).add(n);
}

/** Every stored number of a device, in order; each must stand at its own time. */
async function stored(server, device) {
  const found = [];
  for (let from = String(BEGIN); from !== undefined; ) {
    const query = new URLSearchParams({ device, channel: 'm/v', from, limit: 10_000 });
    const answer = await server.request('GET', `/api/series/points?${query}`, { token: server.adminToken });
    if (answer.status === 404) return [];
    assert.equal(answer.status, 200, answer.text);
    const page = answer.json;
    page.value.forEach((n, i) => {
      assert.equal(Date.parse(page.time[i]), BEGIN + n, `${device}: the value of another time`);
      found.push(n);
    });
    from = page.next;
  }
  return found;
}

async function check(server, writer) {
  let points = 0;
  for (const [device, sent] of writer.sent) {
    const found = await stored(server, device);
    const there = new Set(found);
    assert.equal(there.size, found.length, `${device}: a point is there twice`);
    assert.deepEqual(found.filter((n) => !sent.has(n)), [], `${device}: nobody sent these`);
    const missing = [...(writer.answered.get(device) ?? [])].filter((n) => !there.has(n));
    assert.deepEqual(missing.slice(0, 20), [], `${device}: ${missing.length} answered points are missing`);
    points += writer.answered.get(device)?.size ?? 0;
  }
  return points;
}

const ends = { SIGKILL: () => undefined, 'power cut': (data) => new Disk(data) };
for (const [how, makeDisk] of Object.entries(ends)) {
  describe(`${CRASHES} times ${how} under ingest`, () => {
    test('every point that was answered is there, once', { timeout: 60_000 + CRASHES * 10_000 }, async () => {
      const data = temporaryFolder();
      const disk = makeDisk(data);
      const server = await start({ data, env: disk?.env });
      await server.api('POST', '/api/users', { name: 'plant', password: 'calm sea at dawn', permissions: ['series:write'] });
      const { token } = await server.api('POST', '/api/tokens', { owner: 'plant', permissions: ['series:write'] });
      const writers = Array.from({ length: WRITERS }, (_, i) => new Writer(server, token, `w${i}`));
      const answered = () => writers.reduce((sum, { answered: of }) => sum + [...of.values()].reduce((all, set) => all + set.size, 0), 0);
      for (let crash = 0; crash < CRASHES; crash++) {
        const before = answered();
        await until(() => answered() > before, 'an answer');
        await sleep(50 + Math.random() * 500);
        await server.kill9();
        disk?.losePower();
        await server.start();
      }
      const before = answered();
      await until(() => answered() > before + 100, 'answers behind the last crash');
      await Promise.all(writers.map((writer) => writer.stop()));
      let points = 0;
      for (const writer of writers) points += await check(server, writer);
      console.log(`    ${points} points were answered`);
      assert(points > 100 * CRASHES, 'too few points were answered');
      await server.stop();
    });
  });
}
