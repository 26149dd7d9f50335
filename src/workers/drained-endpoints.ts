import type { EventHub } from '../core/events.js';
import type { DrainedEndpoint } from './messages.js';

/**
 * The endpoints that an operator keeps requests from, for workers that begin later. As in a worker, an
 * endpoint that leaves and comes back takes requests again.
 */
export class DrainedEndpoints {
  readonly #drained = new Map<string, DrainedEndpoint>();
  /** Stops listening. */
  readonly close: () => void;

  constructor(hub: EventHub) {
    this.close = hub.on('membership', ({ change, service, address }) => {
      if (change === 'left') this.set({ service, address }, false);
    });
  }

  set({ service, address }: DrainedEndpoint, drained: boolean): void {
    const key = `${service} ${address}`;
    if (drained) this.#drained.set(key, { service, address });
    else this.#drained.delete(key);
  }

  all(): readonly DrainedEndpoint[] {
    return [...this.#drained.values()];
  }
}
