/** Checks in a row that change the verdict. */
export interface HealthThresholds {
  readonly healthyAfter: number;
  readonly unhealthyAfter: number;
}

/**
 * The verdict of active checks on one endpoint. It starts healthy: having registered is evidence,
 * and a check that has not run yet is none.
 */
export class HealthVerdict {
  readonly #thresholds: HealthThresholds;
  #healthy = true;
  /** Checks in a row that speak against the verdict. */
  #against = 0;

  constructor(thresholds: HealthThresholds) {
    this.#thresholds = thresholds;
  }

  get healthy(): boolean {
    return this.#healthy;
  }

  /** Counts one check. True when the verdict changed. */
  record(passed: boolean): boolean {
    if (passed === this.#healthy) {
      this.#against = 0;
      return false;
    }
    this.#against += 1;
    const needed = this.#healthy ? this.#thresholds.unhealthyAfter : this.#thresholds.healthyAfter;
    if (this.#against < needed) return false;
    this.#healthy = passed;
    this.#against = 0;
    return true;
  }
}
