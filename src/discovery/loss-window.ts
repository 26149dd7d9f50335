import type { Clock } from '../core/clock.js';
import type { EndpointSet } from '../core/endpoint.js';
import { EndpointMap } from './endpoint-map.js';
import type { Loss } from './guard-policy.js';

/** Leases that end together do so over some hundred milliseconds: losses count together for this long. */
const WINDOW_MS = 2_000;

/** The losses of the last two seconds. */
export class LossWindow {
  readonly #clock: Clock;
  readonly #losses = new EndpointMap<{ readonly at: number; readonly loss: Loss }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(losses: readonly Loss[]): void {
    const at = this.#clock.monotonic();
    for (const loss of losses) this.#losses.set(loss.service, loss.endpoint.address, { at, loss });
  }

  recent(): Loss[] {
    const since = this.#clock.monotonic() - WINDOW_MS;
    const recent: Loss[] = [];
    for (const { at, loss } of this.#losses.values()) {
      if (at > since) recent.push(loss);
      else this.forget(loss.service, loss.endpoint.address);
    }
    return recent;
  }

  /** Whether there are none. */
  get empty(): boolean {
    return this.#losses.empty;
  }

  /** It was no loss: its owner took the endpoint away. */
  forget(service: string, address: string): void {
    this.#losses.delete(service, address);
  }

  /** They were no losses: these are listed. */
  forgetListed(set: EndpointSet): void {
    this.#losses.deleteAll(set);
  }
}
