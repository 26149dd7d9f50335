import { appendFile, mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock, Timer } from '../core/clock.js';
import { messageOf, systemCode } from '../core/errors.js';
import type { JournalEntry, JournalView } from '../core/views.js';

export interface JournalFileOptions {
  /** Of the newest file, such as `…/journal.ndjson`; older ones are `journal.ndjson.1`, `.2`, … */
  readonly path: string;
  readonly clock: Clock;
  /** Told in one sentence, once until writing works again. */
  readonly onProblem: (problem: string) => void;
  /** Size at which a new file is begun, bytes. */
  readonly maxBytes?: number;
  /** How many files are kept, the newest included; at least 2. */
  readonly maxFiles?: number;
}

const MAX_BYTES = 4 * 1024 * 1024;
const MAX_FILES = 8;
/** Entries are gathered for this long: one write for many. */
const BATCH_MS = 200;
/** Entries that wait for a disk that does not take them; beyond it the oldest are lost. */
const MAX_WAITING = 10_000;

const KINDS: ReadonlySet<unknown> = new Set<JournalEntry['kind']>([
  'membership',
  'health',
  'source',
  'config',
]);

/**
 * The journal on disk, one JSON object a line, in files of bounded size and number. Writes behind: a
 * slow, full or missing disk costs entries on disk, never a request, and never the gateway.
 */
export class JournalFile {
  readonly #options: JournalFileOptions;
  readonly #maxBytes: number;
  readonly #maxFiles: number;
  #waiting: JournalEntry[] = [];
  #size: number | undefined;
  #timer: Timer | undefined;
  #writing: Promise<void> = Promise.resolve();
  #unsubscribe: (() => void) | undefined;
  #hasProblem = false;

  constructor(options: JournalFileOptions) {
    this.#options = options;
    this.#maxBytes = options.maxBytes ?? MAX_BYTES;
    this.#maxFiles = Math.max(2, options.maxFiles ?? MAX_FILES);
  }

  /** The newest `count` entries of earlier runs, oldest first. What cannot be read is left out. Never rejects. */
  async load(count: number): Promise<JournalEntry[]> {
    let entries: JournalEntry[] = [];
    for (let file = 0; file < this.#maxFiles && entries.length < count; file += 1) {
      const older = await this.#read(this.#name(file));
      if (older === undefined) break;
      entries = [...older, ...entries];
    }
    return entries.slice(-count);
  }

  /** Writes each new entry from now on. */
  follow(journal: JournalView): void {
    this.#unsubscribe = journal.subscribe((entry) => {
      this.#waiting.push(entry);
      if (this.#waiting.length > MAX_WAITING) this.#waiting.shift();
      this.#timer ??= this.#options.clock.after(BATCH_MS, () => this.#flush());
    });
  }

  /** Writes out what waits, as far as the disk takes it. Never rejects. */
  async close(): Promise<void> {
    this.#unsubscribe?.();
    this.#flush();
    await this.#writing;
  }

  #flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#writing = this.#writing.then(() => this.#write());
  }

  async #write(): Promise<void> {
    const entries = this.#waiting;
    if (entries.length === 0) return;
    this.#waiting = [];
    // Not sooner: an entry may be completed while it waits.
    const text = entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');
    try {
      await this.#append(text);
      this.#hasProblem = false;
    } catch (error) {
      this.#size = undefined;
      this.#waiting = [...entries, ...this.#waiting].slice(-MAX_WAITING);
      this.#tell(error);
    }
  }

  async #append(text: string): Promise<void> {
    const { path } = this.#options;
    if (this.#size === undefined) {
      await mkdir(dirname(path), { recursive: true });
      this.#size = await repairedSize(path);
    }
    const bytes = Buffer.byteLength(text);
    if (this.#size > 0 && this.#size + bytes > this.#maxBytes) await this.#rotate();
    await appendFile(path, text, { mode: 0o600 });
    this.#size += bytes;
  }

  async #rotate(): Promise<void> {
    for (let file = this.#maxFiles - 2; file >= 0; file -= 1) {
      await rename(this.#name(file), this.#name(file + 1)).catch(ignoreMissing);
    }
    this.#size = 0;
  }

  #name(file: number): string {
    return file === 0 ? this.#options.path : `${this.#options.path}.${file}`;
  }

  async #read(path: string): Promise<JournalEntry[] | undefined> {
    try {
      return (await readFile(path, 'utf8')).split('\n').flatMap(readEntry);
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') this.#tell(error);
      return undefined;
    }
  }

  #tell(error: unknown): void {
    if (!this.#hasProblem) this.#options.onProblem(`the journal on disk: ${messageOf(error)}`);
    this.#hasProblem = true;
  }
}

/** One entry, or none for a line that a crash cut short or someone else wrote. */
function readEntry(line: string): JournalEntry[] {
  try {
    const value: unknown = JSON.parse(line);
    return isEntry(value) ? [value] : [];
  } catch {
    return [];
  }
}

function isEntry(value: unknown): value is JournalEntry {
  return (
    typeof value === 'object' &&
    value !== null &&
    'kind' in value &&
    KINDS.has(value.kind) &&
    'at' in value &&
    typeof value.at === 'number'
  );
}

/** Size of a file in bytes, 0 when there is none, after a last line that a crash cut short was ended. */
async function repairedSize(path: string): Promise<number> {
  const file = await open(path, 'r+').catch(ignoreMissing);
  if (file === 0) return 0;
  try {
    const { size } = await file.stat();
    const { bytesRead, buffer } = await file.read(Buffer.alloc(1), 0, 1, Math.max(0, size - 1));
    if (bytesRead === 0 || buffer.toString() === '\n') return size;
    await file.write('\n', size);
    return size + 1;
  } finally {
    await file.close();
  }
}

function ignoreMissing(error: unknown): 0 {
  if (systemCode(error) === 'ENOENT') return 0;
  throw error;
}
