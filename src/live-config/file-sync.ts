import { type Clock, delay, type Timer } from '../core/clock.js';
import { messageOf, WatchgateError } from '../core/errors.js';
import type { Random } from '../core/random.js';
import type { KeptPlace } from './draft.js';
import type { KeyLocation } from './key-location.js';
import { checkedText } from './value-text.js';
import { type KeysListener, type KeysSnapshot, WatchedKeys } from './watched-keys.js';

export interface FileSyncOptions {
  readonly location: KeyLocation;
  readonly place: KeptPlace;
  /** Judges a draft by its path; answers why it is refused. */
  readonly check: (path: string) => Promise<string | undefined>;
  /** Between the first change and the taking of all that have come meanwhile. Milliseconds. */
  readonly waitMs: number;
  /** The place holds something new. What is put meanwhile is taken when this has resolved; must not reject. */
  readonly written: () => Promise<void>;
  /** Called with one line for each thing that the user should know. */
  readonly note: (line: string) => void;
  readonly clock: Clock;
  readonly random: Random;
}

/** A full disk may be mended; nobody would put the same value again for it. */
const WRITE_AGAIN_MS = 10_000;

/** Keeps a file or folder in step with a key or prefix. What it holds is good, if it ever was, whatever the registry has. */
export class FileSync {
  readonly #options: FileSyncOptions;
  readonly #keys: WatchedKeys;
  readonly #abort = new AbortController();
  #newest: KeysSnapshot | undefined;
  #taking: Promise<void> | undefined;
  #again: Timer | undefined;
  #first = true;
  /** Why the place does not hold the newest value. */
  #refusal: WatchgateError | undefined;

  constructor(options: FileSyncOptions) {
    const { location, clock, random } = options;
    this.#options = options;
    this.#keys = new WatchedKeys({ location, clock, random, listener: this.#listener() });
  }

  /**
   * Starts, and resolves once the place is in step. Rejects when the registry refuses, when `signal` aborts before
   * it has answered, and for a first value that cannot be taken. It goes on all the same, until it is closed.
   */
  async open(signal?: AbortSignal): Promise<void> {
    await this.#keys.open(signal);
    await this.#taking;
    if (this.#refusal !== undefined) throw this.#refusal;
  }

  /** Idempotent. What is being written is finished. */
  async close(): Promise<void> {
    this.#abort.abort();
    this.#again?.cancel();
    this.#newest = undefined;
    await this.#keys.close();
    await this.#taking;
  }

  #listener(): KeysListener {
    const { location, note } = this.#options;
    let away = false;
    const lost = (reason: string): void => {
      away = true;
      note(`cannot read ${location.name}: ${reason}; trying again`);
    };
    return {
      changed: (snapshot) => this.#offer(snapshot),
      connected: () => {
        if (away) note(`${location.name} is followed again`);
        away = false;
      },
      disconnected: lost,
      fault: ({ message }) => lost(message),
    };
  }

  #offer(snapshot: KeysSnapshot): void {
    this.#again?.cancel();
    this.#newest = snapshot;
    this.#taking ??= this.#takeNewest();
  }

  async #takeNewest(): Promise<void> {
    const { clock, waitMs, written } = this.#options;
    while (this.#newest !== undefined) {
      if (!this.#first) await delay(clock, waitMs, this.#abort.signal);
      this.#first = false;
      const snapshot = this.#newest;
      this.#newest = undefined;
      if (this.#abort.signal.aborted) break;
      if (await this.#take(snapshot)) await written();
    }
    this.#taking = undefined;
  }

  /** Whether the place holds something else now. */
  async #take(snapshot: KeysSnapshot): Promise<boolean> {
    try {
      const changed = await this.#write(snapshot);
      this.#refusal = undefined;
      return changed;
    } catch (error) {
      this.#refuse(error, snapshot);
      return false;
    }
  }

  async #write({ values, revision }: KeysSnapshot): Promise<boolean> {
    const { place, location, check, note } = this.#options;
    if (values.size === 0) {
      const missing = location.key.endsWith('/') ? 'there is no key below it' : 'there is no such key';
      throw new WatchgateError('KEY_MISSING', `cannot read ${location.name}: ${missing}`);
    }
    for (const [key, text] of values) checkedText(text, key);
    const draft = await place.draft(values);
    if (draft === undefined) return false;
    const reason = await check(draft.path);
    if (reason !== undefined) {
      await draft.discard();
      throw new WatchgateError('CONFIG_INVALID', `${location.name}: refused by the check: ${reason}`);
    }
    await draft.commit();
    note(`${place.path} written, revision ${revision}`);
    return true;
  }

  #refuse(error: unknown, snapshot: KeysSnapshot): void {
    const { place, note, clock } = this.#options;
    const known = error instanceof WatchgateError;
    this.#refusal = known
      ? error
      : new WatchgateError('COMMAND_FAILED', `cannot write ${place.path}: ${messageOf(error)}`, {
          cause: error,
        });
    for (const line of this.#refusal.message.split('\n')) note(line);
    if (!known) this.#again = clock.after(WRITE_AGAIN_MS, () => this.#offer(snapshot));
  }
}
