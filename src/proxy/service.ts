import type { PickContext, Picker } from '../balancing/picker.js';
import { pickers } from '../balancing/pickers.js';
import type { Timer } from '../core/clock.js';
import type { Endpoint, EndpointSet, EndpointState } from '../core/endpoint.js';
import type { EndpointLoad } from '../core/load.js';
import type { Random } from '../core/random.js';
import type { ServicePolicy } from '../core/route.js';
import type { EndpointView } from '../core/views.js';
import { RetryBudget } from '../resilience/budget.js';
import { EndpointPool, type PoolTools } from './endpoint-pool.js';

export interface ServiceTools extends PoolTools {
  readonly random: Random;
}

/**
 * One service as the data path sees it: a pool for each endpoint and a picker over those that may
 * take requests. Each new EndpointSet is applied in one step; a request in flight keeps its pool.
 */
export class Service {
  /** As in metrics and logs: `goods` or `goods@dc2`. */
  readonly name: string;
  readonly budget: RetryBudget;
  readonly #tools: ServiceTools;
  readonly #pools = new Map<string, EndpointPool>();
  /** Pools of endpoints that left and still have requests in flight, with the end of their grace. */
  readonly #leaving = new Map<string, { readonly pool: EndpointPool; readonly grace: Timer }>();
  readonly #drainedByOperator = new Set<string>();
  #policy: ServicePolicy;
  #picker: Picker<EndpointPool>;

  constructor(name: string, policy: ServicePolicy, tools: ServiceTools) {
    this.name = name;
    this.#policy = policy;
    this.#tools = tools;
    this.budget = new RetryBudget(tools.clock);
    this.#picker = pickers[policy.balance]([], tools.random);
  }

  get policy(): ServicePolicy {
    return this.#policy;
  }

  /** Whether endpoints that left still have requests in flight. */
  get busy(): boolean {
    return this.#leaving.size > 0;
  }

  pick(context: PickContext<EndpointPool>): EndpointPool | undefined {
    return this.#picker.pick(context);
  }

  /** Replaces the endpoints. */
  apply(set: EndpointSet): void {
    const listed = new Set(set.endpoints.map(({ address }) => address));
    for (const [address, pool] of this.#pools) {
      if (!listed.has(address)) this.#leave(address, pool);
    }
    for (const endpoint of set.endpoints) this.#join(endpoint);
    this.#rebuild();
  }

  setPolicy(policy: ServicePolicy): void {
    this.#policy = policy;
    for (const pool of this.#pools.values()) pool.update(pool.endpoint, policy);
    this.#rebuild();
  }

  /** Keeps new requests from an endpoint, or lets them in again. False when there is no such endpoint. */
  setDrained(address: string, drained: boolean): boolean {
    if (!this.#pools.has(address)) return false;
    if (drained) this.#drainedByOperator.add(address);
    else this.#drainedByOperator.delete(address);
    this.#rebuild();
    return true;
  }

  /** Call when an attempt at `pool` has settled. */
  settled(pool: EndpointPool): void {
    const leaving = this.#leaving.get(pool.endpoint.address);
    if (leaving?.pool !== pool || pool.load.inFlight > 0) return;
    leaving.grace.cancel();
    this.#leaving.delete(pool.endpoint.address);
    pool.destroy();
  }

  views(): EndpointView[] {
    return [...this.#pools.values()].map((pool) => this.#view(pool));
  }

  /** Breaks off every connection. */
  close(): void {
    for (const { pool, grace } of this.#leaving.values()) {
      grace.cancel();
      pool.destroy();
    }
    for (const pool of this.#pools.values()) pool.destroy();
    this.#leaving.clear();
    this.#pools.clear();
    this.#rebuild();
  }

  #join(endpoint: Endpoint): void {
    const { address } = endpoint;
    const leaving = this.#leaving.get(address);
    if (leaving !== undefined) {
      leaving.grace.cancel();
      this.#leaving.delete(address);
      leaving.pool.revive();
      this.#pools.set(address, leaving.pool);
    }
    const pool = this.#pools.get(address);
    if (pool === undefined) this.#pools.set(address, new EndpointPool(endpoint, this.#policy, this.#tools));
    else pool.update(endpoint, this.#policy);
  }

  #leave(address: string, pool: EndpointPool): void {
    this.#pools.delete(address);
    this.#drainedByOperator.delete(address);
    pool.retire();
    if (pool.load.inFlight === 0) {
      pool.destroy();
      return;
    }
    const grace = this.#tools.clock.after(this.#policy.drainTimeout, () => {
      this.#leaving.delete(address);
      pool.destroy();
    });
    this.#leaving.set(address, { pool, grace });
  }

  #rebuild(): void {
    const eligible = [...this.#pools.values()].filter((pool) => this.#notEligible(pool) === null);
    this.#picker = pickers[this.#policy.balance](eligible, this.#tools.random);
  }

  #notEligible(pool: EndpointPool): string | null {
    if (this.#drainedByOperator.has(pool.endpoint.address)) return 'draining: told so by an operator';
    return registeredDraining(pool.endpoint);
  }

  #view(pool: EndpointPool): EndpointView {
    return endpointView(pool.endpoint, pool.load, this.#notEligible(pool));
  }
}

/** Why its registration keeps new requests from an endpoint; null when it does not. */
export function registeredDraining(endpoint: Endpoint): string | null {
  return endpoint.standing === 'draining' ? 'draining: its registration says so' : null;
}

export function endpointView(
  endpoint: Endpoint,
  load: EndpointLoad,
  notEligible: string | null,
): EndpointView {
  const state: EndpointState =
    notEligible !== null ? 'draining' : endpoint.standing === 'stale' ? 'stale' : 'up';
  const { address, keys, since, revision, weight } = endpoint;
  return { address, keys, state, ...load, since, revision, weight, notEligible };
}
