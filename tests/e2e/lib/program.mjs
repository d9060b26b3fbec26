// Programs that a test starts: their output is kept, and every one is gone when the test file ends.
import { spawn } from 'node:child_process';
import { after } from 'node:test';

const running = new Set();
const endAll = () => {
  for (const program of running) if (program.endsWithTheFile) program.signal('SIGKILL');
};
// A test that failed leaves programs behind, and node would wait for them. Servers end by their own hook, in peace.
after(endAll);
// Hooks of the test runner are not run when a file is cut off by its time limit; this one is.
process.on('exit', () => {
  for (const program of running) program.signal('SIGKILL');
});
for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => process.exit(1));

// The server takes DUNLIN_* as configuration and refuses a key that it does not know; these name files for the tests only.
const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('DUNLIN_')));

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Asks `probe` until it gives something true, and gives that. */
export async function until(probe, what, { timeout = 30_000, interval = 20 } = {}) {
  const end = Date.now() + timeout;
  for (;;) {
    const value = await probe();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited ${timeout / 1000} s in vain for ${what}`);
    await sleep(interval);
  }
}

export class Program {
  stdout = '';
  stderr = '';
  code = null;
  endedBy = null;
  endsWithTheFile = true;
  #child;

  constructor(command, args, { env = {}, stdin = 'ignore' } = {}) {
    this.name = `${command} ${args.join(' ')}`;
    this.#child = spawn(command, args, { env: { ...inherited, ...env }, stdio: [stdin, 'pipe', 'pipe'] });
    running.add(this);
    this.#child.stdout.setEncoding('utf8').on('data', (text) => (this.stdout += text));
    this.#child.stderr.setEncoding('utf8').on('data', (text) => (this.stderr += text));
    this.ended = new Promise((resolve) => {
      const end = (code, signal) => {
        running.delete(this);
        this.code = code;
        this.endedBy = signal;
        resolve({ code, signal, stdout: this.stdout, stderr: this.stderr });
      };
      this.#child.on('close', end);
      this.#child.on('error', (error) => {
        this.stderr += `${command}: ${error.message}\n`;
        end(127, null);
      });
    });
  }

  get pid() {
    return this.#child.pid;
  }
  get stdin() {
    return this.#child.stdin;
  }
  get hasEnded() {
    return !running.has(this);
  }
  get lines() {
    return this.stdout.split('\n').filter((line) => line !== '');
  }

  signal(name) {
    if (this.pid !== undefined && !this.hasEnded) process.kill(this.pid, name);
  }

  /** Waits until `pattern` is in the standard output; gives the match. */
  async printed(pattern, timeout = 30_000) {
    return until(
      () => {
        const match = this.stdout.match(pattern);
        if (!match && this.hasEnded) throw new Error(`${this.name} ended (${this.code ?? this.endedBy}):\n${this.stdout}${this.stderr}`);
        return match;
      },
      `${pattern} from ${this.name}; so far:\n${this.stdout}${this.stderr}`,
      { timeout },
    );
  }

  /** SIGTERM, and SIGKILL when that does not help. */
  async stop(timeout = 30_000) {
    this.signal('SIGTERM');
    const late = setTimeout(() => this.signal('SIGKILL'), timeout);
    const result = await this.ended;
    clearTimeout(late);
    return result;
  }
}

/** Runs a program to its end; gives {code, signal, stdout, stderr}. */
export async function run(command, args, { input, timeout = 60_000, ...options } = {}) {
  const program = new Program(command, args, { ...options, stdin: input === undefined ? 'ignore' : 'pipe' });
  if (input !== undefined) program.stdin.end(input);
  const late = setTimeout(() => program.signal('SIGKILL'), timeout);
  const result = await program.ended;
  clearTimeout(late);
  return result;
}
