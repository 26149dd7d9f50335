/** With fewer questions than places, each waits this long for its answer to change. */
const LONGEST_WAIT_MS = 55_000;
/** With more, each has its turn at least this often, or its wait is the shortest. */
const ROUND_MS = 10_000;
const SHORTEST_WAIT_MS = 1_000;

/**
 * Places for queries that wait. Each of those holds a connection, and an agent takes 200 of one client by
 * default (`limits.http_max_conns_per_client`) and breaks off what is above. Whoever finds no place queues.
 */
export class QuerySlots {
  readonly #places: number;
  #taken = 0;
  #askers = 0;
  readonly #queue: (() => void)[] = [];

  constructor(places = 100) {
    this.#places = places;
  }

  /** How many ask in all; their waits follow from it. */
  set askers(count: number) {
    this.#askers = count;
  }

  /** Whether all that ask can wait at the same time. */
  get enough(): boolean {
    return this.#askers <= this.#places;
  }

  waitMs(): number {
    if (this.enough) return LONGEST_WAIT_MS;
    return Math.max(SHORTEST_WAIT_MS, Math.round((ROUND_MS * this.#places) / this.#askers));
  }

  /** Resolves to the function that gives the place back; without one, at once, when `signal` aborts. */
  async take(signal: AbortSignal): Promise<() => void> {
    if (this.#taken < this.#places) this.#taken += 1;
    else if (!(await this.#turn(signal))) return () => {};
    return () => this.#giveBack();
  }

  /** A place goes straight to who has waited longest, so that nobody slips in between. */
  #giveBack(): void {
    const next = this.#queue.shift();
    if (next === undefined) this.#taken -= 1;
    else next();
  }

  /** Whether a place was given, and not the asking given up. */
  #turn(signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve(false);
      const go = (): void => {
        signal.removeEventListener('abort', leave);
        resolve(true);
      };
      const leave = (): void => {
        this.#queue.splice(this.#queue.indexOf(go), 1);
        resolve(false);
      };
      this.#queue.push(go);
      signal.addEventListener('abort', leave, { once: true });
    });
  }
}
