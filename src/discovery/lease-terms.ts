import type { Clock, Timer } from '../core/clock.js';
import type { Announce, MembershipChange } from '../core/events.js';
import type { LeaseTerm } from './registry-client.js';

export interface LeaseTermsOptions {
  /** Name of the registry. */
  readonly source: string;
  readonly clock: Clock;
  readonly announce: Announce;
  /** Rejects when the registry does not say. */
  readonly ask: (lease: string) => Promise<LeaseTerm>;
}

interface Question {
  readonly lease: string;
  /** Whether it is about how a key went, which an answer that comes late tells nothing of. */
  readonly ended: boolean;
  readonly askedAt: number;
}

/** Questions come from curiosity alone: beyond these, nobody asks. A storm of events must not become one of questions. */
const MOST_WAITING = 64;
const BETWEEN_MS = 200;
/** A registry that does not answer is in trouble, or does not let us ask. */
const QUIET_MS = 60_000;
/** By then the owner of a key that it deleted may have let go of its lease as well. */
const TOO_LATE_MS = 1_000;
const MOST_KNOWN = 10_000;

/**
 * Finds out for how long leases were granted, and whether a key that went was deleted by its owner, whose lease
 * then lives on, or went with its lease. One question at a time, after the change has been applied and told.
 */
export class LeaseTerms {
  readonly #options: LeaseTermsOptions;
  readonly #granted = new Map<string, number>();
  readonly #waiting: Question[] = [];
  #timer: Timer | undefined;
  #busy = false;
  #closed = false;
  #quietUntil = 0;

  constructor(options: LeaseTermsOptions) {
    this.#options = options;
  }

  /** Seconds for which the registry granted a lease; undefined when that has not been asked. */
  grantedOf(lease: string): number | undefined {
    return this.#granted.get(lease);
  }

  /** Asks what the change leaves open. */
  wonder({ lease, change, cause }: MembershipChange): void {
    if (lease === undefined) return;
    const ended = change === 'left';
    if (ended ? cause !== 'removed' : this.#granted.has(lease)) return;
    if (this.#waiting.length >= MOST_WAITING || this.#isQuiet()) return;
    if (this.#waiting.some((question) => question.lease === lease && question.ended === ended)) return;
    this.#waiting.push({ lease, ended, askedAt: this.#options.clock.monotonic() });
    if (!this.#busy) void this.#next();
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#waiting.length = 0;
  }

  async #next(): Promise<void> {
    const [question] = this.#waiting;
    this.#busy = question !== undefined;
    if (question === undefined) return;
    await this.#askOne(question);
    // Not sooner: while it is under way it need not be asked again.
    this.#waiting.shift();
    if (this.#closed) return;
    this.#timer = this.#options.clock.after(BETWEEN_MS, () => void this.#next());
  }

  async #askOne({ lease, ended, askedAt }: Question): Promise<void> {
    const { clock, announce, source, ask } = this.#options;
    const isLate = (): boolean => ended && clock.monotonic() - askedAt > TOO_LATE_MS;
    if (isLate() || this.#isQuiet()) return;
    // Without an answer nothing is known, and nothing is lost.
    const term = await ask(lease).catch(() => undefined);
    if (term === undefined) this.#quietUntil = clock.monotonic() + QUIET_MS;
    if (term === undefined || this.#closed || isLate()) return;
    if (term.lives) this.#remember(lease, term.granted);
    announce('lease', { at: clock.now(), source, lease, ended, ...term });
  }

  #isQuiet(): boolean {
    return this.#options.clock.monotonic() < this.#quietUntil;
  }

  #remember(lease: string, granted: number): void {
    this.#granted.set(lease, granted);
    if (this.#granted.size <= MOST_KNOWN) return;
    const [oldest] = this.#granted.keys();
    if (oldest !== undefined) this.#granted.delete(oldest);
  }
}
