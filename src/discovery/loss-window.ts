import type { Clock } from '../core/clock.js';
import type { Loss } from './guard-policy.js';

/** Leases that end together do so over some hundred milliseconds: losses count together for this long. */
const WINDOW_MS = 2_000;

/** The losses of the last two seconds. */
export class LossWindow {
  readonly #clock: Clock;
  readonly #losses = new Map<string, { readonly at: number; readonly loss: Loss }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(losses: readonly Loss[]): void {
    const at = this.#clock.monotonic();
    for (const loss of losses) this.#losses.set(nameOf(loss.service, loss.endpoint.address), { at, loss });
  }

  recent(): Loss[] {
    const since = this.#clock.monotonic() - WINDOW_MS;
    for (const [name, { at }] of this.#losses) if (at <= since) this.#losses.delete(name);
    return [...this.#losses.values()].map(({ loss }) => loss);
  }

  /** Whether there are none. */
  get empty(): boolean {
    return this.#losses.size === 0;
  }

  /** It was no loss: the endpoint is listed again, or its owner took it away. */
  forget(service: string, address: string): void {
    this.#losses.delete(nameOf(service, address));
  }
}

/** No address has a space in it, so no two names are alike. */
function nameOf(service: string, address: string): string {
  return `${service} ${address}`;
}
