import type { Clock, Timer } from '../core/clock.js';
import type { EndpointPool } from './endpoint-pool.js';

const STEPS = 10;

/** Gives endpoints that came back their share of requests in steps, so that they can warm up. */
export class SlowStart {
  readonly #clock: Clock;
  readonly #onStep: () => void;
  readonly #timers = new Map<EndpointPool, Timer>();

  constructor(clock: Clock, onStep: () => void) {
    this.#clock = clock;
    this.#onStep = onStep;
  }

  /** Starts anew when it is under way. `overMs` of 0 gives the full share at once. */
  begin(pool: EndpointPool, overMs: number): void {
    this.cancel(pool);
    if (overMs > 0) this.#step(pool, overMs / STEPS, 1);
  }

  /** Gives the full share now. */
  cancel(pool: EndpointPool): void {
    this.#timers.get(pool)?.cancel();
    this.#timers.delete(pool);
    pool.warmth = 1;
  }

  close(): void {
    for (const pool of [...this.#timers.keys()]) this.cancel(pool);
  }

  #step(pool: EndpointPool, everyMs: number, step: number): void {
    pool.warmth = step / STEPS;
    if (step === STEPS) {
      this.#timers.delete(pool);
      return;
    }
    const timer = this.#clock.after(everyMs, () => {
      this.#step(pool, everyMs, step + 1);
      this.#onStep();
    });
    this.#timers.set(pool, timer);
  }
}
