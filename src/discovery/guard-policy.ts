import type { Endpoint, EndpointSet, HoldReason } from '../core/endpoint.js';
import type { Departure } from './source.js';

/** An endpoint that the registry listed and does not list any more, without its owner having said so. */
export interface Loss {
  readonly service: string;
  readonly endpoint: Endpoint;
  /**
   * Lease to ask about: if it still lives, the owner deleted the key. Undefined when the answer would
   * prove nothing.
   */
  readonly lease: string | undefined;
}

/** Why the guard does not believe a loss. */
export type Doubt = Exclude<HoldReason, 'cold start'>;

type Sets = ReadonlyMap<string, EndpointSet>;

/** More than half of a service, of at least two, or more than 30 % of all are no everyday loss. */
const PERCENT_OF_SERVICE = 50;
const LEAST_OF_SERVICE = 2;
const PERCENT_OF_REGISTRY = 30;

/**
 * What `next` lacks of `previous`, in the services named `changed`, less what is believed at once: an
 * endpoint that was draining, one whose key names another now, and one whose key had no lease and was
 * deleted by itself. Such a key cannot expire; somebody meant it.
 */
export function lossesBetween(
  previous: Sets,
  next: Sets,
  changed: Iterable<string>,
  departures: ReadonlyMap<Endpoint, Departure> = new Map(),
): Loss[] {
  const leases = leasesByRevision(departures);
  const losses: Loss[] = [];
  for (const service of changed) {
    for (const endpoint of missingFrom(next.get(service), previous.get(service))) {
      if (endpoint.standing === 'draining') continue;
      const departure = departures.get(endpoint);
      const alone = leases.get(departure?.revision)?.size === 1;
      if (departure?.willing || (alone && departure?.lease === '')) continue;
      losses.push({ service, endpoint, lease: alone ? departure?.lease : undefined });
    }
  }
  return losses;
}

/** Endpoints of `before` whose address `after` has not. Both are sorted by it: one walk over them, without an index. */
function* missingFrom(
  after: EndpointSet | undefined,
  before: EndpointSet | undefined,
): Generator<Endpoint, void, undefined> {
  const there = after?.endpoints ?? [];
  let at = 0;
  for (const endpoint of before?.endpoints ?? []) {
    while (at < there.length && (there[at]?.address ?? '') < endpoint.address) at += 1;
    if (there[at]?.address !== endpoint.address) yield endpoint;
  }
}

/**
 * Whose keys each delete took. One that took the keys of several owners was made by none of them:
 * an emptied prefix looks like this, its leases all alive.
 */
function leasesByRevision(
  departures: ReadonlyMap<Endpoint, Departure>,
): ReadonlyMap<bigint | undefined, ReadonlySet<string>> {
  const leases = new Map<bigint | undefined, Set<string>>();
  for (const [{ address }, { revision, lease }] of departures) {
    if (revision === undefined) continue;
    const owner = lease === '' ? `no lease: ${address}` : lease;
    const owners = leases.get(revision);
    if (owners === undefined) leases.set(revision, new Set([owner]));
    else owners.add(owner);
  }
  return leases;
}

/** What the registry lost within the window, and what it lists now. */
export interface Situation {
  readonly losses: readonly Loss[];
  readonly next: Sets;
  /** The view has not been proved current for 10 s. */
  readonly unconfirmed: boolean;
}

/** Which of the losses are not to be believed yet, and why. */
export function doubtful({ losses, next, unconfirmed }: Situation): (readonly [loss: Loss, reason: Doubt])[] {
  const lost = new Map<string, number>();
  for (const { service } of losses) lost.set(service, (lost.get(service) ?? 0) + 1);
  const much = exceeds(losses.length, losses.length === 0 ? 0 : staying(next.values()), PERCENT_OF_REGISTRY);
  const reasonFor = (service: string): Doubt | undefined => {
    if (unconfirmed) return 'registry unconfirmed';
    const set = next.get(service);
    const left = set === undefined ? 0 : staying([set]);
    const count = lost.get(service) ?? 0;
    if (left === 0) return 'lost the last of the service';
    if (count >= LEAST_OF_SERVICE && exceeds(count, left, PERCENT_OF_SERVICE))
      return 'lost most of the service';
    return much ? 'lost much of the registry' : undefined;
  };
  const reasons = new Map([...lost.keys()].map((service) => [service, reasonFor(service)]));
  return losses.flatMap((loss) => {
    const reason = reasons.get(loss.service);
    return reason === undefined ? [] : [[loss, reason] as const];
  });
}

function exceeds(lost: number, left: number, percent: number): boolean {
  return lost * 100 > (lost + left) * percent;
}

/** Endpoints that are there and have not said that they are leaving. */
function staying(sets: Iterable<EndpointSet>): number {
  let count = 0;
  for (const { endpoints } of sets) {
    for (const { standing } of endpoints) if (standing !== 'draining') count += 1;
  }
  return count;
}
