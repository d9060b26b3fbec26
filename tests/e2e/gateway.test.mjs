// A platform and a gateway as programs of their own, with a line between them that the test can cut. Every sample that a device got
// acknowledged must be in storage once, in order per channel, whatever was cut or killed meanwhile.
import assert from 'node:assert/strict';
import { createServer, connect as connectTcp } from 'node:net';
import { after, before, describe, test } from 'node:test';
import mqtt from 'mqtt';
import { Disk } from './lib/power_cut.mjs';
import { Program, sleep, until } from './lib/program.mjs';
import { binary, start, temporaryFolder } from './lib/server.mjs';

const PER_SECOND = 200;
const CHANNELS = 10;
// The acceptance run takes 60; the daily one less.
const CUT_SECONDS = Number(process.env.DUNLIN_CUT_SECONDS ?? 6);

/** A TCP line that can be cut: no byte passes and nothing is refused until it is mended. */
class Line {
  #pairs = new Set();
  #cut = false;

  async open(targetPort) {
    this.targetPort = targetPort;
    this.server = createServer((near) => this.#join(near)).listen(0, '127.0.0.1');
    await new Promise((resolve) => this.server.once('listening', resolve));
    this.port = this.server.address().port;
    return this;
  }
  #join(near) {
    const pair = { near, far: undefined };
    this.#pairs.add(pair);
    near.on('error', () => {});
    near.on('close', () => this.#pairs.delete(pair));
    if (this.#cut) return void near.pause();
    pair.far = connectTcp(this.targetPort, '127.0.0.1');
    pair.far.on('error', () => near.destroy());
    pair.far.on('close', () => near.destroy());
    near.on('close', () => pair.far.destroy());
    near.pipe(pair.far);
    pair.far.pipe(near);
  }
  cut() {
    this.#cut = true;
    for (const { near, far } of this.#pairs) {
      near.unpipe();
      far?.unpipe();
      near.pause();
      far?.pause();
    }
  }
  /** What was under way is lost, as after a real cut. */
  mend() {
    this.#cut = false;
    for (const { near, far } of this.#pairs) {
      near.destroy();
      far?.destroy();
    }
  }
  close() {
    this.mend();
    this.server.close();
  }
}

let server;
let line;
let gateway;
let gatewaySettings;
let gatewayPort;
let device;
const data = temporaryFolder('gateway');
const serverData = temporaryFolder('platform');
const gatewayDisk = new Disk(data);
const serverDisk = new Disk(serverData);

async function startGateway() {
  const args = ['gateway', '--data', data];
  for (const setting of gatewaySettings) args.push('--set', setting);
  gateway = new Program(binary, args, { env: gatewayDisk.env });
  const [, port] = await gateway.printed(/^ready \S+:(\d+)/m, 60_000);
  gatewayPort = Number(port);
  gatewaySettings = gatewaySettings.map((setting) => (setting.startsWith('listen.mqtt=') ? `listen.mqtt=127.0.0.1:${gatewayPort}` : setting));
}

before(async () => {
  server = await start({ data: serverData, env: serverDisk.env });
  line = await new Line().open(server.ports.mqtts);
  await server.api('POST', '/api/things', { name: 'gateway-7', type: 'gateway', attributes: { project: 'demo', site: 'plant7' } });
  const certificate = await server.certificate('gateway-7');
  gatewaySettings = [
    'gateway.name=gateway-7',
    `uplink.endpoint=127.0.0.1:${line.port}`,
    'uplink.server_name=localhost',
    `uplink.ca_file=${certificate.ca}`,
    `uplink.certificate_file=${certificate.cert}`,
    `uplink.key_file=${certificate.key}`,
    'uplink.keep_alive=5s',
    'listen.mqtt=127.0.0.1:0',
    'listen.anonymous_on_loopback=true',
  ];
  await startGateway();
});
after(async () => {
  device?.end(true);
  await gateway?.stop();
  line?.close();
});

/** Publishes PER_SECOND messages a second over CHANNELS channels until stopped; keeps what was acknowledged. */
class Publisher {
  acknowledged = [];
  #next = 0;
  #stopped = false;

  constructor(name) {
    this.name = name;
    this.client = mqtt.connect(`mqtt://127.0.0.1:${gatewayPort}`, { clientId: name, protocolVersion: 5, reconnectPeriod: 200, clean: false,
      properties: { sessionExpiryInterval: 3600 } });
    this.client.on('error', () => {});
    this.started = Date.now();
    this.#timer = setInterval(() => this.#publish(), 1000 / PER_SECOND);
  }
  #timer;
  #publish() {
    // Never more often than a channel's clock ticks: a point is named by its millisecond.
    const due = Math.floor(((Date.now() - this.started) * PER_SECOND) / 1000);
    while (this.#next < due && !this.#stopped) {
      const number = this.#next++;
      const t = this.started + Math.floor((number * 1000) / PER_SECOND);
      const channel = `c${number % CHANNELS}`;
      const payload = JSON.stringify({ value: number, t, seq: number });
      this.client.publish(`demo/plant7/machine/${this.name}/${channel}`, payload, { qos: 1 }, (error) => {
        if (!error) this.acknowledged.push({ channel, t, number });
      });
    }
  }
  async stop() {
    this.#stopped = true;
    clearInterval(this.#timer);
    await until(() => this.acknowledged.length === this.#next, 'every acknowledgement', { timeout: 60_000 });
    await this.client.endAsync();
  }
}

async function stored(name, channel, from) {
  const path = `/api/series/range?device=${name}&channel=${channel}&from=${from - 1000}&to=${Date.now() + 1000}&points=10000`;
  const answer = await server.request('GET', path, { token: server.adminToken });
  return answer.status === 200 ? answer.json : { t: [], value: [], count: [] };
}

/** Each acknowledged sample is there once, and every channel's values rise. */
async function checkStored(publisher) {
  const expected = publisher.acknowledged.length;
  const total = async () => {
    let sum = 0;
    for (let i = 0; i < CHANNELS; ++i) sum += (await stored(publisher.name, `c${i}`, publisher.started)).t.length;
    return sum;
  };
  await until(async () => (await total()) >= expected, `${expected} samples in storage`, { timeout: 90_000, interval: 500 });
  for (let i = 0; i < CHANNELS; ++i) {
    const { t, value, count } = await stored(publisher.name, `c${i}`, publisher.started);
    const mine = publisher.acknowledged.filter(({ channel }) => channel === `c${i}`).sort((a, b) => a.number - b.number);
    assert.deepEqual(value, mine.map(({ number }) => number), `channel c${i}`);
    assert.deepEqual(t, mine.map((sample) => sample.t), `times of channel c${i}`);
    assert(count.every((n) => n === 1), `channel c${i}: a point stands for more than one sample`);
  }
}

describe('a gateway loses nothing and stores nothing twice', () => {
  test(`the line is cut for ${CUT_SECONDS} seconds`, { timeout: 300_000 }, async () => {
    const publisher = new Publisher('mixer-1');
    await sleep(1500);
    line.cut();
    await sleep(CUT_SECONDS * 1000);
    line.mend();
    await sleep(1500);
    await publisher.stop();
    await checkStored(publisher);
  });

  test('the platform is killed', { timeout: 300_000 }, async () => {
    const publisher = new Publisher('mixer-2');
    await sleep(1500);
    await server.kill9();
    await sleep(2000);
    await server.start();
    await sleep(1500);
    await publisher.stop();
    await checkStored(publisher);
  });

  test('the gateway is killed', { timeout: 300_000 }, async () => {
    const publisher = new Publisher('mixer-3');
    await sleep(1500);
    gateway.signal('SIGKILL');
    await gateway.ended;
    await sleep(500);
    await startGateway();
    await sleep(1500);
    await publisher.stop();
    await checkStored(publisher);
  });

  test('the platform loses its power', { timeout: 300_000 }, async () => {
    const publisher = new Publisher('mixer-5');
    await sleep(1500);
    await server.kill9();
    const changed = serverDisk.losePower();
    console.log(`    ${changed} files of the platform lost bytes or their name`);
    await sleep(1000);
    await server.start();
    await sleep(1500);
    await publisher.stop();
    await checkStored(publisher);
  });

  test('the gateway loses its power', { timeout: 300_000 }, async () => {
    const publisher = new Publisher('mixer-6');
    await sleep(1500);
    gateway.signal('SIGKILL');
    await gateway.ended;
    const changed = gatewayDisk.losePower();
    console.log(`    ${changed} files of the gateway lost bytes or their name`);
    await sleep(500);
    await startGateway();
    await sleep(1500);
    await publisher.stop();
    await checkStored(publisher);
  });

  test('things behind the gateway are online with it and offline without it', { timeout: 120_000 }, async () => {
    device = mqtt.connect(`mqtt://127.0.0.1:${gatewayPort}`, { clientId: 'mixer-4', protocolVersion: 5 });
    const presence = async () => (await server.request('GET', '/api/things/mixer-4/presence', { token: server.adminToken })).json;
    await until(async () => (await presence())?.online === true, 'mixer-4 to be online');
    assert.equal((await presence()).gateway, 'gateway-7');
    gateway.signal('SIGKILL');
    await gateway.ended;
    await until(async () => (await presence())?.online === false, 'mixer-4 to be offline');
    assert.equal((await presence()).reason, 'gateway_offline');
    await startGateway();
    await until(async () => (await presence())?.online === true, 'mixer-4 to be online again');
  });
});
