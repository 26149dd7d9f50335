import type { Clock, Timer } from '../core/clock.js';
import { Pace } from './pace.js';
import { Slots } from './slots.js';

/** A registry that lost thousands of endpoints must not cost thousands of connections at once. */
const AT_ONCE = 256;
/** Nor requests the time that it takes to open them: 0.2 ms each. */
const IN_TURN = { burst: 64, perSecond: 1_000 };
/** How often turns come up. */
const TICK_MS = 5;

/** Something to ask about an endpoint. */
export interface Question {
  /** Whether the answer still matters. */
  isOpen(): boolean;
  /** Whether the endpoint can take requests. Never rejects. */
  ask(): Promise<boolean>;
}

interface Waiting {
  readonly question: Question;
  readonly answer: (passes: boolean) => void;
}

/** Asks of thousands of endpoints whether they can take requests, so many at a time and so many a second. */
export class Probing {
  readonly #clock: Clock;
  readonly #hasty = new Slots(AT_ONCE);
  readonly #pace: Pace;
  /** Endpoints in use of which nothing is known come before those that have answered. */
  readonly #first: Waiting[] = [];
  readonly #again: Waiting[] = [];
  #underWay = 0;
  #tick: Timer | undefined;
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#pace = new Pace(clock, IN_TURN);
  }

  /** As soon as a connection may be opened: while nothing is served, nothing has to wait for it. */
  soon({ ask }: Question): Promise<boolean> {
    return this.#hasty.run(ask);
  }

  /** Beside requests, when its turn comes; false, without asking, when the answer does not matter any more by then. */
  inTurn(question: Question, { first }: { readonly first: boolean }): Promise<boolean> {
    return new Promise((answer) => {
      (first ? this.#first : this.#again).push({ question, answer });
      this.#begin();
    });
  }

  /** Answers false to all that wait, and to all that come. */
  close(): void {
    this.#closed = true;
    this.#tick?.cancel();
    this.#begin();
  }

  #begin(): void {
    for (;;) {
      const queue = this.#first.length > 0 ? this.#first : this.#again;
      const [next] = queue;
      if (next === undefined) return;
      const isOpen = !this.#closed && next.question.isOpen();
      if (isOpen && this.#underWay === AT_ONCE) return;
      if (isOpen && !this.#pace.take()) return this.#beginLater();
      queue.shift();
      if (isOpen) void this.#ask(next);
      else next.answer(false);
    }
  }

  #beginLater(): void {
    this.#tick ??= this.#clock.after(TICK_MS, () => {
      this.#tick = undefined;
      this.#begin();
    });
  }

  async #ask({ question, answer }: Waiting): Promise<void> {
    this.#underWay += 1;
    answer(await question.ask());
    this.#underWay -= 1;
    this.#begin();
  }
}
