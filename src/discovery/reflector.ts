import { type Clock, delay } from '../core/clock.js';
import type { Random } from '../core/random.js';
import { auditWhile } from './audit.js';
import { Freshness } from './freshness.js';
import { KeyStore } from './key-store.js';
import { type Listing, listAll } from './listing.js';
import { ReflectorWaits } from './reflector-waits.js';
import {
  keyOf,
  type RegistryClient,
  type RegistryError,
  type RegistryEvent,
  type RegistryMember,
  revisionOf,
} from './registry-client.js';
import { asRegistryError, type RelistReason, type SessionEnd, WatchSession } from './watch-session.js';

/** What the reflector tells of, as it happens. Called synchronously; must not throw. */
export interface ReflectorListener {
  /**
   * Changes of keys, in order, each newer than what was known of its key. After a list, possibly none.
   * `unconfirmedMs`: how long the view before a list had not been proved current.
   */
  readonly changes: (
    changes: readonly RegistryEvent[],
    origin: 'list' | 'watch',
    revision: bigint,
    unconfirmedMs?: number,
  ) => void;
  readonly connected: (member: string) => void;
  readonly disconnected: (error: RegistryError | undefined) => void;
  readonly relisted: (reason: RelistReason) => void;
  /** Keys that the watch had got wrong; there must never be any. */
  readonly drift: (keys: readonly string[]) => void;
  readonly fault: (error: RegistryError) => void;
}

export interface ReflectorOptions {
  readonly client: RegistryClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly listener: ReflectorListener;
}

export interface ReflectorState {
  readonly connected: boolean;
  readonly ready: boolean;
  /** The one in use, or tried last. */
  readonly member: string | undefined;
  readonly revision: bigint;
  /** Since the view was last proved current, in milliseconds; undefined before the first list. */
  readonly confirmedMsAgo: number | undefined;
  readonly drift: number;
  readonly lastError: string | undefined;
}

interface Attended {
  readonly end: SessionEnd;
  readonly session: WatchSession;
}

/**
 * After this long without a stream the history may be another one: a cluster restored from a backup
 * keeps its id, and may have written past our place before we are back. Only a list can tell.
 */
const LONG_OUTAGE_MS = 5_000;

/**
 * Keeps a copy of a prefix of a registry: list, watch from there, list again when the watch cannot go
 * on. After client-go's reflector. Errors never empty the copy, they only make it older.
 */
export class Reflector {
  readonly #options: ReflectorOptions;
  readonly #store = new KeyStore();
  readonly #waits: ReflectorWaits;
  readonly #abort = new AbortController();
  #running: Promise<void> | undefined;
  #session: WatchSession | undefined;
  #member: string | undefined;
  #ready = false;
  #revision = 0n;
  /** Undefined while no watch stands; monotonic milliseconds. */
  #connectedAt: number | undefined;
  /** When the last stream that stood was lost; undefined while one stands, and once a list has made up for it. */
  #lostAt: number | undefined;
  #confirmedAt: number | undefined;
  #drift = 0;
  #lastError: string | undefined;

