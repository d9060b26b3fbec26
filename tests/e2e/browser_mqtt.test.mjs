// MQTT from a page in Chromium: mqtt.js's browser bundle over secure WebSocket, the certificate checked against the imported root.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { openBrowser, openPage } from './lib/browser.mjs';
import { connect, disconnectAll, messages } from './lib/mqtt.mjs';
import { start } from './lib/server.mjs';

const NAME = 'tablet-01';
const BASE = `demo/plant1/machine/${NAME}`;
const BUNDLE = new URL('./node_modules/mqtt/dist/mqtt.min.js', import.meta.url).pathname;
let server;
let device;
let context;
let page;

before(async () => {
  server = await start();
  device = await server.thing(NAME);
  context = await openBrowser({ rootFile: server.rootFile });
  // The page is one of the server's own: its policy for scripts and connections holds for what is tried here.
  const origin = `https://localhost:${server.ports.https}`;
  page = await openPage(context, origin, [/401/]);
  await page.goto(origin);
  await page.evaluate(`(() => { ${readFileSync(BUNDLE, 'utf8')}\nglobalThis.mqtt = mqtt; })()`);
});
after(async () => {
  await context?.close();
  disconnectAll();
});

describe('Chromium over secure WebSocket', () => {
  for (const protocolVersion of [4, 5]) {
    test(`QoS 0, 1 and 2 both ways, retained and binary, MQTT ${protocolVersion === 4 ? '3.1.1' : '5'}`, async () => {
      const topic = `${BASE}/browser${protocolVersion}`;
      const peer = await connect(server, device, { clientId: `${NAME}/peer${protocolVersion}`, version: protocolVersion === 4 ? 3 : 5 });
      await peer.subscribeAsync(`${topic}/up`, { qos: 2 });
      await peer.publishAsync(`${topic}/down`, 'kept', { qos: 1, retain: true });
      const options = { protocolVersion, username: device.name, password: device.token, clientId: `${NAME}/page${protocolVersion}`, reconnectPeriod: 0, timerVariant: 'native' };
      const granted = await page.evaluate(
        async ({ url, options, topic }) => {
          const client = (globalThis.client = await globalThis.mqtt.connectAsync(url, options));
          globalThis.got = [];
          client.on('message', (_, payload, { qos, retain }) => globalThis.got.push([[...payload].join(), qos, retain]));
          const all = await client.subscribeAsync(`${topic}/down`, { qos: 2 });
          for (const qos of [0, 1, 2]) await client.publishAsync(`${topic}/up`, `from the page ${qos}`, { qos });
          return all.map(({ qos }) => qos);
        },
        { url: `wss://localhost:${server.ports.https}/mqtt`, options, topic },
      );
      assert.deepEqual(granted, [2]);
      assert.deepEqual((await messages(peer, 3)).map(({ packet }) => packet.qos), [0, 1, 2]);
      for (const qos of [0, 1, 2]) await peer.publishAsync(`${topic}/down`, Buffer.from([qos, 0, 255]), { qos });
      await page.waitForFunction(() => globalThis.got.length >= 4);
      const kept = [...Buffer.from('kept')].join();
      assert.deepEqual(await page.evaluate(() => globalThis.got), [
        [kept, 1, true],
        ['0,0,255', 0, false],
        ['1,0,255', 1, false],
        ['2,0,255', 2, false],
      ]);
      await page.evaluate(() => globalThis.client.endAsync());
      await peer.publishAsync(`${topic}/down`, '', { qos: 1, retain: true });
      await peer.endAsync();
      assert.deepEqual(page.faults, []);
    });
  }

  test('a wrong secret is refused', async () => {
    const url = `wss://localhost:${server.ports.https}/mqtt`;
    const options = { protocolVersion: 5, username: device.name, password: 'wrong', clientId: NAME, reconnectPeriod: 0 };
    const code = await page.evaluate(
      async ({ url, options }) => globalThis.mqtt.connectAsync(url, options).then(() => 0, (error) => error.code),
      { url, options },
    );
    assert([0x86, 0x87].includes(code), String(code));
  });
});
