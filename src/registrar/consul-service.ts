import { isDeepStrictEqual } from 'node:util';
import type { ConsulAgent, ServiceDefinition } from '../consul/agent.js';
import type { ConsulAgents } from '../consul/agents.js';
import { toConsulError } from '../consul/errors.js';
import { Backoff } from '../core/backoff.js';
import { type Clock, delay } from '../core/clock.js';
import type { Random } from '../core/random.js';
import type { RegistrationValue } from '../core/registration.js';
import type { KeptRegistration, KeptRegistrationListener } from './kept-registration.js';
import type { GrantedLease } from './lease-registry.js';

export interface ConsulServiceOptions {
  readonly agents: ConsulAgents;
  /** What the agent is told for a value. The id is always the same. */
  readonly define: (value: RegistrationValue) => ServiceDefinition;
  /** Of the TTL check. */
  readonly ttlSeconds: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly listener: KeptRegistrationListener;
}

interface Held {
  /** Registrations belong to the agent that took them. */
  readonly endpoint: string;
  readonly value: RegistrationValue;
  readonly passing: boolean;
}

const MIN_BACKOFF_MS = 50;
const MAX_BACKOFF_MS = 2_000;
const CALL_DEADLINE_MS = 1_000;
/** Watchers of Consul see states, not changes: so long it says `draining` before it is gone. */
const FAREWELL_MS = 200;
/** Consul stores an output that differs from the one before, which wakes every watcher: so they are constant. */
const PASSING = 'the process says that it is well';
const WITHDRAWN = 'the health check of the process fails';

/**
 * Keeps one service registered with a Consul agent, for as long as it lives. A single loop makes every
 * call: each round makes one step towards what is wanted, and rests a third of the TTL. A failed step is
 * repeated after a back-off of at most that and of 2 s; nothing is ever given up.
 */
export class ConsulService implements KeptRegistration {
  readonly #options: ConsulServiceOptions;
  readonly #backoff: Backoff;
  #wanted: RegistrationValue | undefined;
  #held: Held | undefined;
  #closing: Promise<void> | undefined;
  #abandoned = false;
  /** Aborted to end a rest early; a new one for each round. */
  #rest = new AbortController();
  readonly #settled: (() => void)[] = [];
  readonly #loop: Promise<void>;

  constructor(options: ConsulServiceOptions) {
    this.#options = options;
    const maxMs = Math.min(MAX_BACKOFF_MS, (options.ttlSeconds * 1_000) / 3);
    this.#backoff = new Backoff({ minMs: MIN_BACKOFF_MS, maxMs }, options.random);
    this.#loop = this.#run();
  }

  get lease(): GrantedLease | undefined {
    return this.#held?.passing === true ? this.#lease() : undefined;
  }

