import { Backoff } from '../../core/backoff.js';
import { type Clock, delay } from '../../core/clock.js';
import { messageOf } from '../../core/errors.js';
import type { Random } from '../../core/random.js';
import type { Located, Lookup, Remembered } from './lookup.js';

export interface FollowerOptions {
  /** Asks for the name as it is now. Rejects when there is no answer to believe. */
  readonly lookUp: (remembered: Remembered, signal: AbortSignal) => Promise<Lookup>;
  readonly clock: Clock;
  readonly random: Random;
  /** After each answer and each failure; what is new is on the follower. Must not throw. */
  readonly onChange: () => void;
}

/** Bounds of how long an answer is used before the name is asked for again. */
const LEAST_MS = 1_000;
const MOST_MS = 300_000;
/** The same when the name has no endpoints: they may come back at any time. */
const MOST_EMPTY_MS = 10_000;
/** A name that had just nothing to say is asked again this soon, and believed at the third time. */
const DOUBT_MS = 1_000;
const BELIEVED_AFTER = 3;
/** The wait is longer by up to this share, so that a fleet of gateways does not ask in step. */
const SPREAD = 0.1;
const RETRIES = { minMs: 1_000, maxMs: 15_000, firstMs: 2_000 };

/**
 * Follows one name of DNS for as long as it lives, asking again when the answer has run out. An error
 * changes nothing, and neither does an empty answer until it has come three times in a row, for servers deny
 * names that exist: while they start (kubernetes/dns issue 186), or now and then (hashicorp/consul issue 4034).
 */
export class Follower {
  readonly #options: FollowerOptions;
  readonly #backoff: Backoff;
  readonly #abort = new AbortController();
  #running: Promise<void> | undefined;
  #located: readonly Located[] | undefined;
  #unresolved: readonly string[] = [];
  #remembered: Remembered = new Map();
  #emptyAnswers = 0;
  #error: string | undefined;
  #holdsUntil: number | undefined;

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.#backoff = new Backoff(RETRIES, options.random);
  }

  /** The last list that was believed; undefined before the first. */
  get located(): readonly Located[] | undefined {
    return this.#located;
  }

  /** SRV targets without an address. */
  get unresolved(): readonly string[] {
    return this.#unresolved;
  }

  /** Why the last question had no answer; undefined when it had one. */
  get error(): string | undefined {
    return this.#error;
  }

  /** Monotonic milliseconds at which the answer in force runs out; undefined before the first. */
  get holdsUntil(): number | undefined {
    return this.#holdsUntil;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async close(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      const wait = await this.#ask();
      if (signal.aborted) return;
      this.#options.onChange();
      await delay(this.#options.clock, wait, signal);
    }
  }

  /** Asks once. Answers how long to wait until the next time, in milliseconds. */
  async #ask(): Promise<number> {
    const { lookUp, clock, random } = this.#options;
    try {
      const lookup = await lookUp(this.#remembered, this.#abort.signal);
      this.#error = undefined;
      this.#backoff.reset();
      if (!this.#take(lookup)) return DOUBT_MS;
      const wait = boundedMs(lookup) * (1 + SPREAD * random());
      this.#holdsUntil = clock.monotonic() + wait;
      return wait;
    } catch (error) {
      this.#error = messageOf(error);
      return this.#backoff.next();
    }
  }

  /** Returns whether the answer is believed. */
  #take({ located, unresolved }: Lookup): boolean {
    this.#emptyAnswers = located.length === 0 ? this.#emptyAnswers + 1 : 0;
    if (located.length === 0 && this.#emptyAnswers < BELIEVED_AFTER) return false;
    this.#located = located;
    this.#unresolved = unresolved;
    this.#remembered = byTarget(located);
    return true;
  }
}

function boundedMs({ located, ttl }: Lookup): number {
  return Math.max(LEAST_MS, Math.min(ttl * 1_000, located.length === 0 ? MOST_EMPTY_MS : MOST_MS));
}

function byTarget(located: readonly Located[]): Remembered {
  const targets = new Map<string, string[]>();
  for (const { target, ip } of located) {
    if (target !== undefined) targets.set(target, [...(targets.get(target) ?? []), ip]);
  }
  return targets;
}
