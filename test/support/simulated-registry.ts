import type { Clock } from '../../src/core/clock.js';
import { type Random, randomBelow } from '../../src/core/random.js';
import {
  type ListPage,
  type PageRequest,
  type Position,
  type RegistryClient,
  type RegistryEntry,
  RegistryError,
  type RegistryEvent,
  type RegistryFault,
  type RegistryMember,
  type RegistryWatch,
  type RegistryWatchHandlers,
  revisionOf,
} from '../../src/discovery/registry-client.js';
import { SimulatedStream } from './simulated-stream.js';

const LIST_DEADLINE_MS = 2_000;
const CONFIRM_DEADLINE_MS = 1_500;
const PAGE_SIZE = 4;

export type Change = { readonly key: string; readonly value: string | undefined };

/** One member, and what is wrong with it. */
export interface SimulatedMember {
  readonly name: string;
  /** Accepts everything and answers nothing. */
  hung: boolean;
  /** How long at most it takes to hear of a write. */
  lagMs: number;
}

/** The registry's own state at one moment; kept whole, so that it can be restored. */
export interface Backup {
  readonly revision: bigint;
  readonly entries: ReadonlyMap<string, RegistryEntry>;
}

/**
 * A registry in memory that behaves as etcd may, and no worse: events of one stream come in the order of
 * revisions, a revision at a time or in fragments; lists and confirmations are linearizable. Within that,
 * chance decides about delays, batches, duplicates and where things break.
 */
export class SimulatedRegistry implements RegistryClient {
  readonly clock: Clock;
  readonly random: Random;
  /** As etcd before 3.4.25 / 3.5.8: some events come twice, and progress overtakes events. */
  readonly old: boolean;
  readonly members: SimulatedMember[] = ['m0', 'm1', 'm2'].map((name) => ({ name, hung: false, lagMs: 30 }));
  readonly streams = new Set<SimulatedStream>();
  clusterId = 1;
  revision = 1n;
  compacted = 0n;
  log: RegistryEvent[] = [];
  entries = new Map<string, RegistryEntry>();
  /** Chance that a message is the last that its stream carries. */
  breaking = 0;
  /** What every list and confirmation fails with, while there is any. */
  refusing: RegistryFault | undefined;
  /** What there was at the compacted revision; the log goes on from there. */
  #base = new Map<string, RegistryEntry>();
  #at = 0;
  #current: RegistryMember | undefined;

  constructor(clock: Clock, random: Random, old: boolean) {
    this.clock = clock;
    this.random = random;
    this.old = old;
    this.#at = randomBelow(random, this.members.length);
  }

  chance(share: number): boolean {
    return this.random() < share;
  }

  /** One revision, of one key or, in a transaction, of several. */
  write(changes: readonly Change[]): void {
    this.revision += 1n;
    const { revision } = this;
    for (const { key, value } of changes) {
      if (value === undefined) {
        if (this.entries.delete(key)) this.log.push({ type: 'delete', key, revision });
      } else {
        const entry = { key, value, revision, lease: '' };
        this.entries.set(key, entry);
        this.log.push({ type: 'put', entry });
      }
    }
    for (const stream of this.streams) stream.wake();
  }

  compact(): void {
    this.#truncate();
    // A watch that had fallen behind is told so; one that had not does not notice.
    for (const stream of [...this.streams]) if (stream.next <= this.compacted) stream.tellCompacted();
  }

  backup(): Backup {
    return { revision: this.revision, entries: new Map(this.entries) };
  }

  /** Restarts from a backup: same cluster, older data, and nobody stays connected. */
  restore({ revision, entries }: Backup): void {
    this.revision = revision;
    this.entries = new Map(entries);
    this.#truncate();
    this.breakAll();
  }

  /** Another cluster on the same addresses with the same services, whose history has just begun. */
  replace(): void {
    this.clusterId += 1;
    this.revision = 1n;
    const entries = [...this.entries.values()];
    this.entries.clear();
    this.#truncate();
    this.breakAll();
    for (const { key, value } of entries) this.write([{ key, value }]);
  }

  breakAll(): void {
    for (const stream of [...this.streams]) stream.fail('broken');
  }

  /** Ends all that is wrong, but for connections that already are half open. */
  heal(): void {
    this.breaking = 0;
    this.refusing = undefined;
    for (const member of this.members) {
      member.hung = false;
      member.lagMs = 30;
    }
  }

  current(): RegistryMember {
    const member = this.members[this.#at];
    if (member === undefined) throw new Error('there is no such member');
    this.#current ??= {
      name: member.name,
      list: (page) => this.#answer(member, LIST_DEADLINE_MS, () => this.#list(page)),
      watch: (from, handlers) => this.#watch(member, from, handlers),
      confirm: () => this.#answer(member, CONFIRM_DEADLINE_MS, () => this.position()),
    };
    return this.#current;
  }

  get size(): number {
    return this.members.length;
  }

  leave(failed: RegistryMember): void {
    if (failed !== this.#current) return;
    this.#at = (this.#at + 1) % this.members.length;
    this.#current = undefined;
  }

  close(): void {
    for (const stream of [...this.streams]) stream.close();
  }

  position(): Position {
    return { clusterId: String(this.clusterId), revision: this.revision };
  }

  /** A round trip; a hung member leaves its caller to the deadline. */
  #answer<T>(member: SimulatedMember, deadlineMs: number, answer: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const late = (): void => reject(new RegistryError('broken', 'deadline exceeded'));
      const arrive = (): void => {
        if (member.hung) return void this.clock.after(deadlineMs, late);
        if (this.refusing !== undefined) return reject(new RegistryError(this.refusing, 'refused'));
        try {
          resolve(answer());
        } catch (error) {
          reject(error);
        }
      };
      this.clock.after(randomBelow(this.random, 20), arrive);
    });
  }

  #truncate(): void {
    this.compacted = this.revision;
    this.log = [];
    this.#base = new Map(this.entries);
  }

  #list({ cursor, revision = this.revision }: PageRequest): ListPage {
    if (revision < this.compacted)
      throw new RegistryError('compacted', 'required revision has been compacted');
    // A restored registry has not got that far yet.
    if (revision > this.revision)
      throw new RegistryError('compacted', 'required revision is a future revision');
    const entries = this.#entriesAt(revision);
    const start = Number(cursor ?? 0);
    const end = start + PAGE_SIZE;
    return {
      ...this.position(),
      entries: entries.slice(start, end),
      next: end < entries.length ? Buffer.from(String(end)) : undefined,
    };
  }

  #entriesAt(revision: bigint): RegistryEntry[] {
    const entries = new Map(revision === this.revision ? this.entries : this.#base);
    for (const event of revision === this.revision ? [] : this.log) {
      if (revisionOf(event) > revision) break;
      if (event.type === 'put') entries.set(event.entry.key, event.entry);
      else entries.delete(event.key);
    }
    return [...entries.values()].sort(byKey);
  }

  async #watch(
    member: SimulatedMember,
    from: bigint,
    handlers: RegistryWatchHandlers,
  ): Promise<RegistryWatch> {
    const stream = new SimulatedStream(this, member, from, handlers);
    this.streams.add(stream);
    stream.open();
    return stream;
  }
}

function byKey(a: RegistryEntry, b: RegistryEntry): number {
  return a.key < b.key ? -1 : 1;
}
