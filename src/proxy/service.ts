import type { FirstPick, Forecast } from '../balancing/forecast.js';
import { leastLoadedPicker } from '../balancing/least-loaded.js';
import type { PickContext, Picker } from '../balancing/picker.js';
import { pickers } from '../balancing/pickers.js';
import type { Timer } from '../core/clock.js';
import type { Endpoint, EndpointSet, EndpointState } from '../core/endpoint.js';
import type { Announce } from '../core/events.js';
import type { EndpointLoad } from '../core/load.js';
import type { Outcome } from '../core/outcome.js';
import type { Random } from '../core/random.js';
import type { ServicePolicy } from '../core/route.js';
import type { EndpointView } from '../core/views.js';
import { DEFAULT_BUDGET, RetryBudget } from '../resilience/budget.js';
import { InFlightLimit } from '../resilience/limit.js';
import { EndpointPool, type PoolTools } from './endpoint-pool.js';
import { ServiceHealth } from './service-health.js';
import { SlowStart } from './slow-start.js';

export interface ServiceTools extends PoolTools {
  readonly random: Random;
  readonly announce: Announce;
}

/** With fewer than this share of the endpoints well, health is ignored: a bad endpoint beats none. */
export const PANIC_BELOW = 0.5;

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
  readonly #slowStart: SlowStart;
  readonly #health: ServiceHealth;
  readonly limit: InFlightLimit;
  #policy: ServicePolicy;
  #picker: Picker<EndpointPool>;
  /** Over the endpoints that are not well. */
  #reserve: Picker<EndpointPool>;
  #panicking = false;

  constructor(name: string, policy: ServicePolicy, tools: ServiceTools) {
    this.name = name;
    this.#policy = policy;
    this.#tools = tools;
    this.budget = new RetryBudget(tools.clock, DEFAULT_BUDGET, () =>
      tools.announce('retryRefused', { service: name }),
    );
    this.limit = new InFlightLimit(policy, tools.clock);
    this.#slowStart = new SlowStart(tools.clock, () => this.#rebuild());
    this.#health = new ServiceHealth(name, policy, tools, (returned) => {
      const pool = returned === undefined ? undefined : this.#pools.get(returned);
      if (pool !== undefined) this.#slowStart.begin(pool, this.#policy.slowStart);
      return this.#rebuild();
    });
    this.#picker = pickers[policy.balance]([], tools.random);
    this.#reserve = leastLoadedPicker([], tools.random);
  }

  get policy(): ServicePolicy {
    return this.#policy;
  }

  /** Whether endpoints that left still have requests in flight. */
  get busy(): boolean {
    return this.#leaving.size > 0;
  }

  /** Whether so few endpoints are well that all of them are used. */
  get panicking(): boolean {
    return this.#panicking;
  }

  /**
   * An endpoint that is well; when the request has been tried at all of these, one that is not. It may have
   * recovered since it was taken out, and without it the request fails for certain.
   */
  pick(context: PickContext<EndpointPool>): EndpointPool | undefined {
    return this.#picker.pick(context) ?? this.#reserve.pick(context);
  }

  /** How the next pick stands. Picks nothing. */
  forecast(request: FirstPick): Forecast<EndpointPool> {
    return this.#picker.forecast(request);
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
    this.limit.setLimits(policy);
    this.#health.setPolicy(policy);
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

  /** Call once when an attempt at `pool` has settled. */
  settled(pool: EndpointPool, outcome: Outcome): void {
    this.#health.observe(pool.endpoint.address, outcome);
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
    this.#health.close();
    this.#slowStart.close();
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
    this.#health.join(endpoint);
  }

  #leave(address: string, pool: EndpointPool): void {
    this.#pools.delete(address);
    this.#drainedByOperator.delete(address);
    this.#health.leave(address);
    this.#slowStart.cancel(pool);
    pool.retire();
    if (pool.load.inFlight === 0) {
      pool.destroy();
      return;
    }
    const { drainTimeout, tunnelDrainTimeout } = this.#policy;
    const forget = (): void => {
      this.#leaving.delete(address);
      pool.destroy();
    };
    this.#setGrace(address, pool, drainTimeout, () => {
      if (pool.breakOffShort()) {
        this.#setGrace(address, pool, Math.max(0, tunnelDrainTimeout - drainTimeout), forget);
      } else forget();
    });
  }

  #setGrace(address: string, pool: EndpointPool, forMs: number, over: () => void): void {
    this.#leaving.set(address, { pool, grace: this.#tools.clock.after(forMs, over) });
  }

  /** Returns how many endpoints new requests are sent to. */
  #rebuild(): number {
    const taking = [...this.#pools.values()].filter((pool) => this.#draining(pool) === null);
    const isWell = (pool: EndpointPool): boolean =>
      this.#health.reasonOf(pool.endpoint.address) === undefined;
    const well = taking.filter(isWell);
    const { random } = this.#tools;
    this.#panicking = well.length < taking.length * PANIC_BELOW;
    this.#picker = pickers[this.#policy.balance](this.#panicking ? taking : well, random);
    this.#reserve = leastLoadedPicker(this.#panicking ? [] : taking.filter((pool) => !isWell(pool)), random);
    return (this.#panicking ? taking : well).length;
  }

  #draining(pool: EndpointPool): string | null {
    if (this.#drainedByOperator.has(pool.endpoint.address)) return 'draining: told so by an operator';
    return registeredDraining(pool.endpoint);
  }

  #view(pool: EndpointPool): EndpointView {
    const draining = this.#draining(pool);
    const reason = draining === null ? this.#health.reasonOf(pool.endpoint.address) : undefined;
    if (reason === undefined) return endpointView(pool.endpoint, pool.load, draining);
    const used = this.#panicking ? null : `ejected: ${reason}`;
    return { ...endpointView(pool.endpoint, pool.load, used), state: 'ejected' };
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
  const { inFlight, requests, failures, latencyEwmaMs } = load;
  const recent = load.recent?.percentiles();
  return {
    address,
    keys,
    state,
    inFlight,
    requests,
    failures,
    latencyEwmaMs,
    latencyP50Ms: recent?.p50 ?? 0,
    latencyP99Ms: recent?.p99 ?? 0,
    since,
    revision,
    weight,
    notEligible,
    held: endpoint.held ?? null,
  };
}
