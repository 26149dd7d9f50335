import type { Clock, Timer } from '../core/clock.js';

const SAMPLE_MS = 100;
/** One late timer may be a pause of the machine; two in a row are a loop that cannot keep up. */
const LATE_IN_A_ROW = 2;

/**
 * Notices when the event loop has fallen behind, by how late a timer fires. What waits in the
 * sockets then is more than the gateway can serve, and refusing some of it quickly is kinder than
 * serving all of it late.
 */
export class LoopLag {
  readonly #clock: Clock;
  /** Milliseconds; Infinity never overloads. */
  readonly #limitMs: number;
  #timer: Timer | undefined;
  #late = 0;

  constructor(clock: Clock, limitMs: number) {
    this.#clock = clock;
    this.#limitMs = limitMs;
    if (Number.isFinite(limitMs)) this.#sample();
  }

  get overloaded(): boolean {
    return this.#late >= LATE_IN_A_ROW;
  }

  close(): void {
    this.#timer?.cancel();
  }

  #sample(): void {
    const due = this.#clock.monotonic() + SAMPLE_MS;
    this.#timer = this.#clock.after(SAMPLE_MS, () => {
      this.#late = this.#clock.monotonic() - due > this.#limitMs ? this.#late + 1 : 0;
      this.#sample();
    });
  }
}
