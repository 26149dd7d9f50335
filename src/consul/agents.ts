import type { Clock } from '../core/clock.js';
import { type Random, randomBelow } from '../core/random.js';
import { ConsulAgent, type ConsulTls } from './agent.js';
import { type ConsulError, isAgentFault, isConnectionFault } from './errors.js';

export interface ConsulAgentsOptions {
  /** `http://host:port` or `https://host:port` of agents of one datacenter, at least one. */
  readonly endpoints: readonly string[];
  readonly token?: string | undefined;
  readonly tls?: ConsulTls | undefined;
  readonly clock: Clock;
  readonly random: Random;
}

/** Which agent to talk to: the current one until it fails, then the next. It starts at a random one. */
export class ConsulAgents {
  readonly #options: ConsulAgentsOptions;
  #at: number;
  #current: ConsulAgent | undefined;
  #closed = false;

  constructor(options: ConsulAgentsOptions) {
    this.#options = options;
    this.#at = randomBelow(options.random, options.endpoints.length);
  }

  /** The agent in use; connects when first called. */
  current(): ConsulAgent {
    this.#current ??= this.#make();
    return this.#current;
  }

  /**
   * To be called with each failure of `failed`. Leaves it for the next one when that may help: every call
   * under way on it then rejects with `closed`. With one agent alone, only a dead connection is given up.
   * Does nothing when `failed` has been left already, so that calls that fail together move on once.
   */
  blame(failed: ConsulAgent, error: ConsulError): void {
    const { endpoints } = this.#options;
    const useful = endpoints.length > 1 ? isAgentFault(error) : isConnectionFault(error);
    if (!useful || failed !== this.#current) return;
    this.#current = undefined;
    this.#at = (this.#at + 1) % endpoints.length;
    failed.close();
  }

  /** Idempotent. An agent made afterwards is closed from the start. */
  close(): void {
    this.#closed = true;
    this.#current?.close();
  }

  #make(): ConsulAgent {
    const { endpoints, token, tls, clock } = this.#options;
    const endpoint = endpoints[this.#at] ?? '';
    const agent = new ConsulAgent({ endpoint, token, tls, clock });
    if (this.#closed) agent.close();
    return agent;
  }
}
