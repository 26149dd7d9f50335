import type { RequestRecord } from './events.js';

/** How often each pair of labels came. */
export type PairTally = readonly (readonly [first: string, second: string, count: number])[];

/** What a histogram has observed: counts by bucket, not cumulated, and the sum in seconds. */
export interface BucketTally {
  readonly counts: readonly number[];
  readonly sum: number;
}

export interface TrafficTally {
  readonly route: string;
  readonly service: string;
  /** By a key that metrics make of status and method. */
  readonly requests: readonly (readonly [key: number, count: number])[];
  readonly durations: BucketTally;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/**
 * What a worker has counted since it last told. Only what has happened is in it, and each of it once,
 * so that the sum of all tallies never goes back when a worker ends.
 */
export interface Tally {
  readonly traffic: readonly TrafficTally[];
  readonly overhead: readonly { readonly route: string; readonly buckets: BucketTally }[];
  readonly failures: PairTally;
  readonly attempts: PairTally;
  readonly retries: PairTally;
  /** By service. */
  readonly refusedRetries: readonly (readonly [service: string, count: number])[];
}

/** What the requests of a worker came to since it last told. */
export interface TrafficReport {
  readonly tally: Tally;
  /** Those worth remembering, oldest first. */
  readonly kept: readonly RequestRecord[];
}

/** How many requests it tells of. */
export function requestsIn({ traffic }: Tally): number {
  return traffic.flatMap(({ requests }) => requests).reduce((sum, [, count]) => sum + count, 0);
}

/** One of Node's own metrics, as prom-client gives it. */
export interface ProcessMetric {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly values: readonly {
    readonly metricName?: string;
    readonly labels: Readonly<Partial<Record<string, string | number>>>;
    readonly value: number;
  }[];
}
