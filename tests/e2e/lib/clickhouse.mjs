// ClickHouse itself as a peer: a server of its own in a temporary folder, asked over HTTP.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from './mosquitto_server.mjs';
import { Program, until } from './program.mjs';
import { temporaryFolder } from './server.mjs';

const PROGRAM = ['/usr/sbin/clickhouse-server', '/usr/bin/clickhouse-server'].find(existsSync);

export class ClickHouse {
  #program;

  static async start({ threads = 2 } = {}) {
    assert(PROGRAM, 'clickhouse-server is not installed: tools/setup does it');
    const server = new ClickHouse();
    const folder = temporaryFolder('clickhouse');
    server.port = await freePort();
    for (const name of ['data', 'tmp', 'format']) mkdirSync(join(folder, name));
    const file = join(folder, 'config.xml');
    writeFileSync(
      file,
      `<yandex><logger><level>error</level><console>1</console></logger><listen_host>127.0.0.1</listen_host>
<http_port>${server.port}</http_port><path>${folder}/data/</path><tmp_path>${folder}/tmp/</tmp_path>
<format_schema_path>${folder}/format/</format_schema_path><mark_cache_size>268435456</mark_cache_size>
<users_config>${folder}/users.xml</users_config><default_profile>default</default_profile>
<default_database>default</default_database></yandex>`,
    );
    writeFileSync(
      join(folder, 'users.xml'),
      `<yandex><profiles><default><max_threads>${threads}</max_threads></default></profiles>
<users><default><password></password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></default></users>
<quotas><default></default></quotas></yandex>`,
    );
    server.#program = new Program(PROGRAM, [`--config-file=${file}`], { cwd: folder, env: { TZ: 'UTC' } });
    await until(() => server.query('SELECT 1').catch(() => false), 'ClickHouse answers', { timeout: 60_000 });
    return server;
  }

  get pid() {
    return this.#program.pid;
  }

  /** `body`: what an INSERT inserts. Gives the answer's text. */
  async query(sql, body) {
    const url = `http://127.0.0.1:${this.port}/?output_format_json_quote_64bit_integers=0`;
    const answer = await fetch(body === undefined ? url : `${url}&query=${encodeURIComponent(sql)}`, { method: 'POST', body: body ?? sql });
    const text = await answer.text();
    assert(answer.ok, `${sql.slice(0, 200)}: ${text}`);
    return text;
  }

  /** Rows of numbers, texts and nulls. */
  async rows(sql) {
    return JSON.parse(await this.query(`${sql} FORMAT JSONCompact`)).data;
  }

  stop() {
    return this.#program.stop();
  }
}
