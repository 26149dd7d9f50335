/** Enough for a 99th percentile to be more than the largest, and few enough to sort for each of thousands of endpoints. */
const KEPT = 128;

export interface LatencyPercentiles {
  /** Milliseconds; 0 before the first answer. */
  readonly p50: number;
  readonly p99: number;
}

const NONE: LatencyPercentiles = { p50: 0, p99: 0 };

/** Times to the response head of the last answers of one endpoint. To note one costs a store; sorting waits for who asks. */
export class RecentLatency {
  readonly #samples = new Float32Array(KEPT);
  #noted = 0;
  #sortedAt = 0;
  #percentiles = NONE;

  note(ms: number): void {
    this.#samples[this.#noted % KEPT] = ms;
    this.#noted += 1;
  }

  percentiles(): LatencyPercentiles {
    if (this.#sortedAt === this.#noted) return this.#percentiles;
    this.#sortedAt = this.#noted;
    const sorted = this.#samples.slice(0, Math.min(this.#noted, KEPT)).sort();
    this.#percentiles = { p50: rank(sorted, 0.5), p99: rank(sorted, 0.99) };
    return this.#percentiles;
  }
}

/** The smallest sample that is not below that share of them. */
function rank(sorted: Float32Array, share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}
