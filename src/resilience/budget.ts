import type { Clock } from '../core/clock.js';

export interface BudgetOptions {
  /** Retries allowed per request, over the window. */
  readonly share: number;
  /** Retries always allowed at once, so that a quiet service may retry at all. */
  readonly minConcurrent: number;
}

export const DEFAULT_BUDGET: BudgetOptions = { share: 0.2, minConcurrent: 3 };

const HALF_LIFE_MS = 10_000;
/** Between two reckonings; each costs a power. What it makes is no share of a request. */
const RECKON_EVERY_MS = 10;

/**
 * Bounds the retries of one service to a share of its recent requests, so that retries cannot
 * multiply an overload (tower's retry budget; Envoy's retry_budget). Recent means an exponentially
 * decaying count with a half-life of 10 s.
 */
export class RetryBudget {
  readonly #clock: Clock;
  readonly #options: BudgetOptions;
  readonly #onRefused: () => void;
  #requests = 0;
  #retries = 0;
  #active = 0;
  #decayedAt: number;

  /** `onRefused`: called for each retry that `tryAcquire` does not grant. */
  constructor(clock: Clock, options: BudgetOptions = DEFAULT_BUDGET, onRefused: () => void = () => {}) {
    this.#clock = clock;
    this.#options = options;
    this.#onRefused = onRefused;
    this.#decayedAt = clock.monotonic();
  }

  /** Counts one request, not its retries. */
  deposit(): void {
    this.#decay();
    this.#requests += 1;
  }

  /** Whether `tryAcquire` would allow one more retry now. */
  get allows(): boolean {
    return this.#allowsBeside(this.#active);
  }

  /** Whether one more retry may start. Each granted one must be given back with `release`. */
  tryAcquire(): boolean {
    return this.#grantBeside(this.#active);
  }

  /** The same for a retry that follows another, which ends with it: only the later one is given back then. */
  tryReplace(): boolean {
    return this.#grantBeside(this.#active - 1);
  }

  release(): void {
    this.#active -= 1;
  }

  #grantBeside(others: number): boolean {
    if (!this.#allowsBeside(others)) {
      this.#onRefused();
      return false;
    }
    this.#active = others + 1;
    this.#retries += 1;
    return true;
  }

  #allowsBeside(others: number): boolean {
    this.#decay();
    return others < this.#options.minConcurrent || this.#retries < this.#requests * this.#options.share;
  }

  #decay(): void {
    const now = this.#clock.monotonic();
    const passedMs = now - this.#decayedAt;
    if (passedMs < RECKON_EVERY_MS) return;
    const factor = 0.5 ** (passedMs / HALF_LIFE_MS);
    this.#requests *= factor;
    this.#retries *= factor;
    this.#decayedAt = now;
  }
}
