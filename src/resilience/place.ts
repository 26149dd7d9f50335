import type { InFlightLimit } from './limit.js';

/** The place of one request within the limit of its service: waited for if need be, and given back once. */
export class Place {
  readonly #limit: InFlightLimit;
  #stopWaiting: (() => void) | undefined;
  #held = false;

  constructor(limit: InFlightLimit) {
    this.#limit = limit;
  }

  /** Calls one of the two, once, unless it is given back before. */
  take(entered: () => void, overloaded: () => void): void {
    const enter = (): void => {
      this.#stopWaiting = undefined;
      this.#held = true;
      entered();
    };
    const admission = this.#limit.admit(enter, overloaded);
    if (admission === 'entered') enter();
    else if (admission === 'refused') overloaded();
    else this.#stopWaiting = admission.cancel;
  }

  /** Idempotent. */
  giveBack(): void {
    this.#stopWaiting?.();
    this.#stopWaiting = undefined;
    if (this.#held) this.#limit.leave();
    this.#held = false;
  }
}
