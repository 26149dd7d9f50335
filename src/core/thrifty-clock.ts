import type { Clock, Timer } from './clock.js';

/** So many at most are kept for the next: as many deadlines as are usually set at once. */
const MOST_SPARE = 256;

/**
 * A clock for timers that are set all the time and hardly ever run out, such as the deadline of every request. One that is
 * cancelled goes on running, for whoever needs one next: a timer that runs out too early has only to be set again.
 */
export class ThriftyClock implements Clock {
  readonly #clock: Clock;
  /** The last that became free is the next to be used. */
  readonly #spare: Alarm[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  monotonic(): number {
    return this.#clock.monotonic();
  }

  after(delayMs: number, task: () => void): Timer {
    const dueAt = this.#clock.monotonic() + delayMs;
    const last = this.#spare.at(-1);
    if (last === undefined || last.firesAt > dueAt)
      return new Alarm(this.#clock, this.#spare).use(dueAt, task);
    this.#spare.pop();
    return last.use(dueAt, task);
  }

  /** Cancels the timers that nobody uses. */
  close(): void {
    for (const alarm of this.#spare.splice(0)) alarm.stop();
  }
}

/** A timer that serves one deadline after another. */
class Alarm {
  /** Milliseconds on the monotonic clock; of the timer that runs. */
  firesAt = 0;
  readonly #clock: Clock;
  readonly #spare: Alarm[];
  #timer: Timer | undefined;
  #use: Use | undefined;

  constructor(clock: Clock, spare: Alarm[]) {
    this.#clock = clock;
    this.#spare = spare;
  }

  use(dueAt: number, task: () => void): Timer {
    this.#use = new Use(this, dueAt, task);
    if (this.#timer === undefined) this.#run(dueAt);
    return this.#use;
  }

  /** Ends a use; what ended before is over already. */
  free(use: Use): void {
    if (this.#use !== use) return;
    this.#use = undefined;
    if (this.#timer === undefined) return;
    if (this.#spare.length < MOST_SPARE) this.#spare.push(this);
    else this.stop();
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #run(dueAt: number): void {
    this.firesAt = dueAt;
    this.#timer = this.#clock.after(dueAt - this.#clock.monotonic(), () => this.#fire());
  }

  #fire(): void {
    this.#timer = undefined;
    const use = this.#use;
    if (use === undefined) {
      this.#spare.splice(this.#spare.indexOf(this), 1);
    } else if (use.dueAt > this.#clock.monotonic()) this.#run(use.dueAt);
    else {
      this.#use = undefined;
      use.task();
    }
  }
}

/** One deadline. Its own object, so that cancelling it twice cannot cancel the next. */
class Use implements Timer {
  readonly dueAt: number;
  readonly task: () => void;
  readonly #alarm: Alarm;

  constructor(alarm: Alarm, dueAt: number, task: () => void) {
    this.#alarm = alarm;
    this.dueAt = dueAt;
    this.task = task;
  }

  cancel(): void {
    this.#alarm.free(this);
  }
}
