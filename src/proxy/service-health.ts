import { isDeepStrictEqual } from 'node:util';
import { Backoff } from '../core/backoff.js';
import { delay } from '../core/clock.js';
import type { Endpoint } from '../core/endpoint.js';
import type { Announce, HealthReason } from '../core/events.js';
import type { Outcome } from '../core/outcome.js';
import type { ServicePolicy } from '../core/route.js';
import { OutlierDetector } from '../resilience/outlier.js';
import { HealthChecker, type HealthCheckerTools } from './health-checker.js';
import { tcpProbe } from './probe.js';

export interface ServiceHealthTools extends HealthCheckerTools {
  readonly announce: Announce;
}

/** How soon an endpoint that refused is asked again; it comes back when a connection can be made. */
const RECOVERY = { minMs: 100, maxMs: 1_000 };

/**
 * Which endpoints of one service are well, by how attempts end and by active checks. Says why one is
 * not, and tells when that changes.
 */
export class ServiceHealth {
  readonly #service: string;
  readonly #tools: ServiceHealthTools;
  /** Called with the address that came back, or undefined when one went out. Answers how many take requests now. */
  readonly #onChange: (returned: string | undefined) => number;
  readonly #outliers: OutlierDetector;
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #checkers = new Map<string, HealthChecker>();
  readonly #recoveries = new Map<string, AbortController>();
  #policy: ServicePolicy;

  constructor(
    service: string,
    policy: ServicePolicy,
    tools: ServiceHealthTools,
    onChange: (returned: string | undefined) => number,
  ) {
    this.#service = service;
    this.#policy = policy;
    this.#tools = tools;
    this.#onChange = onChange;
    this.#outliers = new OutlierDetector(policy.ejection, tools.clock, tools.random, {
      onEjected: (address, reason) => {
        this.#changed(address, 'ejected', reason);
        if (reason === 'refused') void this.#recover(address);
      },
      onReturned: (address) => this.#changed(address, 'returned', undefined),
    });
  }

  setPolicy(policy: ServicePolicy): void {
    const sameChecks = isDeepStrictEqual(policy.healthCheck, this.#policy.healthCheck);
    this.#policy = policy;
    this.#outliers.setPolicy(policy.ejection);
    if (sameChecks) return;
    this.#stopChecks();
    for (const endpoint of this.#endpoints.values()) this.#startChecks(endpoint);
  }

  /** Takes an endpoint that joined, or what has changed of its registration. */
  join(endpoint: Endpoint): void {
    const known = this.#endpoints.has(endpoint.address);
    this.#endpoints.set(endpoint.address, endpoint);
    if (known) return;
    this.#outliers.join(endpoint.address);
    this.#startChecks(endpoint);
  }

  leave(address: string): void {
    this.#endpoints.delete(address);
    this.#recoveries.get(address)?.abort();
    this.#outliers.leave(address);
    this.#checkers.get(address)?.close();
    this.#checkers.delete(address);
  }

  observe(address: string, outcome: Outcome): void {
    this.#outliers.observe(address, outcome);
  }

  /** Why an endpoint is not well; undefined when it is. */
  reasonOf(address: string): HealthReason | undefined {
    if (this.#checkers.get(address)?.healthy === false) return 'health-check';
    return this.#outliers.reasonOf(address);
  }

  /** Ends every check and timer. */
  close(): void {
    this.#outliers.close();
    this.#stopChecks();
    for (const recovery of this.#recoveries.values()) recovery.abort();
    this.#endpoints.clear();
  }

  #startChecks(endpoint: Endpoint): void {
    const { healthCheck } = this.#policy;
    if (healthCheck.type === 'none') return;
    const { address } = endpoint;
    const onChange = (healthy: boolean): void =>
      this.#changed(address, healthy ? 'returned' : 'ejected', healthy ? undefined : 'health-check');
    this.#checkers.set(address, new HealthChecker(endpoint, healthCheck, this.#tools, onChange));
  }

  #stopChecks(): void {
    for (const checker of this.#checkers.values()) checker.close();
    this.#checkers.clear();
  }

  /** Asks an endpoint that refused until it takes connections again, leaves, or its time is up. */
  async #recover(address: string): Promise<void> {
    const endpoint = this.#endpoints.get(address);
    if (endpoint === undefined) return;
    const stop = new AbortController();
    this.#recoveries.set(address, stop);
    const probe = tcpProbe(endpoint, this.#policy.connectTimeout, this.#tools);
    const backoff = new Backoff(RECOVERY, this.#tools.random);
    while (!stop.signal.aborted && this.#outliers.reasonOf(address) === 'refused') {
      await delay(this.#tools.clock, backoff.next(), stop.signal);
      if (!stop.signal.aborted && (await probe.check())) break;
    }
    if (this.#recoveries.get(address) === stop) this.#recoveries.delete(address);
    if (!stop.signal.aborted) this.#outliers.release(address);
  }

  #changed(address: string, change: 'ejected' | 'returned', reason: HealthReason | undefined): void {
    const { clock, announce } = this.#tools;
    const foundAt = clock.monotonic();
    const well = this.reasonOf(address) === undefined;
    const eligibleLeft = this.#onChange(change === 'returned' && well ? address : undefined);
    const { keys, revision, lease } = this.#endpoints.get(address) ?? { keys: [], revision: '', lease: '' };
    announce('health', {
      at: clock.now(),
      service: this.#service,
      address,
      change,
      reason: reason ?? null,
      key: keys[0] ?? '',
      revision,
      ...(lease !== '' && { lease }),
      appliedMs: clock.monotonic() - foundAt,
      eligibleLeft,
    });
  }
}
