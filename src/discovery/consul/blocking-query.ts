import type { Answer, ConsulAgent, QueryOptions } from '../../consul/agent.js';
import type { ConsulAgents } from '../../consul/agents.js';
import { type ConsulError, toConsulError } from '../../consul/errors.js';
import { Backoff } from '../../core/backoff.js';
import { type Clock, delay } from '../../core/clock.js';
import type { Random } from '../../core/random.js';
import type { QuerySlots } from './query-slots.js';
import { TokenBucket } from './token-bucket.js';

/** How an answer stands to the one before it. */
export type AnswerKind =
  | 'first'
  /** The index moved on, or the wait was over. */
  | 'next'
  /** The index went backwards: a restored backup, or a registry that lost its data. */
  | 'reset';

export interface BlockingQueryOptions<T> {
  readonly agents: ConsulAgents;
  readonly ask: (agent: ConsulAgent, query: QueryOptions) => Promise<Answer<T>>;
  readonly datacenter: string | undefined;
  readonly slots: QuerySlots;
  readonly clock: Clock;
  readonly random: Random;
  /** Called synchronously; must not throw. */
  readonly listener: {
    readonly answered: (answer: Answer<T>, kind: AnswerKind, agent: string) => void;
    /** Never for a call that was given up with its agent. */
    readonly failed: (error: ConsulError) => void;
  };
}

/** As Consul's own agents limit themselves (agent/cache, EntryFetchMaxBurst). */
const BURST = 2;
const REFILL_MS = 500;
const TROUBLE = { minMs: 50, firstMs: 500, maxMs: 2_000 };
/** Nothing changes by itself about a token that may not. */
const DENIED = { minMs: 500, maxMs: 10_000 };

/** How a question stands. */
export interface Asked {
  /** Of the newest answer, as Consul gave it; undefined before the first. */
  readonly index: bigint | undefined;
  /** When the newest answer came, on the monotonic clock; undefined before the first. */
  readonly confirmedAt: number | undefined;
  /** Whether the last try came to nothing. */
  readonly failing: boolean;
}

/**
 * Asks one question of Consul for as long as it lives, each time from the index of the answer before.
 * An error keeps what was known and asks again. Every answer is handed over, also one that says the
 * same: an index may move for something else, and a wait that is over is a confirmation.
 */
export class BlockingQuery<T> implements Asked {
  readonly #options: BlockingQueryOptions<T>;
  readonly #abort = new AbortController();
  readonly #bucket: TokenBucket;
  readonly #trouble: Backoff;
  readonly #denied: Backoff;
  #index = 0n;
  #answered: bigint | undefined;
  #confirmedAt: number | undefined;
  #failing = false;
  readonly #running: Promise<void>;

  constructor(options: BlockingQueryOptions<T>) {
    const { clock, random } = options;
    this.#options = options;
    this.#bucket = new TokenBucket({ burst: BURST, refillMs: REFILL_MS, clock });
    this.#trouble = new Backoff(TROUBLE, random);
    this.#denied = new Backoff(DENIED, random);
    this.#running = this.#run();
  }

  get index(): bigint | undefined {
    return this.#answered;
  }

  get confirmedAt(): number | undefined {
    return this.#confirmedAt;
  }

  get failing(): boolean {
    return this.#failing;
  }

  /** No listener is called any more. Resolves when nothing is under way. Idempotent. */
  stop(): Promise<void> {
    this.#abort.abort();
    return this.#running;
  }

  async #run(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#abort;
    while (!signal.aborted) await delay(clock, await this.#round(), signal);
  }

  /** Asks once; answers how long to rest, in milliseconds. */
  async #round(): Promise<number> {
    const { agents, slots } = this.#options;
    const { signal } = this.#abort;
    const release = await slots.take(signal);
    const agent = agents.current();
    try {
      const answer = await this.#ask(agent);
      if (!signal.aborted) this.#take(answer, agent);
      return this.#bucket.take();
    } catch (thrown) {
      return signal.aborted ? 0 : this.#fail(toConsulError(thrown), agent);
    } finally {
      release();
    }
  }

  #ask(agent: ConsulAgent): Promise<Answer<T>> {
    const { ask, datacenter, slots } = this.#options;
    const { signal } = this.#abort;
    return ask(agent, { datacenter, index: this.#index, waitMs: slots.waitMs(), signal });
  }

  #take(answer: Answer<T>, agent: ConsulAgent): void {
    const wentBack = this.#answered !== undefined && answer.index < this.#answered;
    const kind = this.#answered === undefined ? 'first' : wentBack ? 'reset' : 'next';
    this.#answered = answer.index;
    this.#confirmedAt = this.#options.clock.monotonic();
    this.#index = nextIndex(this.#index, answer.index);
    this.#failing = false;
    this.#trouble.reset();
    this.#denied.reset();
    this.#options.listener.answered(answer, kind, agent.endpoint);
  }

  #fail(error: ConsulError, agent: ConsulAgent): number {
    // The next answer is to come at once, and not after a wait in which nobody knows whether all is well.
    this.#index = 0n;
    // Somebody else found the agent dead and has said so; it is only to ask the next one.
    if (error.fault === 'closed') return this.#trouble.next();
    this.#failing = true;
    this.#options.listener.failed(error);
    this.#options.agents.blame(agent, error);
    return (error.fault === 'denied' ? this.#denied : this.#trouble).next();
  }
}

/**
 * From where to ask next. An index that went backwards is from another history, so all is read again from
 * 0; one of 0 is as good as none and would make every query answer at once, so it is taken as 1
 * (https://developer.hashicorp.com/consul/api-docs/features/blocking, "Implementation Details").
 */
export function nextIndex(asked: bigint, answered: bigint): bigint {
  if (answered < asked) return 0n;
  return answered === 0n ? 1n : answered;
}
