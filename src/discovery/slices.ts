import type { Clock, Timer } from '../core/clock.js';

/**
 * How long work on changes goes on without a pause. A registry that changes in thousands of places at once, as when a
 * cluster is moved, must not keep requests waiting until all of it is applied; a request passes the event loop
 * several times, and can meet such work each time.
 */
const SLICE_MS = 2;
/** What requests have for themselves in between. */
const PAUSE_MS = 4;

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
    const until = whole ? Number.POSITIVE_INFINITY : this.#clock.monotonic() + SLICE_MS;
    if (this.#work(() => this.#clock.monotonic() < until)) return;
    this.#pause = this.#clock.after(PAUSE_MS, () => {
      this.#pause = undefined;
      this.run();
    });
  }

  /** Leaves undone what is left. */
  stop(): void {
    this.#pause?.cancel();
  }
}
