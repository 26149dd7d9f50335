import { type Clock, delay } from './clock.js';

/**
 * How long work on thousands of things goes on without a break. It must not keep requests waiting until all of it is
 * done; a request passes the event loop several times, and can meet such work each time.
 */
export const WORK_MS = 2;
/** What requests have for themselves in between. */
export const BREAK_MS = 4;

/** Breaks in long work, in which requests have their turn. */
export class Breaks {
  readonly #clock: Clock;
  #until: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#until = clock.monotonic() + WORK_MS;
  }

  /** Resolves after a break if one is due, and otherwise at once. */
  async here(): Promise<void> {
    if (this.#clock.monotonic() < this.#until) return;
    await delay(this.#clock, BREAK_MS);
    this.#until = this.#clock.monotonic() + WORK_MS;
  }
}
