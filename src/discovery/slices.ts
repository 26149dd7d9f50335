import { BREAK_MS, WORK_MS } from '../core/breaks.js';
import type { Clock, Timer } from '../core/clock.js';

/** Does work in slices, with pauses in which requests have their turn. */
export class Slices {
  readonly #clock: Clock;
  readonly #work: (mayGoOn: () => boolean) => boolean;
  #pause: Timer | undefined;

  /** `work` does some, until it is done or may not go on; answers whether it is done. It must not throw. */
  constructor(clock: Clock, work: (mayGoOn: () => boolean) => boolean) {
    this.#clock = clock;
    this.#work = work;
  }

  /** Begins at once, unless it is at it already; `whole`: without a pause, for what nobody has to wait for. */
  run(whole = false): void {
    if (this.#pause !== undefined) return;
    const until = whole ? Number.POSITIVE_INFINITY : this.#clock.monotonic() + WORK_MS;
    if (this.#work(() => this.#clock.monotonic() < until)) return;
    this.#pause = this.#clock.after(BREAK_MS, () => {
      this.#pause = undefined;
      this.run();
    });
  }

  /** Leaves undone what is left. */
  stop(): void {
    this.#pause?.cancel();
  }
}