  want(value: RegistrationValue | undefined): Promise<void> {
    if (this.#closing !== undefined) return this.#closing;
    this.#wanted = value;
    this.#rest.abort();
    this.#settle();
    return new Promise((resolve) => this.#settled.push(resolve));
  }

  /** Registers as draining, then deregisters. After the TTL Consul has turned it critical by itself. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { clock, agents, ttlSeconds } = this.#options;
    const limit = new AbortController();
    this.#wanted = undefined;
    this.#rest.abort();
    await Promise.race([this.#loop, delay(clock, ttlSeconds * 1_000, limit.signal)]);
    limit.abort();
    this.#abandoned = true;
    this.#rest.abort();
    agents.close();
    this.#settle();
  }

  async #run(): Promise<void> {
    while (!this.#over) {
      this.#rest = new AbortController();
      await this.#sleep(await this.#round());
    }
  }

  get #over(): boolean {
    return this.#abandoned || (this.#closing !== undefined && this.#held === undefined);
  }

  /** Makes one step; answers how long to rest, in milliseconds. */
  async #round(): Promise<number> {
    const agent = this.#options.agents.current();
    const wanted = this.#wanted;
    try {
      await this.#step(agent, wanted);
      this.#backoff.reset();
      if (wanted === this.#wanted && this.#closing === undefined) this.#settle();
      return this.#thirdMs();
    } catch (thrown) {
      const error = toConsulError(thrown);
      if (error.fault === 'not-found') return this.#lose();
      if (!this.#abandoned) this.#options.listener.fault(error);
      this.#options.agents.blame(agent, error);
      return this.#backoff.next();
    }
  }

  #step(agent: ConsulAgent, wanted: RegistrationValue | undefined): Promise<void> {
    const held = this.#held?.endpoint === agent.endpoint ? this.#held : undefined;
    if (this.#closing !== undefined) return this.#leave(agent);
    if (wanted === undefined) return this.#withdraw(agent, held);
    if (held === undefined || !isDeepStrictEqual(held.value, wanted)) return this.#register(agent, wanted);
    return this.#pass(agent, held);
  }

  async #register(agent: ConsulAgent, value: RegistrationValue): Promise<void> {
    const { define, listener } = this.#options;
    await agent.register(define(value));
    const isNew = this.#held?.passing !== true || this.#held.endpoint !== agent.endpoint;
    this.#held = { endpoint: agent.endpoint, value, passing: true };
    // An agent keeps the state of a check that it knows: one that was critical is not passing for this.
    await this.#update(agent, 'passing', value);
    if (isNew) listener.held(this.#lease());
  }

  async #pass(agent: ConsulAgent, held: Held): Promise<void> {
    await this.#update(agent, 'passing', held.value);
    if (held.passing) return;
    this.#held = { ...held, passing: true };
    this.#options.listener.held(this.#lease());
  }

  /** Stays registered, as critical: operators see why it takes no requests. */
  async #withdraw(agent: ConsulAgent, held: Held | undefined): Promise<void> {
    if (held === undefined || !held.passing) return;
    const draining = await this.#sayFarewell(agent, held);
    await this.#update(agent, 'critical', draining);
    this.#held = { ...held, value: draining, passing: false };
  }

  /** Each call may be repeated, so a leave that fails half way starts again. */
  async #leave(agent: ConsulAgent): Promise<void> {
    const held = this.#held;
    if (held === undefined) return;
    if (held.passing && held.endpoint === agent.endpoint) await this.#sayFarewell(agent, held);
    await agent.deregister(this.#options.define(held.value).ID);
    this.#held = undefined;
  }

  /** So that whoever watches believes at once that we go, and are not lost. */
  async #sayFarewell(agent: ConsulAgent, held: Held): Promise<RegistrationValue> {
    const { define, clock } = this.#options;
    const draining = { ...held.value, draining: true };
    await agent.register(define(draining));
    await delay(clock, FAREWELL_MS);
    return draining;
  }

  /** The agent knows nothing of us: it lost its data, or somebody deregistered us. */
  #lose(): number {
    const listed = this.#held?.passing === true;
    this.#held = undefined;
    if (this.#wanted === undefined) return 0;
    if (listed) this.#options.listener.lost('Consul does not know the registration any more');
    // The first time at once; an agent that takes registrations and then denies them must not be hammered.
    return listed ? 0 : this.#backoff.next();
  }

  async #update(agent: ConsulAgent, status: 'passing' | 'critical', value: RegistrationValue): Promise<void> {
    const { CheckID } = this.#options.define(value).Check;
    const deadlineMs = Math.min(CALL_DEADLINE_MS, this.#thirdMs());
    await agent.updateCheck(CheckID, status, status === 'passing' ? PASSING : WITHDRAWN, deadlineMs);
  }

  async #sleep(ms: number): Promise<void> {
    const { signal } = this.#rest;
    if (signal.aborted || this.#over || ms === 0) return;
    await delay(this.#options.clock, ms, signal);
  }

  #thirdMs(): number {
    return (this.#options.ttlSeconds * 1_000) / 3;
  }

  #lease(): GrantedLease {
    return { id: '', ttlSeconds: this.#options.ttlSeconds };
  }

  #settle(): void {
    for (const resolve of this.#settled.splice(0)) resolve();
  }
}
