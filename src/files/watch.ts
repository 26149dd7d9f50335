import { createHash } from 'node:crypto';
import { type FSWatcher, watch } from 'node:fs';
import { readFile, realpath } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Clock, Timer } from '../core/clock.js';

/** Editors write in several steps; a change is looked at once they have been quiet this long. */
const QUIET_MS = 100;
/** For file systems that report no events (NFS, some volumes) and when the system has no watch to spare. */
const POLL_MS = 10_000;

export interface FileWatchOptions {
  /** Called once for each change of what the file holds, also when it disappears. Must not throw. */
  readonly onChange: () => void;
  readonly clock: Clock;
}

export interface FileWatch {
  /** Resolves once the first look at the file is done, from which on changes are noticed. */
  readonly ready: Promise<void>;
  /** The file was loaded without having been told of: whatever it holds at the next look counts as a change. */
  forget(): void;
  /** Idempotent; nothing is called afterwards. */
  close(): void;
}

/**
 * Watches what a file holds. It watches folders, not the file: an atomic rename replaces the file
 * itself, and Kubernetes updates a ConfigMap by swapping the `..data` link beside it. Await `ready`
 * before loading the file for the first time, so that no change falls between the two.
 */
export function watchFile(path: string, options: FileWatchOptions): FileWatch {
  return new FolderWatch(path, options);
}

class FolderWatch implements FileWatch {
  readonly ready: Promise<void>;
  readonly #path: string;
  readonly #options: FileWatchOptions;
  readonly #folders = new Map<string, FSWatcher>();
  #seen: string | undefined;
  #quiet: Timer | undefined;
  #poll: Timer | undefined;
  #looking = false;
  #lookAgain = false;
  #closed = false;

  constructor(path: string, options: FileWatchOptions) {
    this.#path = resolve(path);
    this.#options = options;
    this.ready = this.#look();
  }

  forget(): void {
    if (this.#seen !== undefined) this.#seen = 'forgotten';
  }

  close(): void {
    this.#closed = true;
    this.#quiet?.cancel();
    this.#poll?.cancel();
    for (const watcher of this.#folders.values()) watcher.close();
    this.#folders.clear();
  }

  readonly #stirred = (): void => {
    this.#quiet?.cancel();
    this.#quiet = this.#options.clock.after(QUIET_MS, () => void this.#look());
  };

  /** Compares what the file holds with what it held. Never rejects; never runs twice at once. */
  async #look(): Promise<void> {
    if (this.#looking) {
      this.#lookAgain = true;
      return;
    }
    this.#looking = true;
    do {
      this.#lookAgain = false;
      await this.#watchFolders();
      const held = await fingerprint(this.#path);
      if (this.#closed) return;
      const isFirst = this.#seen === undefined;
      const changed = held !== this.#seen;
      this.#seen = held;
      if (changed && !isFirst) this.#options.onChange();
    } while (this.#lookAgain && !this.#closed);
    this.#looking = false;
    this.#poll?.cancel();
    if (!this.#closed) this.#poll = this.#options.clock.after(POLL_MS, () => void this.#look());
  }

  /** The folder of the path and, if it is a link, the one where the file really is. */
  async #watchFolders(): Promise<void> {
    const real = await realpath(this.#path).catch(() => this.#path);
    if (this.#closed) return;
    const wanted = new Set([dirname(this.#path), dirname(real)]);
    for (const [folder, watcher] of this.#folders) {
      if (!wanted.has(folder)) this.#forget(folder, watcher);
    }
    for (const folder of wanted) {
      if (!this.#folders.has(folder)) this.#watchFolder(folder);
    }
  }

  #watchFolder(folder: string): void {
    try {
      const watcher = watch(folder, { persistent: false }, this.#stirred);
      // The next poll tries again; until then the poll itself finds changes.
      watcher.on('error', () => this.#forget(folder, watcher));
      this.#folders.set(folder, watcher);
    } catch {
      // No such folder now, or no watch to spare: the poll finds changes, and tries again.
    }
  }

  #forget(folder: string, watcher: FSWatcher): void {
    watcher.close();
    this.#folders.delete(folder);
  }
}

async function fingerprint(path: string): Promise<string> {
  try {
    return createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
  } catch {
    return 'unreadable';
  }
}
