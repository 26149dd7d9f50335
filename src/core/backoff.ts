import type { Random } from './random.js';

export interface BackoffBounds {
  readonly minMs: number;
  readonly maxMs: number;
  /** Ceiling of the first wait; `minMs` when absent, so that the first wait is always that. */
  readonly firstMs?: number;
  /** How many waits in a row have the same ceiling; 1 when absent. */
  readonly each?: number;
}

/**
 * Exponential back-off with full jitter between `minMs` and a ceiling that doubles up to `maxMs`.
 * Jitter keeps a fleet that lost the same server from coming back in step.
 */
export class Backoff {
  readonly #bounds: BackoffBounds;
  readonly #random: Random;
  #failures = 0;

  constructor(bounds: BackoffBounds, random: Random) {
    this.#bounds = bounds;
    this.#random = random;
  }

  /** Milliseconds to wait before the next try; each call counts as one more failure. */
  next(): number {
    const { minMs, maxMs, firstMs = minMs, each = 1 } = this.#bounds;
    const ceiling = Math.min(maxMs, firstMs * 2 ** Math.min(Math.floor(this.#failures / each), 30));
    this.#failures += 1;
    return minMs + this.#random() * (ceiling - minMs);
  }

  /** Call after a success. */
  reset(): void {
    this.#failures = 0;
  }
}
