import { type Clock, delay } from '../core/clock.js';
import { type Random, randomBelow } from '../core/random.js';
import type { KeyStore } from './key-store.js';
import { type Listing, listAll } from './listing.js';
import type { RegistryEvent, RegistryMember } from './registry-client.js';
import type { SessionEnd, WatchSession } from './watch-session.js';

const MIN_MS = 60_000;
const MAX_MS = 300_000;
/** How long the stream may take to catch up with the list, and events to come in that it overtook. */
const PATIENCE_MS = 5_000;
const SETTLE_MS = 1_000;

export interface AuditOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly session: WatchSession;
  readonly member: RegistryMember;
  readonly store: KeyStore;
  readonly clusterId: string;
  readonly signal: AbortSignal;
  /** The list was compared; `repairs` are the keys that the watch had got wrong. */
  readonly audited: (listing: Listing, repairs: readonly RegistryEvent[]) => void;
}

/**
 * Lists everything now and then while the watch goes on, and compares. A watch that misses events says
 * nothing about it; this is how it is found out. Runs until `signal` aborts; never rejects.
 */
export async function auditWhile(options: AuditOptions): Promise<void> {
  const { clock, random, signal } = options;
  while (!signal.aborted) {
    await delay(clock, MIN_MS + randomBelow(random, MAX_MS - MIN_MS), signal);
    if (!signal.aborted) await audit(options);
  }
}

async function audit(options: AuditOptions): Promise<void> {
  const { session, member, store, clock, signal } = options;
  const known = session.watermark;
  // A failure to list is for the confirmations to judge: they ask the same member far more often.
  const listing = await listAll(member).catch(() => undefined);
  if (listing === undefined || signal.aborted) return;
  const verdict = verdictOn(listing, options.clusterId, known);
  if (verdict !== undefined) return session.end(verdict);
  if (!(await reached(options, listing.revision))) {
    if (!signal.aborted) session.end({ next: 'relist', reason: 'periodic', error: undefined });
    return;
  }
  // On etcd before 3.4.25 / 3.5.8 progress overtakes events: what is missing now may be on its way.
  if (store.differences(listing).length > 0) await delay(clock, SETTLE_MS, signal);
  if (signal.aborted) return;
  options.audited(listing, store.differences(listing));
}

function verdictOn(listing: Listing, clusterId: string, known: bigint): SessionEnd | undefined {
  if (listing.clusterId !== clusterId) {
    return { next: 'relist', reason: 'cluster-changed', error: undefined };
  }
  return listing.revision < known
    ? { next: 'relist', reason: 'revision-went-back', error: undefined }
    : undefined;
}

/** Whether the stream got as far as `revision` in time. */
async function reached({ session, clock, signal }: AuditOptions, revision: bigint): Promise<boolean> {
  const until = clock.monotonic() + PATIENCE_MS;
  while (session.watermark < revision && clock.monotonic() < until && !signal.aborted) {
    session.requestProgress();
    await delay(clock, 100, signal);
  }
  return session.watermark >= revision && !signal.aborted;
}
