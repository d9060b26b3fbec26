// Paho's Python client (Debian python3-paho-mqtt) against the server: TCP, TLS, WebSocket and secure WebSocket; MQTT 3.1.1 and 5.
// The tests themselves are in paho/peers.py.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { run } from './lib/program.mjs';
import { start } from './lib/server.mjs';

const NAME = 'paho-01';
const PYTHON = process.env.DUNLIN_PAHO_PYTHON ?? '/usr/bin/python3'; // Debian's own, which has the package
const SCRIPT = new URL('./paho/peers.py', import.meta.url).pathname;
let server;
let setup;

before(async () => {
  server = await start();
  const { token } = await server.thing(NAME);
  const { cert, key } = await server.certificate(NAME);
  const { mqtt: tcp, mqtts: tls, http: ws, https: wss } = server.ports;
  setup = { ports: { tcp, tls, ws, wss }, root: server.rootFile, name: NAME, token, cert, key };
});

describe('Paho', () => {
  for (const transport of ['tcp', 'tls', 'ws', 'wss']) {
    for (const version of [4, 5]) {
      test(`${transport}, MQTT ${version === 4 ? '3.1.1' : '5'}`, { timeout: 120_000 }, async () => {
        const env = { ...process.env, DUNLIN_PAHO: JSON.stringify({ ...setup, transport, version }) };
        const { code, stderr } = await run(PYTHON, [SCRIPT], { env, timeout: 110_000 });
        assert.equal(code, 0, stderr);
        const [, count] = stderr.match(/^Ran (\d+) tests/m);
        assert(Number(count) >= 19, stderr);
      });
    }
  }
});
