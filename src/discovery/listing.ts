import type { Position, RegistryEntry, RegistryMember } from './registry-client.js';

/** Everything under the prefix at one revision. */
export interface Listing extends Position {
  readonly entries: readonly RegistryEntry[];
}

/**
 * Reads all pages at the revision of the first. Rejects with `compacted` when that revision is
 * discarded meanwhile; the answer to that is a new list.
 */
export async function listAll(member: RegistryMember): Promise<Listing> {
  const first = await member.list({ cursor: undefined, revision: undefined });
  const { clusterId, revision } = first;
  const entries = [...first.entries];
  for (let cursor = first.next; cursor !== undefined; ) {
    const page = await member.list({ cursor, revision });
    for (const entry of page.entries) entries.push(entry);
    cursor = page.next;
  }
  return { clusterId, revision, entries };
}
