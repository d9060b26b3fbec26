// A disk of a few megabytes for a test, which can be filled. Mounting needs root.
import assert from 'node:assert/strict';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { run } from './program.mjs';
import { temporaryFolder } from './server.mjs';

/** Why tests with a small disk are left out; false: they are not. */
export const skip = process.getuid() === 0 ? false : 'mounting a small disk needs root';

async function command(name, ...args) {
  const { code, stderr } = await run(name, args);
  assert.equal(code, 0, `${name} ${args.join(' ')}: ${stderr}`);
}

export class SmallDisk {
  #folder = temporaryFolder('disk');
  #warn = () => console.error(`unmount ${this.#folder}`);

  static async mount(size) {
    const disk = new SmallDisk();
    await command('mount', '-t', 'tmpfs', '-o', `size=${size}`, 'dunlin-e2e', disk.#folder);
    process.once('exit', disk.#warn);
    return disk;
  }
  /** For a server. */
  get data() {
    return `${this.#folder}/data`;
  }
  /** Writes a file until there is no room left. */
  fill() {
    const file = openSync(`${this.#folder}/ballast`, 'w');
    for (const size of [1 << 20, 4096, 1]) {
      try {
        for (;;) writeSync(file, Buffer.alloc(size));
      } catch (error) {
        assert.equal(error.code, 'ENOSPC');
      }
    }
    closeSync(file);
  }
  /** There is room again. */
  clear() {
    rmSync(`${this.#folder}/ballast`);
  }
  async unmount() {
    await command('umount', this.#folder);
    process.off('exit', this.#warn);
  }
}
