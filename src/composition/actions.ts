import type { Clock } from '../core/clock.js';
import type { Announce } from '../core/events.js';
import type { GatewayActions, GatewayViews } from '../core/views.js';
import type { DataPath } from '../proxy/data-path.js';

export interface ActionParts {
  readonly dataPath: DataPath;
  readonly views: GatewayViews;
  readonly announce: Announce;
  readonly clock: Clock;
  readonly reload: () => Promise<readonly string[]>;
}

/** What an operator may do to a running gateway. What was done is announced like any other change. */
export function gatewayActions({ dataPath, views, announce, clock, reload }: ActionParts): GatewayActions {
  const setDrained = (name: string, address: string, drained: boolean): boolean => {
    if (dataPath.service(name)?.setDrained(address, drained) !== true) return false;
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
    drain: (service, address) => setDrained(service, address, true),
    undrain: (service, address) => setDrained(service, address, false),
    reload,
  };
}
