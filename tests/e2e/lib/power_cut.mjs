// A disk that loses its power: the program runs with power_cut/synced_image.cc preloaded, is killed, and its data folder is made
// anew from what it had synced.
import assert from 'node:assert/strict';
import { copyFileSync, chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from './server.mjs';

const library = process.env.DUNLIN_SYNCED_IMAGE;

export class Disk {
  #image;

  constructor(folder, { ignoreSync = false } = {}) {
    assert(library && existsSync(library), 'DUNLIN_SYNCED_IMAGE names the built power_cut/synced_image.cc');
    this.folder = realpathSync(folder);
    this.#image = temporaryFolder('image');
    this.env = { LD_PRELOAD: library, POWER_CUT_FOLDER: this.folder, POWER_CUT_IMAGE: this.#image };
    if (ignoreSync) this.env.POWER_CUT_IGNORE_SYNC = '1';
  }

  /** After the program has been killed: the folder as a machine finds it that comes up again. Gives how many files lost bytes. */
  losePower() {
    const before = sizes(this.folder);
    for (const name of readdirSync(this.folder)) rmSync(join(this.folder, name), { recursive: true });
    this.#restore(readFileSync(join(this.#image, 'root'), 'utf8'), this.folder);
    const now = sizes(this.folder);
    for (const name of readdirSync(this.#image)) rmSync(join(this.#image, name));
    return [...before].filter(([name, size]) => now.get(name) !== size).length;
  }

  #restore(key, folder) {
    const names = join(this.#image, `names-${key}`);
    if (!existsSync(names)) return;
    for (const line of readFileSync(names, 'utf8').split('\n').filter(Boolean)) {
      const [, kind, mode, child, name] = line.match(/^([df]) (\d+) (\S+) (.*)$/);
      const path = join(folder, name);
      const content = join(this.#image, `data-${child}`);
      if (kind === 'd') {
        mkdirSync(path);
        this.#restore(child, path);
      } else if (existsSync(content)) {
        copyFileSync(content, path);
      } else {
        writeFileSync(path, '');
      }
      chmodSync(path, parseInt(mode, 8));
    }
  }
}

/** Path to size of every file below. */
function sizes(folder) {
  const found = new Map();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) found.set(join(entry.parentPath, entry.name), readFileSync(join(entry.parentPath, entry.name)).length);
  }
  return found;
}
