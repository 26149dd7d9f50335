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

/** What is known of one change besides its context. */
interface Told {
  readonly endpoint: Endpoint;
  readonly change: MembershipChange['change'];
  readonly state: MembershipChange['state'];
  readonly cause: MembershipCause;
  readonly reason?: string | undefined;
  readonly revision: string;
}

/** What an operator should be told of the change from one set to the next: one entry per endpoint. */
export function membershipChanges(
  before: EndpointSet | undefined,
  after: EndpointSet | undefined,
  context: MembershipContext,
): MembershipChange[] {
  const { snapshot } = context;
  const { added, removed, changed } = diffEndpointSets(before, after);
  const left = after?.endpoints.length ?? 0;
  const cause = (known: MembershipCause): MembershipCause => (snapshot.relisted ? 'relisted' : known);
  const seen = (
    endpoint: Endpoint,
    change: 'joined' | 'changed',
    known: MembershipCause,
  ): MembershipChange => {
    const { held, revision } = endpoint;
    const why = held === undefined ? cause(known) : 'held';
    return entry(
      { endpoint, change, state: stateOf(endpoint), cause: why, reason: held?.reason, revision },
      left,
      context,
    );
  };
  const gone = (endpoint: Endpoint): MembershipChange => {
    const released = releaseReason(endpoint, snapshot);
    const rubbish = snapshot.departures?.get(endpoint)?.rubbish;
    const known = rubbish === undefined ? cause('removed') : 'invalid';
    const why = released === undefined ? known : 'released';
    const reason = released ?? rubbish;
    // The endpoint's own revision is that of its registration, not of its removal.
    const { revision } = snapshot;
    return entry({ endpoint, change: 'left', state: 'gone', cause: why, reason, revision }, left, context);
  };
  return [
    ...added.map((endpoint) => seen(endpoint, 'joined', 'registered')),
    ...changed.map(({ before: was, after: is }) => seen(is, 'changed', causeOfChange(was, is))),
    ...removed.map(gone),
  ];
}

/** In one literal, not from pieces: objects that are spread have a shape each, and thousands are kept. */
function entry(
  { endpoint, change, state, cause, reason, revision }: Told,
  endpointsLeft: number,
  { at, source, service, appliedMs, grantedOf }: MembershipContext,
): MembershipChange {
  const { address, keys, lease } = endpoint;
  const key = keys[0] ?? '';
  const told: { -readonly [K in keyof MembershipChange]: MembershipChange[K] } = {
    at,
    source,
    service,
    address,
    key,
    revision,
    endpointsLeft,
    change,
    state,
    cause,
  };
  if (reason !== undefined) told.reason = reason;
  if (lease !== '') told.lease = lease;
  const leaseTtl = grantedOf?.(lease);
  if (leaseTtl !== undefined) told.leaseTtl = leaseTtl;
  if (appliedMs !== undefined) told.appliedMs = appliedMs;
  return told;
}

function stateOf(endpoint: Endpoint): MembershipChange['state'] {
  return endpoint.standing === 'listed' ? 'up' : endpoint.standing;
}

function causeOfChange(was: Endpoint, is: Endpoint): MembershipCause {
  if (was.standing === is.standing) return 'updated';
  if (is.standing === 'draining') return 'draining';
  return was.standing === 'stale' ? 'registered' : 'updated';
}

function releaseReason(endpoint: Endpoint, { released }: SourceSnapshot): string | undefined {
  const reason = released?.get(endpoint);
  // The guard asked, and nobody was told: an endpoint that left as it should.
  return reason === 'its owner deleted it' && endpoint.held === undefined ? undefined : reason;
}
