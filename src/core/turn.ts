/** Something that waits for the end of the event loop's turn. */
export interface Waiting {
  atTurnEnd(): void;
}

type Schedule = (task: () => void) => unknown;

/** As many at most wait at once: the first must not wait for a long turn to end. */
const MOST_WAITING = 32;
/** With as many, what another turn brings would hardly make a write cheaper. */
const ENOUGH_WAITING = 16;
/** Turns, and milliseconds, after which nobody waits for another turn. */
const MOST_TURNS = 8;
const MOST_MS = 1;

/**
 * Puts writes to sockets off until the event loop has read what there was to read. A write wakes whoever waits for it,
 * which costs more than the write itself; of writes made one after another only the first finds the other end asleep.
 * Of new connections libuv accepts one in a turn, however many there are, so while they come, what the next turn brings
 * is waited for too.
 * A request that is alone has nobody to wait for: its writes leave as soon as the code that made them is done.
 */
export class Turn {
  readonly #atEnd: Schedule;
  readonly #next: Schedule;
  readonly #now: () => number;
  #underWay = 0;
  #waiting: Waiting[] = [];
  #scheduled = false;
  /** Whether a connection has come since the last turn that was waited for. */
  #connected = false;
  #turns = 0;
  /** When the first began to wait, milliseconds on the monotonic clock. */
  #since = 0;

  /** `atEnd` runs a task once, when the present turn ends; `next` when the code that runs now is done. */
  constructor(
    atEnd: Schedule = setImmediate,
    next: Schedule = process.nextTick,
    now: () => number = () => performance.now(),
  ) {
    this.#atEnd = atEnd;
    this.#next = next;
    this.#now = now;
  }

  /** A request comes under way. Each `began` needs an `ended`. */
  began(): void {
    this.#underWay += 1;
  }

  /** A connection has come, from which a request will. It needs an `ended` too, when its first request begins. */
  connected(): void {
    this.#underWay += 1;
    this.#connected = true;
  }

  ended(): void {
    this.#underWay -= 1;
  }

  /** Calls `atTurnEnd` once, later in this turn or in one soon after, and in the order of the calls. */
  add(waiting: Waiting): void {
    if (this.#waiting.length >= MOST_WAITING) this.#run();
    this.#waiting.push(waiting);
    if (!this.#scheduled) this.#schedule();
  }

  #schedule(): void {
    this.#scheduled = true;
    if (this.#underWay > 1) {
      this.#turns = 0;
      this.#since = this.#now();
      this.#atEnd(this.#turnEnded);
    } else this.#next(this.#leave);
  }

  readonly #turnEnded = (): void => {
    this.#turns += 1;
    const more = this.#connected && this.#waiting.length < ENOUGH_WAITING;
    this.#connected = false;
    if (more && this.#turns < MOST_TURNS && this.#now() - this.#since < MOST_MS) this.#atEnd(this.#turnEnded);
    else this.#leave();
  };

  readonly #leave = (): void => {
    this.#scheduled = false;
    this.#run();
  };

  #run(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    let next = 0;
    try {
      while (next < waiting.length) waiting[next++]?.atTurnEnd();
    } finally {
      // What one throws must not be the end of the others.
      for (const left of waiting.slice(next)) this.add(left);
    }
  }
}
