// A Dunlin server of its own for a test: ports that the system chooses, a temporary data folder, stopped at the end.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { request } from './http.mjs';
import { Program, run } from './program.mjs';

export const binary = process.env.DUNLIN_BINARY ?? new URL('../../../build/dunlin', import.meta.url).pathname;
if (!existsSync(binary)) {
  throw new Error(`There is no program ${binary}: build it first, or name it by DUNLIN_BINARY.`);
}

const servers = new Set();
const folders = [];
const LOG_TAIL = 6000;

/** A temporary folder that goes when the file's tests have ended. */
export function temporaryFolder(name = 'data') {
  const folder = mkdtempSync(join(tmpdir(), `dunlin-e2e-${name}-`));
  folders.push(folder);
  return folder;
}

after(async () => {
  for (const server of servers) await server.stop();
});
process.on('exit', (code) => {
  if (code !== 0) for (const server of servers) process.stderr.write(server.report());
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

const LISTENERS = ['mqtt', 'mqtts', 'https', 'http'];

export class Server {
  ports = {};
  logs = '';
  #program;

  constructor({ data, set = [], config, env = {} }) {
    this.data = data ?? temporaryFolder();
    this.options = { set, config, env };
  }

  /** Starts the program and waits for its `ready` line. */
  async start() {
    assert(!this.#program || this.#program.hasEnded, 'the server runs already');
    servers.add(this);
    const { set, config, env } = this.options;
    const args = ['serve', '--data', this.data, ...(config ? ['--config', config] : [])];
    const listen = LISTENERS.map((name) => `listen.${name}=127.0.0.1:${this.ports[name] ?? 0}`);
    for (const setting of [...listen, ...set]) args.push('--set', setting);
    const began = performance.now();
    this.#program = new Program(binary, args, { env });
    this.#program.endsWithTheFile = false;
    const [, line] = await this.#program.printed(/^ready (.*)$/m, 120_000);
    this.startSeconds = (performance.now() - began) / 1000;
    for (const [, name, port] of line.matchAll(/(\w+)=\S+:(\d+)/g)) this.ports[name] = Number(port);
    return this;
  }

  get pid() {
    return this.#program.pid;
  }
  get output() {
    return this.#program.stdout;
  }
  get log() {
    return this.logs + this.#program.stderr + this.#program.stdout;
  }

  /** The one-time link of the first sign-in, as printed. */
  async claimLink() {
    const [link] = await this.#program.printed(/https?:\/\/\S+#\/claim\/\S+/);
    return link;
  }

  get root() {
    return readFileSync(join(this.data, 'pki/root.pem'), 'utf8');
  }
  get rootFile() {
    return join(this.data, 'pki/root.pem');
  }
  get adminToken() {
    return readFileSync(join(this.data, 'admin.token'), 'utf8').trim();
  }

  /** `dunlin ARGS --data FOLDER`; gives {code, stdout, stderr}. */
  cli(...args) {
    return run(binary, [...args, '--data', this.data]);
  }

  /** The same with --json: must succeed; gives the answer. */
  async cliJson(...args) {
    const { code, stdout, stderr } = await this.cli(...args, '--json');
    assert.equal(code, 0, `dunlin ${args.join(' ')}: ${stderr}`);
    return JSON.parse(stdout);
  }

  /** One request, by default over plain loopback HTTP; see lib/http.mjs. */
  request(method, path, options = {}) {
    const { tls = false, ...rest } = options;
    const where = tls ? { port: this.ports.https, ca: this.root } : { port: this.ports.http };
    return request({ ...where, method, path, ...rest });
  }

  /** A request as the local administrator: must succeed; gives the answer. */
  async api(method, path, body) {
    const answer = await this.request(method, path, { token: this.adminToken, body });
    assert(answer.status < 300, `${method} ${path}: ${answer.status} ${answer.text}`);
    return answer.json;
  }

  /** A value of /metrics, summed over the labels that `labels` does not name. */
  async metric(name, labels = {}) {
    const { text } = await this.request('GET', '/metrics');
    let sum = 0;
    for (const line of text.split('\n')) {
      const match = line.match(/^(\w+)(?:\{(.*)\})? (\S+)$/);
      if (match?.[1] !== name) continue;
      if (Object.entries(labels).every(([key, value]) => match[2]?.includes(`${key}="${value}"`))) sum += Number(match[3]);
    }
    return sum;
  }

  /** Makes a thing with a token: {name, token}. */
  async thing(name, fields = {}) {
    await this.api('POST', '/api/things', { name, type: 'machine', ...fields });
    const { token } = await this.api('POST', `/api/things/${name}/tokens`, {});
    return { name, token };
  }

  /** Issues a certificate to a thing: the files {cert, key, ca} and the fingerprint. */
  async certificate(thing) {
    const issued = await this.api('POST', '/api/certificates', { thing });
    const folder = temporaryFolder('certificate');
    const files = { cert: join(folder, 'certificate.pem'), key: join(folder, 'key.pem'), ca: join(folder, 'ca.pem') };
    writeFileSync(files.cert, issued.certificate);
    writeFileSync(files.key, issued.private_key, { mode: 0o600 });
    writeFileSync(files.ca, issued.ca);
    return { ...files, fingerprint: issued.fingerprint };
  }

  /** A user who may subscribe to everything and publish nothing: {name, password}. */
  async user(name, policies = ['user']) {
    const password = 'calm sea at dawn';
    await this.api('POST', '/api/users', { name, password, policies });
    return { name, password };
  }

  async stop() {
    servers.delete(this);
    if (!this.#program || this.#program.hasEnded) return undefined;
    return this.#end(() => this.#program.stop());
  }

  /** Waits until the server has ended by itself: {code, ...}. */
  ended() {
    return this.#end(() => this.#program.ended);
  }

  /** Ends the server as a power switch would, but for the page cache. */
  async kill9() {
    this.#program.signal('SIGKILL');
    return this.#end(() => this.#program.ended);
  }

  async #end(how) {
    const result = await how();
    this.logs += result.stderr + result.stdout;
    this.#program.stdout = this.#program.stderr = '';
    return result;
  }

  report() {
    return `---- the server's output (${this.data}) ----\n${this.log.slice(-LOG_TAIL)}\n----\n`;
  }
}

/** Starts a server; options: data (folder), set (["key=value"]), config (file), env. */
export function start(options = {}) {
  return new Server(options).start();
}

/** A file in a new temporary folder. */
export function temporaryFile(name, text) {
  const folder = temporaryFolder('file');
  mkdirSync(folder, { recursive: true });
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}
