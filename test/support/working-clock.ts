import { ManualClock } from './manual-clock.js';

/** A clock on which work takes time: each look at it is a millisecond later than the one before. */
export class WorkingClock extends ManualClock {
  #looks = 0;

  override monotonic(): number {
    this.#looks += 1;
    return super.monotonic() + this.#looks;
  }
}
