import { Backoff } from '../core/backoff.js';
import type { Random } from '../core/random.js';
import type { RegistryError } from './registry-client.js';

/**
 * Each try with a wrong password costs etcd a bcrypt. Whoever was never let in has nothing to lose by
 * waiting; whoever has been is waiting for a password to be changed back, and its view is ageing.
 */
const NEVER_LET_IN = { minMs: 50, maxMs: 10_000 };
const LET_IN_BEFORE = { minMs: 50, maxMs: 4_000 };

/** How long a stream must have stood for the next failure to count as the first. */
const STEADY_AFTER_MS = 5_000;

/** How long a reflector waits before it asks again. Never not at all, however the last try ended. */
export class ReflectorWaits {
  readonly #random: Random;
  readonly #failures: Backoff;
  /** Once for an expired token; longer and longer for a wrong password. */
  #refusals: Backoff;
  #letIn = false;

  /** `members`: how many can be asked. Waits grow with each round of them: that one failed says little of the next. */
  constructor(members: number, random: Random) {
    this.#random = random;
    // The first wait is jittered too: a fleet that watched the same member loses it at the same moment.
    this.#failures = new Backoff({ minMs: 50, firstMs: 500, maxMs: 2_000, each: members }, random);
    this.#refusals = new Backoff(NEVER_LET_IN, random);
  }

  /** A list has been answered. */
  letIn(): void {
    if (!this.#letIn) this.#refusals = new Backoff(LET_IN_BEFORE, this.#random);
    this.#letIn = true;
  }

  /** A stream has ended. One that broke as soon as it stood is no success, even if everything else answers. */
  stoodFor(ms: number): void {
    if (ms >= STEADY_AFTER_MS) this.#failures.reset();
  }

  /** Milliseconds to wait after this error, or after a stream that ended without one. */
  next(error: RegistryError | undefined): number {
    if (error?.fault === 'refused') return this.#refusals.next();
    this.#refusals.reset();
    return this.#failures.next();
  }
}
