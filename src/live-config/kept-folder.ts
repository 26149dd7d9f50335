import { lstat, mkdir, readdir, readFile, readlink, rename, rm, symlink } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { WatchgateError } from '../core/errors.js';
import { writeDurably } from '../files/write-durably.js';
import { type Draft, draftPath, draftPrefix, type KeptPlace } from './draft.js';
import { textProblems } from './text-problems.js';

const FILE_MODE = 0o644;

/**
 * A folder with a file for each key below a prefix. The path is a link to a folder beside it, as in a mounted
 * ConfigMap: turning the link replaces all files in one step, so that a program never reads half a change.
 */
export class KeptFolder implements KeptPlace {
  readonly path: string;
  readonly #prefix: string;
  /** The place of the prefix, for messages. */
  readonly #source: string;

  constructor(path: string, prefix: string, source: string) {
    this.path = path.replace(/(?<=.)\/+$/, '');
    this.#prefix = prefix;
    this.#source = source;
  }

  /** Throws when the path holds something that is not ours to replace. */
  async prepare(): Promise<void> {
    if (!(await this.exists())) return;
    const target = await readlink(this.path).catch(() => undefined);
    if (target?.startsWith(draftPrefix(this.path))) return;
    const reason =
      'is there already; of a prefix it becomes a link to a folder, and must not be there at first';
    throw new WatchgateError('COMMAND_FAILED', `--file: ${this.path} ${reason}`);
  }

  async exists(): Promise<boolean> {
    return (await lstat(this.path).catch(() => undefined)) !== undefined;
  }

  async draft(values: ReadonlyMap<string, string>): Promise<Draft | undefined> {
    const files = this.#filesOf(values);
    if (sameFiles(files, await readFiles(this.path))) return undefined;
    const path = draftPath(this.path);
    for (const [name, text] of files) {
      await mkdir(dirname(join(path, name)), { recursive: true });
      await writeDurably(join(path, name), text, FILE_MODE);
    }
    return {
      path,
      commit: () => this.#turnTo(path),
      discard: () => rm(path, { recursive: true, force: true }),
    };
  }

  /** Texts by path within the folder. A key must not lead out of it. */
  #filesOf(values: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
    const files = new Map<string, string>();
    const problems: string[] = [];
    for (const [key, text] of values) {
      const name = key.slice(this.#prefix.length);
      const problem = nameProblem(name, files);
      if (problem !== undefined) problems.push(`${this.#source}${name}: ${problem}`);
      problems.push(...textProblems(text, this.#source + name, name));
      files.set(name, text);
    }
    if (problems.length > 0) throw new WatchgateError('CONFIG_INVALID', problems.join('\n'));
    return files;
  }

  async #turnTo(folder: string): Promise<void> {
    const before = await readlink(this.path).catch(() => undefined);
    const link = `${folder}.link`;
    await symlink(basename(folder), link);
    await rename(link, this.path);
    // The one before stays for whoever is reading it; of those before that one nobody can be.
    const keep = [basename(folder), before];
    const siblings = await readdir(dirname(this.path));
    for (const name of siblings.filter(
      (name) => name.startsWith(draftPrefix(this.path)) && !keep.includes(name),
    ))
      await rm(join(dirname(this.path), name), { recursive: true, force: true });
  }
}

function nameProblem(name: string, files: ReadonlyMap<string, string>): string | undefined {
  const steps = name.split('/');
  if (steps.some((step) => step === '' || step === '.' || step === '..' || step.includes('\0')))
    return 'a part of the key is no name of a file';
  const above = steps.slice(1).map((_, depth) => steps.slice(0, depth + 1).join('/'));
  return above.some((parent) => files.has(parent)) ? 'a key above it has a value of its own' : undefined;
}

function sameFiles(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([name, text]) => b.get(name) === text);
}

async function readFiles(folder: string): Promise<ReadonlyMap<string, string>> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => []);
  const files = new Map<string, string>();
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    files.set(relative(folder, path), await readFile(path, 'utf8'));
  }
  return files;
}
