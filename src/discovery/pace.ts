import type { Clock } from '../core/clock.js';

export interface PaceOptions {
  /** How many may begin at once after a calm. */
  readonly burst: number;
  readonly perSecond: number;
}

/** A token bucket: so many at once, and so many a second after that. */
export class Pace {
  readonly #clock: Clock;
  readonly #options: PaceOptions;
  #allowance: number;
  #countedAt: number;

  constructor(clock: Clock, options: PaceOptions) {
    this.#clock = clock;
    this.#options = options;
    this.#allowance = options.burst;
    this.#countedAt = clock.monotonic();
  }

  /** Whether one more may begin now; counts it then. */
  take(): boolean {
    const now = this.#clock.monotonic();
    const { burst, perSecond } = this.#options;
    this.#allowance = Math.min(burst, this.#allowance + ((now - this.#countedAt) / 1000) * perSecond);
    this.#countedAt = now;
    if (this.#allowance < 1) return false;
    this.#allowance -= 1;
    return true;
  }
}
