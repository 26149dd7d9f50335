import type { Clock, Timer } from '../core/clock.js';

export interface PaceOptions {
  /** How many may begin at once after a calm. */
  readonly burst: number;
  readonly perSecond: number;
}

const TICK_MS = 5;

/** A token bucket: lets so many begin at once, and so many a second after that, in order. */
export class Pace {
  readonly #clock: Clock;
  readonly #options: PaceOptions;
  readonly #waiting: (() => void)[] = [];
  #allowance: number;
  #countedAt: number;
  #tick: Timer | undefined;

  constructor(clock: Clock, options: PaceOptions) {
    this.#clock = clock;
    this.#options = options;
    this.#allowance = options.burst;
    this.#countedAt = clock.monotonic();
  }

  /** Resolves when the caller may begin. */
  async turn(): Promise<void> {
    this.#count();
    if (this.#waiting.length === 0 && this.#allowance >= 1) {
      this.#allowance -= 1;
      return;
    }
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
      this.#tick ??= this.#clock.after(TICK_MS, () => this.#release());
    });
  }

  /** Keeps nobody waiting any longer. */
  close(): void {
    this.#tick?.cancel();
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #release(): void {
    this.#count();
    const released = this.#waiting.splice(0, Math.floor(this.#allowance));
    this.#allowance -= released.length;
    this.#tick = this.#waiting.length === 0 ? undefined : this.#clock.after(TICK_MS, () => this.#release());
    for (const resolve of released) resolve();
  }

  #count(): void {
    const now = this.#clock.monotonic();
    const { burst, perSecond } = this.#options;
    this.#allowance = Math.min(burst, this.#allowance + ((now - this.#countedAt) / 1000) * perSecond);
    this.#countedAt = now;
  }
}
