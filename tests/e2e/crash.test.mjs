// The server is ended at random moments under load, by SIGKILL and by power cuts: what was acknowledged reaches a subscriber with
// a session that lasts, one that is away until the end, and one of a group's members; at QoS 2 once. Retained messages are never
// stale. DUNLIN_CRASHES: how many of each (200 for the full run).
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import mqtt from 'mqtt';
import { Disk } from './lib/power_cut.mjs';
import { sleep, until } from './lib/program.mjs';
import { start, temporaryFolder } from './lib/server.mjs';

const CRASHES = Number(process.env.DUNLIN_CRASHES ?? 5);
const NAME = 'crash-01';
const topic = (channel) => `demo/plant1/machine/${NAME}/${channel}`;
const clients = [];
after(() => clients.forEach((client) => client.end(true)));

/** A client with a session that lasts; mqtt.js sends again what was not acknowledged. */
function lasting(server, device, id) {
  const client = mqtt.connect({
    host: '127.0.0.1', port: server.ports.mqtt, protocolVersion: 5, clientId: `${NAME}/${id}`, username: device.name, password: device.token,
    clean: false, reconnectPeriod: 50, properties: { sessionExpiryInterval: 3600, receiveMaximum: 50 },
  });
  client.on('error', () => {});
  clients.push(client);
  return client;
}

/** Publishes numbers with at most 20 under way; one retained topic has a write under way at a time. */
class Publisher {
  acknowledged = { 1: [], 2: [] };
  retainedWritten = 0;
  retainedAcknowledged = 0;
  #next = 0;
  #open = 0;
  #retainedOpen = false;
  #stopped = false;

  constructor(server, device) {
    this.client = lasting(server, device, 'publisher');
    this.timer = setInterval(() => this.#publish(), 2);
  }
  #publish() {
    while (this.#open < 20 && !this.#stopped) {
      const number = ++this.#next;
      const qos = 1 + (number % 2);
      ++this.#open;
      this.client.publish(topic(`q${qos}`), JSON.stringify({ value: number, t: Date.UTC(2026, 0, 1) + number }), { qos }, (error) => {
        --this.#open;
        // 0x92 to a PUBREL that is sent again: the server had released the message before (MQTT 5.0 section 4.4).
        if (!error || error.code === 0x92) this.acknowledged[qos].push(number);
      });
    }
    if (this.#retainedOpen || this.#stopped) return;
    const write = ++this.retainedWritten;
    this.#retainedOpen = true;
    this.client.publish(topic('state'), String(write), { qos: 1, retain: true }, (error) => {
      this.#retainedOpen = false;
      if (!error) this.retainedAcknowledged = write;
    });
  }
  async stop() {
    this.#stopped = true;
    clearInterval(this.timer);
    await until(() => this.#open === 0 && !this.#retainedOpen, 'every acknowledgement', { timeout: 60_000 });
  }
}

/** What one session, or all members of a shared subscription together, have been given. */
class Reader {
  received = new Map();

  async join(client, filter) {
    client.on('message', (where, payload) => {
      if (where.endsWith('/state')) return;
      const { value } = JSON.parse(payload.toString());
      this.received.set(value, (this.received.get(value) ?? 0) + 1);
    });
    await until(() => client.connected, 'a subscriber');
    await client.subscribeAsync(filter, { qos: 2 });
  }
  missing({ acknowledged }) {
    return [...acknowledged[1], ...acknowledged[2]].filter((number) => !this.received.has(number));
  }
  doubled({ acknowledged }) {
    return acknowledged[2].filter((number) => this.received.get(number) > 1);
  }
}

const ends = { SIGKILL: () => undefined, 'power cut': (data) => new Disk(data) };
for (const [how, makeDisk] of Object.entries(ends)) {
  describe(`${CRASHES} times ${how} under load`, () => {
    test('nothing acknowledged is lost, QoS 2 comes once, retained is not stale', { timeout: 60_000 + CRASHES * 10_000 }, async () => {
      const data = temporaryFolder();
      const disk = makeDisk(data);
      const server = await start({ data, env: disk?.env });
      const device = await server.thing(NAME);
      const readers = { present: new Reader(), absent: new Reader(), group: new Reader() };
      await readers.present.join(lasting(server, device, 'present'), topic('#'));
      const absent = lasting(server, device, 'absent');
      await readers.absent.join(absent, topic('#'));
      await absent.endAsync();
      for (const member of ['member1', 'member2']) await readers.group.join(lasting(server, device, member), `$share/group/${topic('#')}`);
      const publisher = new Publisher(server, device);
      for (let crash = 0; crash < CRASHES; crash++) {
        await sleep(100 + Math.random() * 700);
        await server.kill9();
        disk?.losePower();
        const acknowledged = publisher.retainedAcknowledged;
        await server.start();
        // Whoever comes anew sees the last write that was acknowledged, or a later one.
        const looker = mqtt.connect({ host: '127.0.0.1', port: server.ports.mqtt, clientId: `${NAME}/looker${crash}`, username: device.name, password: device.token });
        clients.push(looker);
        const seen = new Promise((resolve) => looker.on('message', (_, payload) => resolve(Number(payload.toString()))));
        await until(() => looker.connected, 'the looker');
        await looker.subscribeAsync(topic('state'), { qos: 1 });
        if (acknowledged > 0) {
          const value = await seen;
          assert(value >= acknowledged && value <= publisher.retainedWritten, `retained ${value} after ${acknowledged} was acknowledged`);
        }
        await looker.endAsync();
      }
      await publisher.stop();
      absent.reconnect();
      for (const [name, reader] of Object.entries(readers)) {
        await until(() => reader.missing(publisher).length === 0, `every acknowledged message at the reader "${name}"`, { timeout: 120_000, interval: 200 });
      }
      await sleep(500);
      const { 1: atLeastOnce, 2: exactlyOnce } = publisher.acknowledged;
      console.log(`    ${atLeastOnce.length} at QoS 1, ${exactlyOnce.length} at QoS 2, ${publisher.retainedAcknowledged} retained`);
      for (const [name, reader] of Object.entries(readers)) assert.deepEqual(reader.doubled(publisher), [], name);
      assert(atLeastOnce.length + exactlyOnce.length > 10 * CRASHES, 'too few messages were acknowledged');
      await server.stop();
    });
  });
}
