import type { Timer } from '../core/clock.js';
import type { Endpoint } from '../core/endpoint.js';
import { jittered, type Random } from '../core/random.js';
import type { HealthCheckPolicy } from '../core/route.js';
import { HealthVerdict } from '../resilience/health.js';
import { httpProbe, type Probe, type ProbeTools, tcpProbe } from './probe.js';

export interface HealthCheckerTools extends ProbeTools {
  readonly random: Random;
}

const JITTER = 0.1;

/** Checks one endpoint at an interval, for as long as it is registered. */
export class HealthChecker {
  readonly #policy: HealthCheckPolicy;
  readonly #tools: HealthCheckerTools;
  readonly #probe: Probe;
  readonly #verdict: HealthVerdict;
  readonly #onChange: (healthy: boolean) => void;
  #timer: Timer | undefined;
  #closed = false;

  constructor(
    endpoint: Endpoint,
    policy: HealthCheckPolicy,
    tools: HealthCheckerTools,
    onChange: (healthy: boolean) => void,
  ) {
    this.#policy = policy;
    this.#tools = tools;
    this.#onChange = onChange;
    this.#verdict = new HealthVerdict(policy);
    this.#probe =
      policy.type === 'http' ? httpProbe(endpoint, policy, tools) : tcpProbe(endpoint, policy.timeout, tools);
    // At a random moment of the first interval, so that a fleet does not check in step.
    this.#schedule(tools.random() * policy.interval);
  }

  get healthy(): boolean {
    return this.#verdict.healthy;
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#probe.close();
  }

  #schedule(delayMs: number): void {
    this.#timer = this.#tools.clock.after(delayMs, () => void this.#check());
  }

  async #check(): Promise<void> {
    const passed = await this.#probe.check();
    if (this.#closed) return;
    if (this.#verdict.record(passed)) this.#onChange(passed);
    this.#schedule(jittered(this.#tools.random, this.#policy.interval, JITTER));
  }
}
