import type { Clock } from '../core/clock.js';
import type { RouteRule } from '../core/route.js';
import type { RoutingSettings } from '../proxy/data-path.js';
import { compileGeneration } from '../proxy/generation.js';
import { RoutingHistory } from '../proxy/routing-history.js';

/** Which routes are and were in force, in a process that leaves it to others to serve by them. */
export class RoutingRecord {
  readonly history = new RoutingHistory();
  readonly #clock: Clock;
  #rules: readonly RouteRule[] = [];

  constructor(clock: Clock, settings: RoutingSettings) {
    this.#clock = clock;
    this.replace(settings);
  }

  get rules(): readonly RouteRule[] {
    return this.#rules;
  }

  replace(settings: RoutingSettings): void {
    this.#rules = settings.rules;
    this.history.add(this.#clock.now(), compileGeneration(settings));
  }
}
