import type { Clock, Timer } from '../core/clock.js';

export interface InFlightLimits {
  /** Requests at once; Infinity when unlimited. */
  readonly maxInFlight: number;
  /** Requests that wait for a place. */
  readonly maxQueue: number;
  /** Longest wait, milliseconds. */
  readonly queueTimeout: number;
}

interface Waiting {
  readonly enter: () => void;
  readonly timer: Timer;
}

/** How an admission went: in at once, waiting (with the way to give up), or refused. */
export type Admission = 'entered' | 'refused' | { readonly cancel: () => void };

/** Bounds the requests in flight of one service, with a bounded queue, first come first served. */
export class InFlightLimit {
  readonly #clock: Clock;
  readonly #queue = new Set<Waiting>();
  #limits: InFlightLimits;
  #inFlight = 0;

  constructor(limits: InFlightLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get queued(): number {
    return this.#queue.size;
  }

  /** How `admit` would go now. */
  get outlook(): 'enters' | 'waits' | 'refused' {
    if (this.#inFlight < this.#limits.maxInFlight) return 'enters';
    return this.#queue.size < this.#limits.maxQueue ? 'waits' : 'refused';
  }

  setLimits(limits: InFlightLimits): void {
    this.#limits = limits;
    this.#letIn();
  }

  /**
   * Asks for a place. When waiting, exactly one of `enter` and `expired` is called later, unless it
   * is cancelled. Each place entered must be given back with `leave`.
   */
  admit(enter: () => void, expired: () => void): Admission {
    const { outlook } = this;
    if (outlook === 'refused') return 'refused';
    if (outlook === 'enters') {
      this.#inFlight += 1;
      return 'entered';
    }
    const waiting: Waiting = {
      enter,
      timer: this.#clock.after(this.#limits.queueTimeout, () => {
        this.#queue.delete(waiting);
        expired();
      }),
    };
    this.#queue.add(waiting);
    return {
      cancel: () => {
        waiting.timer.cancel();
        this.#queue.delete(waiting);
      },
    };
  }

  leave(): void {
    this.#inFlight -= 1;
    this.#letIn();
  }

  #letIn(): void {
    for (const waiting of this.#queue) {
      if (this.#inFlight >= this.#limits.maxInFlight) return;
      this.#queue.delete(waiting);
      waiting.timer.cancel();
      this.#inFlight += 1;
      waiting.enter();
    }
  }
}
