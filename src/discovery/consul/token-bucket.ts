import type { Clock } from '../../core/clock.js';

export interface TokenBucketOptions {
  /** How many may come at once after a rest. */
  readonly burst: number;
  /** In which time one more is allowed, in milliseconds. */
  readonly refillMs: number;
  readonly clock: Clock;
}

/** Bounds how often something is done; what comes now and then does not wait. */
export class TokenBucket {
  readonly #options: TokenBucketOptions;
  #tokens: number;
  #countedAt: number;

  constructor(options: TokenBucketOptions) {
    this.#options = options;
    this.#tokens = options.burst;
    this.#countedAt = options.clock.monotonic();
  }

  /** Takes a token; answers how many milliseconds to wait before using it. */
  take(): number {
    const { burst, refillMs, clock } = this.#options;
    const now = clock.monotonic();
    this.#tokens = Math.min(burst, this.#tokens + (now - this.#countedAt) / refillMs) - 1;
    this.#countedAt = now;
    return Math.max(0, -this.#tokens * refillMs);
  }
}
