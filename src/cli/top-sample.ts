import type { EndpointRow } from './endpoint-rows.js';
import { type MetricSample, readSamples } from './metrics-text.js';

const REQUESTS = 'watchgate_requests_total';
const DURATION = 'watchgate_request_duration_seconds_bucket';
const METRICS: ReadonlySet<string> = new Set([REQUESTS, DURATION]);

/** What has been counted about a service since its gateway began. */
export interface ServiceCounts {
  requests: number;
  /** Those that were answered 5xx. */
  errors: number;
  /** Cumulated counts by upper bound in seconds. */
  readonly buckets: Map<number, number>;
}

/** All counters of a gateway at one moment. */
export interface TopSample {
  /** Milliseconds on a monotonic clock. */
  readonly at: number;
  readonly rows: readonly EndpointRow[];
  readonly services: ReadonlyMap<string, ServiceCounts>;
}

/** Reads a page of metrics beside the endpoints of the same moment. */
export function takeSample(at: number, rows: readonly EndpointRow[], metrics: string): TopSample {
  const services = new Map<string, ServiceCounts>();
  for (const sample of readSamples(metrics, METRICS)) count(services, sample);
  return { at, rows, services };
}

function count(services: Map<string, ServiceCounts>, { name, labels, value }: MetricSample): void {
  const service = labels['service'] ?? '';
  const counts = services.get(service) ?? { requests: 0, errors: 0, buckets: new Map<number, number>() };
  services.set(service, counts);
  if (name === REQUESTS) {
    counts.requests += value;
    if (labels['code']?.startsWith('5')) counts.errors += value;
    return;
  }
  // A service may have several routes, each with a histogram of its own.
  const bound = labels['le'] === '+Inf' ? Infinity : Number(labels['le']);
  counts.buckets.set(bound, (counts.buckets.get(bound) ?? 0) + value);
}
