import type { Generation } from './context.js';

export interface PastRouting {
  /** Milliseconds since the epoch. */
  readonly from: number;
  readonly generation: Generation;
}

const MOST_KEPT = 50;
/** In all that is kept: with `autoRoutes` a table may have thousands of them. */
const MOST_ROUTES = 5_000;

/** Which routes were in force when, for questions about the past. */
export class RoutingHistory {
  /** Oldest first; never empty after the first `add`. */
  readonly #kept: PastRouting[] = [];
  /** Of all that is kept. */
  #routes = 0;
  #startedAt: number | undefined;

  add(from: number, generation: Generation): void {
    this.#startedAt ??= from;
    this.#kept.push({ from, generation });
    this.#routes += generation.table.routes.length;
    while (this.#kept.length > 1 && (this.#kept.length > MOST_KEPT || this.#routes > MOST_ROUTES)) {
      this.#routes -= this.#kept.shift()?.generation.table.routes.length ?? 0;
    }
  }

  /** When the first routes came into force; Infinity before. */
  get startedAt(): number {
    return this.#startedAt ?? Number.POSITIVE_INFINITY;
  }

  /** The earliest moment that is still known; Infinity when none is. */
  get reachesTo(): number {
    return this.#kept[0]?.from ?? Number.POSITIVE_INFINITY;
  }

  /** What was in force at a moment; undefined when that is not known any more. */
  at(moment: number): PastRouting | undefined {
    return this.#kept.findLast(({ from }) => from <= moment);
  }
}
