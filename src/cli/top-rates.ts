import type { EndpointRow } from './endpoint-rows.js';
import type { ServiceCounts, TopSample } from './top-sample.js';

/** What passed between two samples. Shares are 0 to 1, and null where there was no request. */
export interface TopService {
  readonly service: string;
  readonly requestsPerSecond: number;
  /** Answered 5xx, whoever said so. */
  readonly errorShare: number | null;
  readonly p99Ms: number | null;
  readonly inFlight: number;
  readonly endpoints: readonly TopEndpoint[];
}

export interface TopEndpoint {
  readonly address: string;
  readonly state: string;
  readonly requestsPerSecond: number;
  /** Attempts that are held against it. */
  readonly errorShare: number | null;
  /** Moving average to the response head. */
  readonly latencyMs: number;
  readonly inFlight: number;
}

/** By service, in no order. Counters that went back began again with their gateway. */
export function compareSamples(before: TopSample, after: TopSample): TopService[] {
  const seconds = Math.max(after.at - before.at, 1) / 1000;
  const earlier = new Map(before.rows.map((row) => [keyOf(row), row]));
  const endpoints = new Map<string, TopEndpoint[]>();
  for (const service of after.services.keys()) if (service !== '') endpoints.set(service, []);
  for (const row of after.rows) {
    const own = endpoints.get(row.service) ?? [];
    own.push(endpointOf(earlier.get(keyOf(row)), row, seconds));
    endpoints.set(row.service, own);
  }
  return [...endpoints].map(([service, own]) => ({
    service,
    ...serviceOf(before.services.get(service), after.services.get(service), seconds),
    inFlight: own.reduce((sum, { inFlight }) => sum + inFlight, 0),
    endpoints: own,
  }));
}

/** A space is in no address. */
function keyOf({ service, address }: EndpointRow): string {
  return `${address} ${service}`;
}

function endpointOf(before: EndpointRow | undefined, now: EndpointRow, seconds: number): TopEndpoint {
  const requests = increase(before?.requests, now.requests);
  const failures = increase(before?.failures, now.failures);
  return {
    address: now.address,
    state: now.state,
    requestsPerSecond: requests / seconds,
    // An attempt that fails now may have begun, and been counted, before.
    errorShare: requests === 0 ? null : Math.min(1, failures / requests),
    latencyMs: now.latencyEwmaMs,
    inFlight: now.inFlight,
  };
}

function serviceOf(
  before: ServiceCounts | undefined,
  now: ServiceCounts | undefined,
  seconds: number,
): Pick<TopService, 'requestsPerSecond' | 'errorShare' | 'p99Ms'> {
  const requests = increase(before?.requests, now?.requests ?? 0);
  const errors = increase(before?.errors, now?.errors ?? 0);
  const buckets = [...(now?.buckets ?? [])].map(
    ([bound, count]) => [bound, increase(before?.buckets.get(bound), count)] as const,
  );
  const p99 = quantile(0.99, buckets);
  return {
    requestsPerSecond: requests / seconds,
    errorShare: requests === 0 ? null : errors / requests,
    p99Ms: p99 === null ? null : p99 * 1000,
  };
}

function increase(before: number | undefined, now: number): number {
  return before === undefined || now < before ? now : now - before;
}

/**
 * As histogram_quantile of Prometheus does: the observations of a bucket are taken to be spread evenly over it, and
 * what is above the last finite bound counts as that. Null when there are none.
 */
export function quantile(
  share: number,
  cumulated: readonly (readonly [bound: number, count: number])[],
): number | null {
  const buckets = cumulated.toSorted(([a], [b]) => a - b);
  const rank = share * (buckets.at(-1)?.[1] ?? 0);
  if (rank === 0) return null;
  let [low, below] = [0, 0];
  for (const [bound, count] of buckets) {
    if (count >= rank)
      return bound === Infinity ? low : low + ((bound - low) * (rank - below)) / (count - below);
    [low, below] = [bound, count];
  }
  return low;
}
