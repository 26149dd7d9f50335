import { type Clock, delay } from '../core/clock.js';
import type { HealthCheck } from './health-checks.js';

export interface HealthGateOptions {
  readonly check: HealthCheck;
  readonly clock: Clock;
  /** Called with true when the check first passes or passes again, with false when it has failed. */
  readonly onChange: (passing: boolean) => void;
}

const INTERVAL_MS = 1_000;
/** Shorter while closed: whoever starts wants to be found soon. */
const CLOSED_INTERVAL_MS = 200;
const TIMEOUT_MS = 1_000;
/** One failure may be chance; withdrawing on it would make a busy moment an outage. */
const FAILURES_TO_CLOSE = 2;

/**
 * Opens when a health check passes, closes when it fails twice in a row. It starts closed.
 * A check that throws, rejects or takes longer than 1 s has failed.
 */
export class HealthGate {
  readonly #options: HealthGateOptions;
  readonly #closed = new AbortController();
  #limit = new AbortController();
  #passing = false;
  #failures = 0;
  #loop: Promise<void> | undefined;

  constructor(options: HealthGateOptions) {
    this.#options = options;
  }

  start(): void {
    this.#loop ??= this.#run(this.#closed.signal);
  }

  /** Resolves when no check is running any more. Idempotent. */
  async close(): Promise<void> {
    this.#closed.abort();
    this.#limit.abort();
    await this.#loop;
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const healthy = await this.#check();
      if (!signal.aborted) this.#take(healthy);
      await delay(this.#options.clock, this.#passing ? INTERVAL_MS : CLOSED_INTERVAL_MS, signal);
    }
  }

  #take(healthy: boolean): void {
    this.#failures = healthy ? 0 : this.#failures + 1;
    const passing = healthy || (this.#passing && this.#failures < FAILURES_TO_CLOSE);
    if (passing === this.#passing) return;
    this.#passing = passing;
    this.#options.onChange(passing);
  }

  async #check(): Promise<boolean> {
    const limit = new AbortController();
    this.#limit = limit;
    const timer = this.#options.clock.after(TIMEOUT_MS, () => limit.abort());
    const silence = new Promise<boolean>((resolve) => {
      limit.signal.addEventListener('abort', () => resolve(false), { once: true });
    });
    try {
      return await Promise.race([this.#options.check(limit.signal), silence]);
    } catch {
      return false;
    } finally {
      timer.cancel();
      limit.abort();
    }
  }
}
