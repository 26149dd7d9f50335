import { refusal } from './etcd-error.js';
import { type KeyRange, keyText, singleKey } from './key-range.js';
import type { EventMessage, KeyValue } from './messages.js';
import { SortedKeys } from './sorted-keys.js';

/** Called with the changes of one revision, in the order in which they were made. Must not throw. */
export type CommitListener = (events: readonly EventMessage[]) => void;

const NO_BYTES = Buffer.alloc(0);
const NO_EVENTS: readonly EventMessage[] = [];

/**
 * Keys and values with their history. Every commit is one revision; a read at any revision since
 * the last compaction sees the keys as they were then. Nothing that was handed out ever changes.
 *
 * The history is bounded: `keepRevisions` are kept (a tenth more before they are swept, so that
 * sweeping costs little per commit), older ones are compacted away as by a client's Compact.
 */
export class Store {
  readonly #keepRevisions: number;
  readonly #keys = new SortedKeys();
  /** All versions of a key that can still be read, oldest first. A delete is a version too. */
  readonly #versions = new Map<string, EventMessage[]>();
  /** The events of revision `#firstLogged + i` are at index i. */
  readonly #log: (readonly EventMessage[])[] = [];
  #firstLogged = 2;
  #pending: EventMessage[] = [];
  readonly #listeners = new Set<CommitListener>();
  // An empty etcd is at revision 1 and compacted at none.
  #revision = 1;
  #compacted = -1;

  constructor(keepRevisions: number) {
    this.#keepRevisions = keepRevisions;
  }

  /** Of the newest commit. */
  get revision(): number {
    return this.#revision;
  }

  /** What a read sees now: within a transaction that has changed something, the revision it will commit. */
  get visibleRevision(): number {
    return this.#revision + (this.#pending.length > 0 ? 1 : 0);
  }

  /** Reads below this revision are refused. -1 before the first compaction. */
  get compacted(): number {
    return this.#compacted;
  }

  /** The pairs in a range, in key order, as they were at a revision. Does not check the revision. */
  read(range: KeyRange, revision = Number.POSITIVE_INFINITY): KeyValue[] {
    const found: KeyValue[] = [];
    for (const key of this.#keys.within(range)) {
      const pair = this.get(key, revision);
      if (pair !== undefined) found.push(pair);
    }
    return found;
  }

  get(key: string, revision = Number.POSITIVE_INFINITY): KeyValue | undefined {
    const version = this.#versions.get(key)?.findLast(({ kv }) => kv.modRevision <= revision);
    return version?.type === 'Put' ? version.kv : undefined;
  }

  /** Runs `work`, whose puts and deletes become one revision. Reads within it see what it has written. */
  transact<T>(work: () => T): T {
    try {
      return work();
    } finally {
      this.#commit();
    }
  }

  /** Only within `transact`. Returns the pair that was replaced. */
  put(key: string, value: Buffer, lease: string): KeyValue | undefined {
    const previous = this.get(key);
    const revision = this.#revision + 1;
    const kv: KeyValue = {
      key: Buffer.from(key, 'latin1'),
      createRevision: previous?.createRevision ?? revision,
      modRevision: revision,
      version: (previous?.version ?? 0) + 1,
      // A copy: the request's bytes are a slice of a whole network message.
      value: Buffer.from(value),
      lease,
    };
    this.#record(key, { type: 'Put', kv, prevKv: previous });
    return previous;
  }

  /** Only within `transact`. Returns the pairs that were deleted. */
  delete(range: KeyRange): KeyValue[] {
    const deleted = this.read(range);
    for (const previous of deleted) {
      const { key } = previous;
      const modRevision = this.#revision + 1;
      const kv = { key, createRevision: 0, modRevision, version: 0, value: NO_BYTES, lease: '0' };
      this.#record(keyText(key), { type: 'Delete', kv, prevKv: previous });
    }
    return deleted;
  }

  deleteKey(key: string): void {
    this.delete(singleKey(key));
  }

  /** What a revision changed. Empty for one that is compacted or still to come. */
  changes(revision: number): readonly EventMessage[] {
    return this.#log[revision - this.#firstLogged] ?? NO_EVENTS;
  }

  /** Forgets what only reads below `revision` could see. Throws etcd's errors for one that is compacted or in the future. */
  compact(revision: number): void {
    if (revision <= this.#compacted) throw refusal('COMPACTED');
    if (revision > this.#revision) throw refusal('FUTURE_REVISION');
    this.#compacted = revision;
    const touched = new Set<string>();
    for (let passed = this.#firstLogged; passed <= revision; passed++) {
      for (const { kv } of this.changes(passed)) touched.add(keyText(kv.key));
    }
    const dropped = Math.max(0, revision - this.#firstLogged);
    this.#log.splice(0, dropped);
    this.#firstLogged += dropped;
    this.#keys.remove([...touched].filter((key) => this.#trim(key, revision)));
  }

  /** Listeners run in the order in which they were added. Returns the function that stops listening. */
  onCommit(listener: CommitListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Bytes of the keys and values that are there now. */
  size(): number {
    const everything = this.read({ start: '', end: undefined });
    return everything.reduce((sum, { key, value }) => sum + key.length + value.length, 0);
  }

  #record(key: string, event: EventMessage): void {
    const versions = this.#versions.get(key);
    if (versions === undefined) {
      this.#versions.set(key, [event]);
      this.#keys.add(key);
    } else {
      versions.push(event);
    }
    this.#pending.push(event);
  }

  #commit(): void {
    if (this.#pending.length === 0) return;
    const events = this.#pending;
    this.#pending = [];
    this.#revision += 1;
    this.#log.push(events);
    for (const listener of this.#listeners) listener(events);
    if (this.#log.length > this.#keepRevisions * 1.1) this.compact(this.#revision - this.#keepRevisions);
  }

  /** Drops the versions of a key that no read at `revision` or later sees. True when none is left. */
  #trim(key: string, revision: number): boolean {
    const versions = this.#versions.get(key);
    if (versions === undefined) return false;
    const newest = versions.findLastIndex(({ kv }) => kv.modRevision <= revision);
    const keepNewest = versions[newest]?.type === 'Put';
    versions.splice(0, keepNewest ? newest : newest + 1);
    if (versions.length > 0) return false;
    this.#versions.delete(key);
    return true;
  }
}