  constructor(options: ReflectorOptions) {
    this.#options = options;
    this.#waits = new ReflectorWaits(options.client.size, options.random);
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async close(): Promise<void> {
    this.#abort.abort();
    this.#session?.end({ next: 'relist', reason: 'start', error: undefined });
    this.#options.client.close();
    await this.#running;
  }

  state(): ReflectorState {
    const { clock } = this.#options;
    return {
      connected: this.#connectedAt !== undefined,
      ready: this.#ready,
      member: this.#member,
      revision: this.#revision,
      confirmedMsAgo:
        this.#confirmedAt === undefined ? undefined : Math.round(clock.monotonic() - this.#confirmedAt),
      drift: this.#drift,
      lastError: this.#lastError,
    };
  }

  async #run(): Promise<void> {
    let reason: RelistReason = 'start';
    while (!this.#abort.signal.aborted) {
      const member = this.#options.client.current();
      try {
        const listing = await this.#list(member);
        if (this.#abort.signal.aborted) return;
        this.#options.listener.relisted(reason);
        reason = await this.#follow(listing.clusterId, listing.revision);
      } catch (error) {
        await this.#retreat(member, asRegistryError(error));
      }
    }
  }

  async #list(member: RegistryMember): Promise<Listing> {
    const { clock, listener } = this.#options;
    const sentAt = clock.monotonic();
    this.#member = member.name;
    const listing = await listAll(member);
    if (this.#abort.signal.aborted) return listing;
    this.#waits.letIn();
    this.#ready = true;
    this.#lostAt = undefined;
    this.#revision = listing.revision;
    const unconfirmedMs = sentAt - (this.#confirmedAt ?? sentAt);
    this.#confirmedAt = sentAt;
    listener.changes(this.#store.replace(listing), 'list', listing.revision, unconfirmedMs);
    return listing;
  }

  /** Watches, stream after stream, until only a list can help; says why. */
  async #follow(clusterId: string, from: bigint): Promise<RelistReason> {
    let position = from;
    for (;;) {
      const member = this.#options.client.current();
      const { end, session } = await this.#attend(member, clusterId, position);
      if (this.#abort.signal.aborted) return 'start';
      position = session.position;
      await this.#retreat(member, end.error);
      if (end.next === 'relist') return end.reason;
      if (this.#outageMs() >= LONG_OUTAGE_MS) return 'outage';
    }
  }

  /** One stream with its confirmations and audits, until it is over. */
  async #attend(member: RegistryMember, clusterId: string, position: bigint): Promise<Attended> {
    const { clock, random } = this.#options;
    const over = new AbortController();
    const session = new WatchSession(clusterId, position, {
      created: () => this.#setConnected(member),
      events: (events) => this.#take(events),
      heard: () => freshness.heard(),
    });
    const common = { clock, random, session, member, clusterId };
    const freshness = new Freshness({
      ...common,
      confirmed: (sentAt) => {
        this.#confirmedAt = sentAt;
      },
    });
    this.#member = member.name;
    this.#session = session;
    freshness.start();
    const audits = auditWhile({
      ...common,
      store: this.#store,
      signal: over.signal,
      audited: (listing, repairs) => this.#settleAudit(listing, repairs),
    });
    await session.open(member);
    const end = await session.done;
    freshness.stop();
    over.abort();
    await audits;
    this.#setDisconnected(end.error);
    return { end, session };
  }

  #take(events: readonly RegistryEvent[]): void {
    const changes = this.#store.accept(events);
    if (changes.length === 0) return;
    for (const change of changes) {
      if (revisionOf(change) > this.#revision) this.#revision = revisionOf(change);
    }
    this.#options.listener.changes(changes, 'watch', this.#revision);
  }

  #settleAudit(listing: Listing, repairs: readonly RegistryEvent[]): void {
    const { listener } = this.#options;
    if (repairs.length > 0) {
      this.#drift += repairs.length;
      this.#store.repair(repairs);
      listener.drift(repairs.map(keyOf));
      listener.changes(repairs, 'list', this.#revision);
    }
    this.#store.prune(listing);
    listener.relisted('periodic');
  }

  #outageMs(): number {
    return this.#lostAt === undefined ? 0 : this.#options.clock.monotonic() - this.#lostAt;
  }

  #setConnected(member: RegistryMember): void {
    this.#lostAt = undefined;
    this.#connectedAt = this.#options.clock.monotonic();
    this.#options.listener.connected(member.name);
  }

  #setDisconnected(error: RegistryError | undefined): void {
    if (this.#connectedAt === undefined) return;
    const now = this.#options.clock.monotonic();
    this.#waits.stoodFor(now - this.#connectedAt);
    this.#connectedAt = undefined;
    this.#lostAt = now;
    if (!this.#abort.signal.aborted) this.#options.listener.disconnected(error);
  }

  /** Never at once; and after a failure to another member, unless just our place in history is too old. */
  async #retreat(member: RegistryMember, error: RegistryError | undefined): Promise<void> {
    if (this.#abort.signal.aborted) return;
    const { client, clock, listener } = this.#options;
    if (error !== undefined) {
      this.#lastError = error.message;
      listener.fault(error);
      if (error.fault !== 'compacted') client.leave(member);
    }
    await delay(clock, this.#waits.next(error), this.#abort.signal);
  }
}
