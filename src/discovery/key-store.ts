import type { Listing } from './listing.js';
import { keyOf, type RegistryEntry, type RegistryEvent, revisionOf } from './registry-client.js';

/** Of a key that was deleted: it still guards against late events. */
interface Tombstone {
  readonly revision: bigint;
  readonly value?: never;
}

type Seen = RegistryEntry | Tombstone;

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
    this.#seen = new Map(listing.entries.map((entry) => [entry.key, entry]));
    this.#listed = listing.revision;
    const changes: RegistryEvent[] = [];
    for (const entry of listing.entries) {
      if (!sameEntry(before.get(entry.key), entry)) changes.push({ type: 'put', entry });
    }
    for (const [key, seen] of before) {
      if (isThere(seen) && !this.#seen.has(key)) {
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
      this.#see(event);
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
      if (!sameEntry(seen, entry)) changes.push({ type: 'put', entry });
    }
    for (const [key, seen] of this.#seen) {
      if (isThere(seen) && seen.revision <= listing.revision && !listed.has(key)) {
        changes.push({ type: 'delete', key, revision: listing.revision });
      }
    }
    return changes;
  }

  /** Takes `changes` without asking whether they are newer. */
  repair(changes: readonly RegistryEvent[]): void {
    for (const event of changes) this.#see(event);
  }

  /** Forgets tombstones that a list covers; without this they would grow with every key that ever lived. */
  prune(listing: Listing): void {
    this.#listed = listing.revision;
    for (const [key, seen] of this.#seen) {
      if (!isThere(seen) && seen.revision <= listing.revision) this.#seen.delete(key);
    }
  }

  #see(event: RegistryEvent): void {
    this.#seen.set(keyOf(event), event.type === 'put' ? event.entry : { revision: event.revision });
  }
}

/** The value too: in another cluster, or a restored one, the same revision is no proof. */
function sameEntry(a: Seen | undefined, b: RegistryEntry): boolean {
  return (
    a !== undefined && isThere(a) && a.revision === b.revision && a.value === b.value && a.lease === b.lease
  );
}

function isThere(seen: Seen): seen is RegistryEntry {
  return seen.value !== undefined;
}
