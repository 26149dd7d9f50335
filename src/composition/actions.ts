import type { Clock } from '../core/clock.js';
import type { Announce } from '../core/events.js';
import type { GatewayActions, GatewayViews } from '../core/views.js';

export interface ActionParts {
  /** Keeps new requests from an endpoint, or lets them in again. False when there is no such endpoint. */
  readonly setDrained: (service: string, address: string, drained: boolean) => boolean | Promise<boolean>;
  readonly views: GatewayViews;
  readonly announce: Announce;
  readonly clock: Clock;
  readonly reload: () => Promise<readonly string[]>;
}

/** What an operator may do to a running gateway. What was done is announced like any other change. */
export function gatewayActions({ setDrained, views, announce, clock, reload }: ActionParts): GatewayActions {
  const setAndTell = async (name: string, address: string, drained: boolean): Promise<boolean> => {
    if (!(await setDrained(name, address, drained))) return false;
    const service = views.service(name);
    const endpoint = service?.endpoints.find((candidate) => candidate.address === address);
    if (service !== undefined && endpoint !== undefined) {
      announce('membership', {
        at: clock.now(),
        source: service.source,
        service: name,
        address,
        key: endpoint.keys[0] ?? '',
        change: 'changed',
        state: endpoint.state,
        cause: 'operator',
        revision: endpoint.revision,
        endpointsLeft: service.endpoints.length,
      });
    }
    return true;
  };
  return {
    drain: (service, address) => setAndTell(service, address, true),
    undrain: (service, address) => setAndTell(service, address, false),
    reload,
  };
}
