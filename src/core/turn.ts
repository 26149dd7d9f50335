/** Something that waits for the end of the event loop's turn. */
export interface Waiting {
  atTurnEnd(): void;
}

type Schedule = (task: () => void) => unknown;

/** As many at most wait at once: the first must not wait for a long turn to end. */
const MOST_WAITING = 32;

/**
 * Puts writes to sockets off until the event loop has read what there was to read. A write wakes whoever waits for it,
 * which costs more than the write itself; of writes made one after another only the first finds the other end asleep.
 * A request that is alone has nobody to wait for: its writes leave as soon as the code that made them is done.
 */
export class Turn {
  readonly #atEnd: Schedule;
  readonly #next: Schedule;
  #underWay = 0;
  #waiting: Waiting[] = [];
  #scheduled = false;

  /** `atEnd` runs a task once, when the present turn ends; `next` when the code that runs now is done. */
  constructor(atEnd: Schedule = setImmediate, next: Schedule = process.nextTick) {
    this.#atEnd = atEnd;
    this.#next = next;
  }

  /** A request comes under way. Each `began` needs an `ended`. */
  began(): void {
    this.#underWay += 1;
  }

  ended(): void {
    this.#underWay -= 1;
  }

  /** Calls `atTurnEnd` once, later in this turn and in the order of the calls. */
  add(waiting: Waiting): void {
    if (this.#waiting.length >= MOST_WAITING) this.#run();
    this.#waiting.push(waiting);
    if (!this.#scheduled) this.#schedule();
  }

  #schedule(): void {
    this.#scheduled = true;
    const schedule = this.#underWay > 1 ? this.#atEnd : this.#next;
    schedule(() => {
      this.#scheduled = false;
      this.#run();
    });
  }

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
