// A sync that fails: nothing of it is acknowledged, the program ends by itself with a status of its own, and what was acknowledged is
// there after a restart.
import assert from 'node:assert/strict';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { connect, disconnectAll } from './lib/mqtt.mjs';
import { until } from './lib/program.mjs';
import { start, temporaryFolder } from './lib/server.mjs';

const EX_IOERR = 74;
const NAME = 'logger-01';
const TOPIC = `demo/plant1/machine/${NAME}/level`;
const BEGIN = Date.UTC(2026, 0, 1);
const sample = (n) => JSON.stringify({ value: n, t: BEGIN + n });

after(disconnectAll);

/** A server whose syncs of files with `part` in their path fail while its disk is broken. */
async function breakable(part) {
  const library = process.env.DUNLIN_FAILING_SYNC;
  assert(library && existsSync(library), 'DUNLIN_FAILING_SYNC names the built power_cut/failing_sync.cc');
  const trigger = join(temporaryFolder('trigger'), 'broken');
  const server = await start({
    set: ['threads.reactors=1'],
    env: { LD_PRELOAD: library, FAILING_SYNC_PATH: part, FAILING_SYNC_TRIGGER: trigger },
  });
  const device = await server.thing(NAME);
  const client = await connect(server, device, { clientId: NAME, reconnectPeriod: 0 });
  return { server, client, breakDisk: () => writeFileSync(trigger, ''), mendDisk: () => rmSync(trigger) };
}

describe('a disk that breaks', () => {
  test('below the journal ends the program, and loses nothing that was acknowledged', async () => {
    const { server, client, breakDisk, mendDisk } = await breakable('/journal/');
    for (let n = 0; n < 20; n++) await client.publishAsync(TOPIC, sample(n), { qos: 1 });
    breakDisk();
    let acknowledged = false;
    client.publish(TOPIC, sample(20), { qos: 1 }, (error) => (acknowledged = !error));
    assert.equal((await server.ended()).code, EX_IOERR);
    assert.equal(acknowledged, false);
    assert.match(server.log, /the disk has broken, the program ends/);
    mendDisk();
    await server.start();
    const query = `device=${NAME}&channel=level&from=${BEGIN}&to=${BEGIN + 100}&points=1000`;
    await until(async () => {
      const { t } = await server.api('GET', `/api/series/range?${query}`);
      return Array.from({ length: 20 }, (_, n) => BEGIN + n).every((at) => t.includes(at));
    }, 'all acknowledged values');
    await server.stop();
  });

  test('below the store of states ends it, too', async () => {
    const { server, client, breakDisk } = await breakable('/keyed/');
    breakDisk();
    client.publish(TOPIC, sample(0), { qos: 1, retain: true }, () => {});
    assert.equal((await server.ended()).code, EX_IOERR);
  });
});
