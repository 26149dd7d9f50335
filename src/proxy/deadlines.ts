import type { Clock, Timer } from '../core/clock.js';
import type { RequestPolicy } from '../core/route.js';

/** The time limits of one exchange. At most one of them runs at a time. */
export class Deadlines {
  readonly #clock: Clock;
  readonly #policy: RequestPolicy;
  /** Milliseconds on the monotonic clock. */
  readonly #startedAt: number;
  #timer: Timer | undefined;
  #activeAt = 0;
  #waitingForClient = false;

  constructor(clock: Clock, policy: RequestPolicy, startedAt: number) {
    this.#clock = clock;
    this.#policy = policy;
    this.#startedAt = startedAt;
  }

  /** Milliseconds until a response must have begun, over all attempts. */
  get totalLeft(): number {
    return this.#policy.totalTimeout - (this.#clock.monotonic() - this.#startedAt);
  }

  /** Runs `task` unless a response begins within the time for one attempt. */
  limitTry(task: () => void): void {
    this.set(Math.max(1, Math.min(this.#policy.tryTimeout, this.totalLeft)), task);
  }

  /** Runs `task` when an endpoint falls silent within a body. A client that is slow to read is no silence. */
  limitSilence(eventStream: boolean, task: () => void): void {
    const idleMs = eventStream ? this.#policy.tunnelIdleTimeout : this.#policy.idleTimeout;
    this.#activeAt = this.#clock.monotonic();
    const check = (): void => {
      const silentMs = this.#waitingForClient ? 0 : this.#clock.monotonic() - this.#activeAt;
      if (silentMs >= idleMs) task();
      else this.set(idleMs - silentMs, check);
    };
    this.set(idleMs, check);
  }

  /** The endpoint has been heard of; `waitingForClient` until it is heard of again. */
  active(waitingForClient: boolean): void {
    this.#activeAt = this.#clock.monotonic();
    this.#waitingForClient = waitingForClient;
  }

  /** Runs `task` after `delayMs`, and nothing else before. */
  set(delayMs: number, task: () => void): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.after(delayMs, task);
  }

  cancel(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
