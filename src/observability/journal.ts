import type { EventHub, LeaseEvent, MembershipChange } from '../core/events.js';
import type { JournalEntry, JournalQuery, JournalView } from '../core/views.js';
import { Ring } from './ring.js';

export const JOURNAL_CAPACITY = 10_000;

/** An answer about a lease comes within a second or two. */
const MOST_LOOKED_AT = 1_000;

export interface Journal extends JournalView {
  /** Stops listening. What was recorded stays readable. */
  close(): void;
}

export interface JournalOptions {
  readonly capacity?: number;
  /** Of earlier runs, oldest first. */
  readonly earlier?: readonly JournalEntry[];
}

/** Remembers the newest `capacity` changes of membership, registries and configuration, in memory. */
export function createJournal(
  hub: EventHub,
  { capacity = JOURNAL_CAPACITY, earlier = [] }: JournalOptions = {},
): Journal {
  const journal = new RingJournal(capacity);
  for (const entry of earlier) journal.add(entry);
  const stops = [
    hub.on('membership', (event) =>
      journal.add(
        event.cause === 'operator'
          ? { kind: 'membership', ...event, ...journal.termsOf(event) }
          : // As it is: there may be thousands at once.
            { kind: 'membership', ...event },
      ),
    ),
    hub.on('lease', (event) => journal.amend(event)),
    hub.on('health', (event) => journal.add({ kind: 'health', ...event, ...journal.termsOf(event) })),
    hub.on('source', ({ kind, ...event }) => journal.add({ kind: 'source', event: kind, ...event })),
    hub.on('config', (event) => journal.add({ kind: 'config', ...event })),
  ];
  return {
    entries: (query) => journal.entries(query),
    reachesTo: () => journal.reachesTo(),
    subscribe: (listener) => journal.subscribe(listener),
    close() {
      for (const stop of stops) stop();
    },
  };
}

type LeasedEndpoint = Pick<MembershipChange, 'service' | 'address' | 'lease'>;

class RingJournal implements JournalView {
  readonly #ring: Ring<JournalEntry>;
  readonly #listeners = new Set<(entry: JournalEntry) => void>();

  constructor(capacity: number) {
    this.#ring = new Ring(capacity);
  }

  add(entry: JournalEntry): void {
    this.#ring.add(entry);
    for (const listener of this.#listeners) listener(entry);
  }

  entries({ service, since, limit }: JournalQuery = {}): readonly JournalEntry[] {
    const wanted = this.#ring
      .oldestFirst()
      .filter(
        (entry) =>
          (since === undefined || entry.at >= since) &&
          (service === undefined || ('service' in entry && entry.service === service)),
      );
    return limit === undefined || limit >= wanted.length ? wanted : wanted.slice(wanted.length - limit);
  }

  /**
   * Completes what was told before the registry had been asked about the lease. In place, so that an entry that
   * still waits for the disk has it too.
   */
  amend({ source, lease, lives, granted, ended }: LeaseEvent): void {
    for (const entry of this.#ring.newestFirst(MOST_LOOKED_AT)) {
      if (entry.kind !== 'membership' || entry.source !== source || entry.lease !== lease) continue;
      if (lives && entry.leaseTtl === undefined) Object.assign(entry, { leaseTtl: granted });
      if (ended && entry.change === 'left' && entry.cause === 'removed' && entry.reason === undefined)
        Object.assign(entry, {
          reason: lives ? 'its owner deleted the key' : 'its lease expired or was revoked',
        });
    }
  }

  /** For how long the lease of an endpoint was granted, if an entry about that endpoint says so. */
  termsOf({ service, address, lease }: LeasedEndpoint): { readonly leaseTtl?: number } {
    if (lease === undefined) return {};
    for (const entry of this.#ring.newestFirst(JOURNAL_CAPACITY)) {
      if (entry.kind !== 'membership' || entry.lease !== lease || entry.leaseTtl === undefined) continue;
      if (entry.service === service && entry.address === address) return { leaseTtl: entry.leaseTtl };
    }
    return {};
  }

  reachesTo(): number {
    return this.#ring.full ? (this.#ring.oldestFirst()[0]?.at ?? 0) : 0;
  }

  subscribe(listener: (entry: JournalEntry) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
