import type { BucketTally } from '../core/tally.js';

/** Upper bounds of a histogram's buckets in seconds, ascending. */
export type Bounds = readonly number[];

/** From a cache's answer to the longest timeout that is usual. */
export const REQUEST_BOUNDS: Bounds = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];

/** The gateway's own share of a request is tens of microseconds; above 100 ms something is wrong. */
export const OVERHEAD_BOUNDS: Bounds = [
  0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 1,
];

/** One series of a histogram. Observing is a short scan and three additions. */
export class BucketCounts {
  readonly #bounds: Bounds;
  /** Per bucket, not cumulated; the last one is +Inf. */
  readonly #counts: Float64Array;
  #sum = 0;

  constructor(bounds: Bounds) {
    this.#bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 1);
  }

  /** A clock's rounding may make a difference slightly negative; it counts as 0. */
  observe(seconds: number): void {
    const value = Math.max(seconds, 0);
    const bounds = this.#bounds;
    let bucket = 0;
    while (bucket < bounds.length && value > (bounds[bucket] ?? 0)) bucket += 1;
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#sum += value;
  }

  /** Counts what was observed elsewhere, with the same bounds. */
  add({ counts, sum }: BucketTally): void {
    for (const [bucket, count] of counts.entries())
      this.#counts[bucket] = (this.#counts[bucket] ?? 0) + count;
    this.#sum += sum;
  }

  tally(): BucketTally {
    return { counts: [...this.#counts], sum: this.#sum };
  }

  /** Lines of the Prometheus text format, version 0.0.4, without HELP and TYPE. */
  render(name: string, labels: string): string[] {
    let cumulated = 0;
    const lines = [...this.#counts].map((count, bucket) => {
      cumulated += count;
      return `${name}_bucket{${labels},le="${this.#bounds[bucket] ?? '+Inf'}"} ${cumulated}`;
    });
    return [...lines, `${name}_sum{${labels}} ${this.#sum}`, `${name}_count{${labels}} ${cumulated}`];
  }
}

export interface HistogramSeries {
  readonly labels: Readonly<Record<string, string>>;
  readonly counts: BucketCounts;
}

/**
 * A whole histogram as Prometheus text. prom-client can only be fed one observation at a time,
 * so counts made elsewhere are rendered here.
 */
export function renderHistogram(name: string, help: string, series: Iterable<HistogramSeries>): string {
  const lines = [`# HELP ${name} ${help}`, `# TYPE ${name} histogram`];
  for (const { labels, counts } of series) lines.push(...counts.render(name, formatLabels(labels)));
  return `${lines.join('\n')}\n`;
}

function formatLabels(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escapeLabel(value)}"`)
    .join(',');
}

/** Prometheus exposition formats, "Comments, help text, and type information": these three only. */
function escapeLabel(value: string): string {
  return value.replace(/\\/g, '\\\\').replace(/\n/g, '\\n').replace(/"/g, '\\"');
}
