import type { Listing } from './listing.js';
import { keyOf, type RegistryEntry, type RegistryEvent, revisionOf } from './registry-client.js';

interface Seen {
  readonly revision: bigint;
  /** Undefined once deleted: the tombstone still guards against late events. */
  readonly entry: RegistryEntry | undefined;
}

/**
 * The newest known state of each key. It turns lists and events into changes, and lets nothing old
 * overwrite anything new: etcd before 3.4.25 / 3.5.8 sends some events twice.
 */
export class KeyStore {
  #seen = new Map<string, Seen>();
  /** Revision of the last list: whatever is not newer is in it. */
  #listed = -1n;

  /** Keys remembered, tombstones included. */
  get size(): number {
    return this.#seen.size;
  }

  /** Takes a list for the whole truth, whatever was known before; answers the difference. */
  replace(listing: Listing): RegistryEvent[] {
    const before = this.#seen;
    this.#seen = new Map(listing.entries.map((entry) => [entry.key, { revision: entry.revision, entry }]));
    this.#listed = listing.revision;
    const changes: RegistryEvent[] = [];
    for (const entry of listing.entries) {
      if (!sameEntry(before.get(entry.key)?.entry, entry)) changes.push({ type: 'put', entry });
    }
    for (const [key, { entry }] of before) {
      if (entry !== undefined && !this.#seen.has(key)) {
        changes.push({ type: 'delete', key, revision: listing.revision });
      }
    }
    return changes;
  }

  /** Takes what is newer than what is known, in order; answers just that. */
  accept(events: readonly RegistryEvent[]): RegistryEvent[] {
    return events.filter((event) => {
      const revision = revisionOf(event);
      const key = keyOf(event);
      if (revision <= this.#listed || revision <= (this.#seen.get(key)?.revision ?? -1n)) return false;
      this.#seen.set(key, { revision, entry: event.type === 'put' ? event.entry : undefined });
      return true;
    });
  }

  /**
   * What would have to change to agree with a list. Keys that changed after it are left out, so the
   * answer is empty unless an event was missed, given that all events up to the list have been accepted.
   */
  differences(listing: Listing): RegistryEvent[] {
    const listed = new Set<string>();
    const changes: RegistryEvent[] = [];
    for (const entry of listing.entries) {
      listed.add(entry.key);
      const seen = this.#seen.get(entry.key);
      if (seen !== undefined && seen.revision > listing.revision) continue;
      if (!sameEntry(seen?.entry, entry)) changes.push({ type: 'put', entry });
    }
    for (const [key, { revision, entry }] of this.#seen) {
      if (entry !== undefined && revision <= listing.revision && !listed.has(key)) {
        changes.push({ type: 'delete', key, revision: listing.revision });
      }
    }
    return changes;
  }

  /** Takes `changes` without asking whether they are newer. */
  repair(changes: readonly RegistryEvent[]): void {
    for (const event of changes) {
      const entry = event.type === 'put' ? event.entry : undefined;
      this.#seen.set(keyOf(event), { revision: revisionOf(event), entry });
    }
  }

  /** Forgets tombstones that a list covers; without this they would grow with every key that ever lived. */
  prune(listing: Listing): void {
    this.#listed = listing.revision;
    for (const [key, { revision, entry }] of this.#seen) {
      if (entry === undefined && revision <= listing.revision) this.#seen.delete(key);
    }
  }
}

/** The value too: in another cluster, or a restored one, the same revision is no proof. */
function sameEntry(a: RegistryEntry | undefined, b: RegistryEntry): boolean {
  return a !== undefined && a.revision === b.revision && a.value === b.value && a.lease === b.lease;
}
