import type { Clock, Timer } from '../../src/core/clock.js';

interface Pending {
  readonly at: number;
  readonly order: number;
  readonly task: () => void;
}

/** A clock that stands still until it is told to move. */
export class ManualClock implements Clock {
  readonly #pending = new Set<Pending>();
  #elapsed = 0;
  #order = 0;

  /** 2026-01-01T00:00:00Z plus what has been advanced. */
  now(): number {
    return 1_767_225_600_000 + this.#elapsed;
  }

  monotonic(): number {
    return this.#elapsed;
  }

  after(delayMs: number, task: () => void): Timer {
    const pending: Pending = { at: this.#elapsed + delayMs, order: this.#order++, task };
    this.#pending.add(pending);
    return { cancel: () => void this.#pending.delete(pending) };
  }

  /** Timers set and neither run nor cancelled. */
  get pending(): number {
    return this.#pending.size;
  }

  /**
   * Moves time, running each timer that comes due at its own moment, and after each lets everything
   * happen that it set off, so that timers set on the way run too.
   */
  async advance(ms: number): Promise<void> {
    const until = this.#elapsed + ms;
    await settle();
    for (let next = this.#next(until); next !== undefined; next = this.#next(until)) {
      this.#pending.delete(next);
      this.#elapsed = Math.max(this.#elapsed, next.at);
      next.task();
      await settle();
    }
    this.#elapsed = until;
  }

  #next(until: number): Pending | undefined {
    const due = [...this.#pending].filter((pending) => pending.at <= until);
    return due.sort((a, b) => a.at - b.at || a.order - b.order)[0];
  }
}

/** Resolves when every promise and immediate that is under way without timers has run. */
export async function settle(): Promise<void> {
  for (let turns = 0; turns < 4; turns++) await new Promise((resolve) => setImmediate(resolve));
}
