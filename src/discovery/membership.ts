import { diffEndpointSets, type Endpoint, type EndpointSet } from '../core/endpoint.js';
import type { MembershipCause, MembershipChange } from '../core/events.js';
import type { SourceSnapshot } from './source.js';

/** Where and when a service changed. */
export interface MembershipContext {
  readonly at: number;
  readonly source: string;
  readonly service: string;
  readonly snapshot: SourceSnapshot;
  /** From the arrival of the news to its use, milliseconds; undefined when unknown. */
  readonly appliedMs?: number | undefined;
  /** Seconds for which a lease was granted, if that is known. */
  readonly grantedOf?: ((lease: string) => number | undefined) | undefined;
}

/** What an operator should be told of the change from one set to the next: one entry per endpoint. */
export function membershipChanges(
  before: EndpointSet | undefined,
  after: EndpointSet | undefined,
  context: MembershipContext,
): MembershipChange[] {
  const { at, source, service, snapshot, appliedMs } = context;
  const { added, removed, changed } = diffEndpointSets(before, after);
  const common = {
    at,
    source,
    service,
    endpointsLeft: after?.endpoints.length ?? 0,
    ...(appliedMs !== undefined && { appliedMs }),
  };
  const cause = <T>(known: T): T | 'relisted' => (snapshot.relisted ? 'relisted' : known);
  return [
    ...added.map((endpoint) => ({
      ...common,
      ...named(endpoint, context),
      change: 'joined' as const,
      state: stateOf(endpoint),
      ...(heldCause(endpoint) ?? { cause: cause('registered' as const) }),
    })),
    ...changed.map(({ before: was, after: is }) => ({
      ...common,
      ...named(is, context),
      change: 'changed' as const,
      state: stateOf(is),
      ...(heldCause(is) ?? { cause: cause(causeOfChange(was, is)) }),
    })),
    ...removed.map((endpoint) => ({
      ...common,
      ...named(endpoint, context),
      // The endpoint's own revision is that of its registration, not of its removal.
      revision: snapshot.revision,
      change: 'left' as const,
      state: 'gone' as const,
      ...(releasedCause(endpoint, snapshot) ?? { cause: cause('removed' as const) }),
    })),
  ];
}

function named(
  { address, keys, revision, lease }: Endpoint,
  { grantedOf }: MembershipContext,
): Pick<MembershipChange, 'address' | 'key' | 'revision' | 'lease' | 'leaseTtl'> {
  const leaseTtl = grantedOf?.(lease);
  return {
    address,
    key: keys[0] ?? '',
    revision,
    ...(lease !== '' && { lease }),
    ...(leaseTtl !== undefined && { leaseTtl }),
  };
}

function stateOf(endpoint: Endpoint): MembershipChange['state'] {
  return endpoint.standing === 'listed' ? 'up' : endpoint.standing;
}

function causeOfChange(was: Endpoint, is: Endpoint): MembershipCause {
  if (was.standing === is.standing) return 'updated';
  if (is.standing === 'draining') return 'draining';
  return was.standing === 'stale' ? 'registered' : 'updated';
}

function heldCause({ held }: Endpoint): { cause: 'held'; reason: string } | undefined {
  return held && { cause: 'held', reason: held.reason };
}

function releasedCause(
  endpoint: Endpoint,
  { released }: SourceSnapshot,
): { cause: 'released'; reason: string } | undefined {
  const reason = released?.get(endpoint);
  if (reason === undefined) return undefined;
  // The guard asked, and nobody was told: an endpoint that left as it should.
  if (reason === 'its owner deleted it' && endpoint.held === undefined) return undefined;
  return { cause: 'released', reason };
}
