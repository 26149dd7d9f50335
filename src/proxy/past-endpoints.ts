import type { EndpointState } from '../core/endpoint.js';
import type { HealthChange, MembershipChange } from '../core/events.js';
import type { PastEndpoint } from '../core/explanation.js';
import type { EndpointView, JournalEntry } from '../core/views.js';
import { PANIC_BELOW } from './service.js';

type Membership = MembershipChange & { readonly kind: 'membership' };
type Health = HealthChange & { readonly kind: 'health' };

export interface PastOfService {
  readonly endpoints: readonly PastEndpoint[];
  /** So few were well that all of them were used. */
  readonly panicking: boolean;
}

/**
 * Which endpoints a service had at a moment, by address: those of now, with everything undone that the journal
 * tells of since. So it is right as long as the journal holds all that came after, however little it holds of
 * the time before. `journal`: of this service and this run of the gateway, oldest first.
 */
export function endpointsAt(
  moment: number,
  now: readonly EndpointView[],
  journal: readonly JournalEntry[],
): PastOfService {
  const present = new Map(now.map(({ address, keys }) => [address, keys[0] ?? '']));
  for (const entry of journal.toReversed()) {
    if (entry.at <= moment) break;
    if (entry.kind !== 'membership') continue;
    if (entry.change === 'joined') present.delete(entry.address);
    else present.set(entry.address, entry.key);
  }
  const known = [...present].sort().map(([address, key]) => {
    const own = journal.filter((entry) => 'address' in entry && entry.address === address);
    return endpointAt(moment, address, key, own);
  });
  const taking = known.filter(({ state }) => state !== 'draining');
  const panicking = taking.filter(({ state }) => state !== 'ejected').length < taking.length * PANIC_BELOW;
  const endpoints = known.map((one) => ({
    ...one,
    tookRequests: one.state === 'up' || one.state === 'stale' || (panicking && one.state === 'ejected'),
  }));
  return { endpoints, panicking };
}

function endpointAt(
  moment: number,
  address: string,
  key: string,
  own: readonly JournalEntry[],
): Omit<PastEndpoint, 'tookRequests'> {
  const before = own.filter(({ at }) => at <= moment);
  const membership = before.filter(isMembership);
  const joined = membership.findLast(({ change }) => change === 'joined');
  const health = before.filter(isHealth).findLast(({ at }) => joined === undefined || at >= joined.at);
  const state = stateAt(
    membership.at(-1),
    health,
    own.find((entry): entry is Health => isHealth(entry) && entry.at > moment),
  );
  return { address, key, state, since: joined?.at ?? null, last: before.at(-1) ?? null };
}

/** `next`: the change of health that came after, which tells of a time that the journal has forgotten. */
function stateAt(
  membership: Membership | undefined,
  health: Health | undefined,
  next: Health | undefined,
): EndpointState {
  if (membership?.state === 'draining') return 'draining';
  const ejected = health === undefined ? next?.change === 'returned' : health.change === 'ejected';
  if (ejected) return 'ejected';
  return membership?.state === 'stale' ? 'stale' : 'up';
}

function isMembership(entry: JournalEntry): entry is Membership {
  return entry.kind === 'membership';
}

function isHealth(entry: JournalEntry): entry is Health {
  return entry.kind === 'health';
}
