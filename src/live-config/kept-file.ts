import { chmod, chown, lstat, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemCode, WatchgateError } from '../core/errors.js';
import { writeDurably } from '../files/write-durably.js';
import { type Draft, draftPath, type KeptPlace } from './draft.js';
import { textProblems } from './text-problems.js';

const NEW_FILE_MODE = 0o644;

/** One file with the value of one key. Mode and owner are those of the file before; through a link it is the file that is replaced. */
export class KeptFile implements KeptPlace {
  readonly path: string;
  /** The place of the value, for messages. */
  readonly #source: string;

  constructor(path: string, source: string) {
    this.path = path;
    this.#source = source;
  }

  /** Throws when the path cannot hold a file. */
  async prepare(): Promise<void> {
    const folder = await stat(dirname(this.path)).catch(() => undefined);
    if (!folder?.isDirectory())
      throw new WatchgateError('COMMAND_FAILED', `--file: there is no folder ${dirname(this.path)}`);
    const there = await stat(this.path).catch(() => undefined);
    if (there?.isDirectory())
      throw new WatchgateError(
        'COMMAND_FAILED',
        `--file: ${this.path} is a folder, and the key is one value; for all keys below it end it with /`,
      );
  }

  async exists(): Promise<boolean> {
    return (await lstat(this.path).catch(() => undefined)) !== undefined;
  }

  async draft(values: ReadonlyMap<string, string>): Promise<Draft | undefined> {
    const [text = ''] = values.values();
    const problems = textProblems(text, this.#source, this.path);
    if (problems.length > 0) throw new WatchgateError('CONFIG_INVALID', problems.join('\n'));
    const target = await realpath(this.path).catch(() => this.path);
    const before = await readFile(target, 'utf8').catch(ifThere);
    if (before === text) return undefined;
    const path = draftPath(target);
    await writeDurably(path, text, NEW_FILE_MODE);
    if (before !== undefined) await keepStanding(target, path);
    return { path, commit: () => rename(path, target), discard: () => rm(path, { force: true }) };
  }
}

/** Mode and owner; only root may give a file away, and for others it is theirs already or cannot be helped. */
async function keepStanding(from: string, to: string): Promise<void> {
  const { mode, uid, gid } = await stat(from);
  await chown(to, uid, gid).catch(() => undefined);
  await chmod(to, mode & 0o7777);
}

function ifThere(error: unknown): undefined {
  if (systemCode(error) !== 'ENOENT') throw error;
}
