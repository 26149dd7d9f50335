import type { Clock, Timer } from '../../src/core/clock.js';

interface Pending {
  readonly at: number;
  readonly task: () => void;
}

/**
 * Time for thousands of histories a second: like ManualClock, but it lets things happen after a timer for just
 * one turn of the event loop, which is all that code without I/O needs.
 */
export class SimulatedClock implements Clock {
  /** In the order of coming due; of two at the same moment, the one that was set first. */
  readonly #pending: Pending[] = [];
  #elapsed = 0;

  now(): number {
    return 1_767_225_600_000 + this.#elapsed;
  }

  monotonic(): number {
    return this.#elapsed;
  }

  after(delayMs: number, task: () => void): Timer {
    const pending = { at: this.#elapsed + Math.max(0, delayMs), task };
    let place = this.#pending.length;
    while (place > 0 && (this.#pending[place - 1]?.at ?? 0) > pending.at) place -= 1;
    this.#pending.splice(place, 0, pending);
    return {
      cancel: () => {
        const index = this.#pending.indexOf(pending);
        if (index >= 0) this.#pending.splice(index, 1);
      },
    };
  }

  /** Timers set and neither run nor cancelled. */
  get pending(): number {
    return this.#pending.length;
  }

  async advance(ms: number): Promise<void> {
    const until = this.#elapsed + ms;
    for (;;) {
      await nextTurn();
      const [next] = this.#pending;
      if (next === undefined || next.at > until) break;
      this.#pending.shift();
      this.#elapsed = next.at;
      next.task();
    }
    this.#elapsed = until;
  }
}

/** Every promise that can settle without a timer has settled before the next turn of the event loop. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
