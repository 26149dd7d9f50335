import { Counter, type Registry } from 'prom-client';
import type { RequestRecord } from '../core/events.js';
import type { Tally } from '../core/tally.js';
import type { BoundedNames } from './bounded-names.js';
import {
  BucketCounts,
  type HistogramSeries,
  OVERHEAD_BOUNDS,
  REQUEST_BOUNDS,
  renderHistogram,
} from './bucket-counts.js';
import { PairCounts } from './pair-counts.js';

/** RFC 9110 section 9 and RFC 5789. Anything else is `other`: clients may send any word. */
const METHODS = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'CONNECT',
  'TRACE',
  'other',
] as const;
const OTHER_METHOD = METHODS.length - 1;
const METHOD_INDEX: ReadonlyMap<string, number> = new Map(METHODS.map((method, index) => [method, index]));

interface Cell {
  count: number;
}

type RequestTally = Pick<Tally, 'traffic' | 'overhead' | 'failures'>;

/** What is counted about one route and service. */
interface Traffic {
  readonly route: string;
  readonly service: string;
  readonly durations: BucketCounts;
  /** Shared by all services that a route has had. */
  readonly overhead: BucketCounts;
  /** By status × number of methods + method. */
  readonly requests: Map<number, Cell>;
  bytesIn: number;
  bytesOut: number;
}

/** The metrics of finished requests: plain counters while traffic flows, copied when scraped. */
export class RequestMetrics {
  readonly #names: BoundedNames;
  readonly #traffic = new Map<string, Map<string, Traffic>>();
  readonly #overhead = new Map<string, BucketCounts>();
  readonly #failures: PairCounts;
  readonly #requestsTotal: Counter<'route' | 'service' | 'method' | 'code'>;
  readonly #failuresTotal: Counter<'service' | 'code'>;
  readonly #bytesInTotal: Counter<'route' | 'service'>;
  readonly #bytesOutTotal: Counter<'route' | 'service'>;

  constructor(registry: Registry, names: BoundedNames) {
    const registers = [registry];
    this.#names = names;
    this.#failures = new PairCounts(names);
    this.#requestsTotal = new Counter({
      name: 'watchgate_requests_total',
      help: 'Requests finished, by HTTP status.',
      labelNames: ['route', 'service', 'method', 'code'],
      registers,
    });
    this.#failuresTotal = new Counter({
      name: 'watchgate_failures_total',
      help: 'Requests that failed at the gateway, by cause.',
      labelNames: ['service', 'code'],
      registers,
    });
    this.#bytesInTotal = new Counter({
      name: 'watchgate_request_bytes_total',
      help: 'Bytes of request bodies received from clients.',
      labelNames: ['route', 'service'],
      registers,
    });
    this.#bytesOutTotal = new Counter({
      name: 'watchgate_response_bytes_total',
      help: 'Bytes of response bodies sent to clients.',
      labelNames: ['route', 'service'],
      registers,
    });
  }

  /** A request that matched no route has the empty route and service. */
  readonly record = (request: RequestRecord): void => {
    const route = request.route ?? '';
    const service = request.service ?? '';
    const traffic = this.#trafficOf(route, service);
    const method = METHOD_INDEX.get(request.method) ?? OTHER_METHOD;
    const key = request.status * METHODS.length + method;
    countUp(traffic.requests, key, 1);
    traffic.durations.observe(request.durationMs / 1000);
    traffic.overhead.observe((request.durationMs - request.upstreamMs) / 1000);
    traffic.bytesIn += request.bytesIn;
    traffic.bytesOut += request.bytesOut;
    if (request.cause !== undefined) this.#failures.add(service, request.cause);
  };

  /** Counts what a worker counted. */
  add({ traffic, overhead, failures }: RequestTally): void {
    for (const { route, service, requests, durations, bytesIn, bytesOut } of traffic) {
      const own = this.#trafficOf(route, service);
      for (const [key, count] of requests) countUp(own.requests, key, count);
      own.durations.add(durations);
      own.bytesIn += bytesIn;
      own.bytesOut += bytesOut;
    }
    for (const { route, buckets } of overhead) this.#overheadOf(this.#names.label(route)).add(buckets);
    this.#failures.addAll(failures);
  }

  /** What has been counted; begins again at nothing. */
  take(): RequestTally {
    const traffic = [...this.#all()].map(({ route, service, requests, durations, bytesIn, bytesOut }) => ({
      route,
      service,
      requests: [...requests].map(([key, { count }]) => [key, count] as const),
      durations: durations.tally(),
      bytesIn,
      bytesOut,
    }));
    const overhead = [...this.#overhead].map(([route, counts]) => ({ route, buckets: counts.tally() }));
    this.#traffic.clear();
    this.#overhead.clear();
    return { traffic, overhead, failures: this.#failures.take() };
  }

  /** Hands the counts to prom-client. */
  copy(): void {
    this.#failures.copyTo(this.#failuresTotal);
    for (const counter of [this.#requestsTotal, this.#bytesInTotal, this.#bytesOutTotal]) counter.reset();
    for (const { route, service, requests, bytesIn, bytesOut } of this.#all()) {
      this.#bytesInTotal.inc({ route, service }, bytesIn);
      this.#bytesOutTotal.inc({ route, service }, bytesOut);
      for (const [key, { count }] of requests) {
        const method = METHODS[key % METHODS.length] ?? 'other';
        const code = String(Math.floor(key / METHODS.length));
        this.#requestsTotal.inc({ route, service, method, code }, count);
      }
    }
  }

  /** The histograms as Prometheus text. */
  histograms(): string {
    return (
      renderHistogram(
        'watchgate_request_duration_seconds',
        'Time from the first byte of a request to the last of its response.',
        this.#durationSeries(),
      ) +
      renderHistogram(
        'watchgate_gateway_overhead_seconds',
        'Part of the duration that was not spent waiting for an endpoint.',
        this.#overheadSeries(),
      )
    );
  }

  *#all(): Generator<Traffic> {
    for (const services of this.#traffic.values()) yield* services.values();
  }

  *#durationSeries(): Generator<HistogramSeries> {
    for (const { route, service, durations } of this.#all())
      yield { labels: { route, service }, counts: durations };
  }

  *#overheadSeries(): Generator<HistogramSeries> {
    for (const [route, counts] of this.#overhead) yield { labels: { route }, counts };
  }

  #trafficOf(route: string, service: string): Traffic {
    return this.#traffic.get(route)?.get(service) ?? this.#newTraffic(route, service);
  }

  #overheadOf(route: string): BucketCounts {
    const counts = this.#overhead.get(route) ?? new BucketCounts(OVERHEAD_BOUNDS);
    this.#overhead.set(route, counts);
    return counts;
  }

  #newTraffic(wantedRoute: string, wantedService: string): Traffic {
    const route = this.#names.label(wantedRoute);
    const service = this.#names.label(wantedService);
    let services = this.#traffic.get(route);
    if (services === undefined) {
      services = new Map();
      this.#traffic.set(route, services);
    }
    const existing = services.get(service);
    if (existing !== undefined) return existing;
    const traffic: Traffic = {
      route,
      service,
      durations: new BucketCounts(REQUEST_BOUNDS),
      overhead: this.#overheadOf(route),
      requests: new Map(),
      bytesIn: 0,
      bytesOut: 0,
    };
    services.set(service, traffic);
    return traffic;
  }
}

function countUp(cells: Map<number, Cell>, key: number, times: number): void {
  const cell = cells.get(key);
  if (cell === undefined) cells.set(key, { count: times });
  else cell.count += times;
}
