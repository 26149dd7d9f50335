import type { EndpointView } from '../../../core/views.js';

interface Sample {
  /** Milliseconds on the page's monotonic clock. */
  readonly at: number;
  readonly requests: number;
  readonly failures: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** What the counters of one endpoint, or of all together, say about now. */
export interface Reading {
  readonly requestsPerSecond: number;
  /** Failures among the requests of the window; null when there were none. */
  readonly failureShare: number | null;
  /** Percentiles of the latency at each sample, oldest first, milliseconds. */
  readonly p50Ms: readonly number[];
  readonly p99Ms: readonly number[];
}

/** Rates are taken over this time: shorter, and a quiet service flickers between 0 and 1. */
const WINDOW_MS = 5_000;
/** One minute of samples. */
const KEPT = 60;

export const NO_READING: Reading = { requestsPerSecond: 0, failureShare: null, p50Ms: [], p99Ms: [] };

/**
 * Turns counters that only grow into rates, from samples taken about once a second. The stream has no
 * rates, so they begin when the page is opened.
 */
export class Meter {
  #samples: Sample[] = [];
  #since = 0;

  /** `at` is when the counters were seen. A counter that went back belongs to another life of the endpoint. */
  sample(at: number, { requests, failures, latencyP50Ms, latencyP99Ms, since }: Counters): void {
    const last = this.#samples.at(-1);
    if (last !== undefined && (last.requests > requests || this.#since !== since)) this.#samples = [];
    this.#since = since;
    this.#samples.push({ at, requests, failures, p50Ms: latencyP50Ms, p99Ms: latencyP99Ms });
    if (this.#samples.length > KEPT) this.#samples.shift();
  }

  reading(): Reading {
    const last = this.#samples.at(-1);
    if (last === undefined) return NO_READING;
    const first = this.#samples.find(({ at }) => at >= last.at - WINDOW_MS) ?? last;
    const requests = last.requests - first.requests;
    return {
      requestsPerSecond: last.at > first.at ? (requests * 1_000) / (last.at - first.at) : 0,
      failureShare: requests > 0 ? Math.min(1, (last.failures - first.failures) / requests) : null,
      p50Ms: this.#samples.map(({ p50Ms }) => p50Ms),
      p99Ms: this.#samples.map(({ p99Ms }) => p99Ms),
    };
  }
}

export type Counters = Pick<
  EndpointView,
  'requests' | 'failures' | 'latencyP50Ms' | 'latencyP99Ms' | 'since'
>;
