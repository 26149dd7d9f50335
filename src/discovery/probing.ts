import type { Clock } from '../core/clock.js';
import { Pace } from './pace.js';
import { Slots } from './slots.js';

/** A registry that lost thousands of endpoints must not cost thousands of connections at once. */
const AT_ONCE = 256;
/** Nor requests the time that it takes to open them: 0.2 ms each. */
const IN_TURN = { burst: 64, perSecond: 1_000 };

/** Something to ask; answers whether it passes, and never rejects. */
type Question = () => Promise<boolean>;

/** Asks of thousands of endpoints whether they can take requests, so many at a time. */
export class Probing {
  readonly #slots = new Slots(AT_ONCE);
  readonly #pace: Pace;

  constructor(clock: Clock) {
    this.#pace = new Pace(clock, IN_TURN);
  }

  /** As soon as a connection may be opened: while nothing is served, nothing has to wait for it. */
  soon(ask: Question): Promise<boolean> {
    return this.#slots.run(ask);
  }

  /** So many a second, beside requests. */
  inTurn(ask: Question): Promise<boolean> {
    return this.#slots.run(async () => {
      await this.#pace.turn();
      return ask();
    });
  }

  /** Keeps nobody waiting for a turn. */
  close(): void {
    this.#pace.close();
  }
}
