// dunlin analyze: files, standard input, and errors that name the line.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readFileSync } from 'node:fs';
import { run } from './lib/program.mjs';
import { binary, temporaryFile } from './lib/server.mjs';

const analyze = (...args) => run(binary, ['analyze', ...args]);
const recorded = new URL('../../data/nab/machine_temperature_system_failure.csv', import.meta.url).pathname;

describe('analyze', () => {
  test('gives back every row with a score and a band', async () => {
    const { code, stdout, stderr } = await analyze(recorded);
    assert.deepEqual([code, stderr], [0, '']);
    const rows = stdout.trimEnd().split('\n').map((line) => line.split(','));
    assert.deepEqual(rows.shift(), ['timestamp', 'value', 'anomaly_score', 'expected_low', 'expected_high']);
    const given = readFileSync(recorded, 'utf8').trimEnd().split('\n').slice(1);
    assert.deepEqual(rows.map((row) => row.slice(0, 2).join(',').trim()), given.map((line) => line.trim()));
    const alarms = rows.filter((row) => Number(row[2]) >= 0.5);
    assert(alarms.length >= 3 && alarms.length < 100, `${alarms.length} alarms`);
    const inside = rows.slice(1).filter((row) => Number(row[1]) >= Number(row[3]) && Number(row[1]) <= Number(row[4]));
    assert(inside.length > 0.95 * rows.length, `${inside.length} of ${rows.length} in the band`);
  });

  test('reads standard input', async () => {
    const text = 'time,value\n1396310400,1\n1396310401000,2\n';
    const { code, stdout } = await run(binary, ['analyze', '-'], { input: text });
    assert.equal(code, 0);
    assert.equal(stdout.split('\n')[2], '1396310401000,2,0,1,1');
  });

  test('names the line of what it cannot read, after the rows before it', async () => {
    const file = temporaryFile('broken.csv', 'timestamp,value\n2014-04-01 00:00:00,1\n2014-04-01 00:05:00,one\n');
    const { code, stdout, stderr } = await analyze(file);
    assert.equal(code, 1);
    assert.match(stderr, /broken\.csv: line 3: the value is not a number/);
    assert.match(stdout, /2014-04-01 00:00:00,1,0,,\n$/);
  });

  test('foretells the steps after the last row, and when a limit is passed', async () => {
    const rows = Array.from({ length: 300 }, (_, i) => `${1396310400 + 300 * i},${10 + i / 10 + (i % 3) / 10}`);
    const input = `timestamp,value\n${rows.join('\n')}\n`;
    const forecast = await run(binary, ['analyze', '-', '--forecast', '12'], { input });
    assert.equal(forecast.code, 0, forecast.stderr);
    const lines = forecast.stdout.trimEnd().split('\n').map((line) => line.split(','));
    assert.deepEqual(lines.shift(), ['timestamp', 'forecast', 'expected_low', 'expected_high']);
    assert.equal(lines.length, 12);
    lines.forEach(([time, value, low, high], i) => {
      assert.equal(Date.parse(time) / 1000, 1396310400 + 300 * (300 + i));
      assert(Math.abs(Number(value) - (40.1 + i / 10)) < 0.3, value);
      assert(Number(low) <= Number(value) && Number(value) <= Number(high));
    });
    const limit = await run(binary, ['analyze', '-', '--forecast', '500', '--limit', '60'], { input });
    const [head, answer] = limit.stdout.trimEnd().split('\n').map((line) => line.split(','));
    assert.deepEqual(head, ['limit', 'expected', 'earliest']);
    assert(Math.abs(Date.parse(answer[1]) / 1000 - (1396310400 + 300 * 500)) < 300 * 10, answer[1]);
    assert(answer[2] <= answer[1]);
    const short = await run(binary, ['analyze', '-', '--forecast', '5'], { input: rows.slice(0, 9).join('\n') });
    assert.equal(short.code, 1);
    assert.match(short.stderr, /too few rows for a forecast/);
    assert.equal((await analyze(recorded, '--forecast', '0')).code, 2);
    assert.equal((await analyze(recorded, '--limit', '5')).code, 2);
  });

  test('refuses what is no file of rows', async () => {
    assert.match((await analyze(temporaryFile('empty.csv', ''))).stderr, /no row of time and value/);
    const missing = await analyze('/nowhere/at.csv');
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /\/nowhere\/at\.csv/);
    assert.equal((await analyze()).code, 2);
  });
});
