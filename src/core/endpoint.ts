/** How the registry stands to an endpoint: listed, told to leave, or no longer listed but held by the guard. */
export type Standing = 'listed' | 'draining' | 'stale';

/** What operators see. `gone` appears only in the journal. */
export type EndpointState = 'up' | 'ejected' | 'draining' | 'stale' | 'gone';

/** Why the guard keeps an endpoint that the registry does not list. */
export type HoldReason =
  | 'lost most of the service'
  | 'lost the last of the service'
  | 'lost much of the registry'
  | 'registry unconfirmed'
  | 'cold start';

export interface Hold {
  readonly reason: HoldReason;
  /** Milliseconds since the epoch. */
  readonly since: number;
}

/** One address of a service, as registered. Immutable; a change makes a new one. */
export interface Endpoint {
  /** Canonical `host:port`; identifies the endpoint within its service. */
  readonly address: string;
  readonly host: string;
  readonly port: number;
  /** Relative share of traffic; above 0, 1 when the registration does not say. */
  readonly weight: number;
  readonly zone: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  readonly standing: Standing;
  /** Registry keys that name this address, sorted. The endpoint lives while any of them does. */
  readonly keys: readonly string[];
  /** Registry revision of the newest of those keys, decimal; empty when the registry has none. */
  readonly revision: string;
  /** Lease of the newest key, decimal; empty when none. */
  readonly lease: string;
  /** Milliseconds since the epoch at which this gateway first saw it. */
  readonly since: number;
  /** Only of a stale one. */
  readonly held?: Hold;
}

/** All endpoints of one service at one moment, sorted by address. Immutable. */
export interface EndpointSet {
  readonly service: string;
  readonly endpoints: readonly Endpoint[];
}

export interface EndpointSetDiff {
  readonly added: readonly Endpoint[];
  readonly removed: readonly Endpoint[];
  /** Same address, other weight, standing, zone or metadata. */
  readonly changed: readonly { readonly before: Endpoint; readonly after: Endpoint }[];
}

export function endpointSet(service: string, endpoints: Iterable<Endpoint>): EndpointSet {
  const sorted = [...endpoints].sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
  return { service, endpoints: sorted };
}

/** An endpoint that is held. In one literal: objects that are spread have a shape each, and thousands may be held. */
export function staleEndpoint(endpoint: Endpoint, held: Hold): Endpoint {
  const { address, host, port, weight, zone, metadata, keys, revision, lease, since } = endpoint;
  return {
    address,
    host,
    port,
    weight,
    zone,
    metadata,
    standing: 'stale',
    keys,
    revision,
    lease,
    since,
    held,
  };
}

/** Whether traffic would treat both alike; revision, lease and keys do not matter to it. */
export function sameForTraffic(a: Endpoint, b: Endpoint): boolean {
  return (
    a === b ||
    (a.address === b.address &&
      a.weight === b.weight &&
      a.standing === b.standing &&
      a.zone === b.zone &&
      sameMetadata(a.metadata, b.metadata))
  );
}

export function diffEndpointSets(
  before: EndpointSet | undefined,
  after: EndpointSet | undefined,
): EndpointSetDiff {
  const old = new Map((before?.endpoints ?? []).map((endpoint) => [endpoint.address, endpoint]));
  const added: Endpoint[] = [];
  const changed: { before: Endpoint; after: Endpoint }[] = [];
  for (const endpoint of after?.endpoints ?? []) {
    const previous = old.get(endpoint.address);
    old.delete(endpoint.address);
    if (previous === undefined) added.push(endpoint);
    else if (!sameForTraffic(previous, endpoint)) changed.push({ before: previous, after: endpoint });
  }
  return { added, removed: [...old.values()], changed };
}

function sameMetadata(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  if (a === b) return true;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}
