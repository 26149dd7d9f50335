import type { Clock } from '../core/clock.js';
import type { Announce } from '../core/events.js';
import { serviceName } from '../core/route.js';
import type { GatewayActions, GatewayViews } from '../core/views.js';
import type { Directory } from '../discovery/directory.js';

export interface ActionParts {
  /** Keeps new requests from an endpoint, or lets them in again. False when there is no such endpoint. */
  readonly setDrained: (service: string, address: string, drained: boolean) => boolean | Promise<boolean>;
  readonly views: GatewayViews;
  readonly directory: Pick<Directory, 'services' | 'get'>;
  readonly announce: Announce;
  readonly clock: Clock;
  readonly reload: () => Promise<readonly string[]>;
}

/** What an operator may do to a running gateway. What was done is announced like any other change. */
export function gatewayActions(parts: ActionParts): GatewayActions {
  const { setDrained, views, announce, clock, reload } = parts;
  const setAndTell = async (name: string, address: string, drained: boolean): Promise<boolean> => {
    const toldAt = clock.monotonic();
    if (!(await setDrained(name, address, drained))) return false;
    const appliedMs = clock.monotonic() - toldAt;
    const service = views.service(name);
    const endpoint = service?.endpoints.find((candidate) => candidate.address === address);
    if (service !== undefined && endpoint !== undefined) {
      const lease = leaseOf(parts, name, address);
      announce('membership', {
        at: clock.now(),
        source: service.source,
        service: name,
        address,
        key: endpoint.keys[0] ?? '',
        change: 'changed',
        state: endpoint.state,
        cause: 'operator',
        ...(lease !== '' && { lease }),
        appliedMs,
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

function leaseOf({ directory }: ActionParts, name: string, address: string): string {
  const ref = directory.services().find((candidate) => serviceName(candidate) === name);
  const endpoints = ref === undefined ? [] : directory.get(ref).endpoints;
  return endpoints.find((candidate) => candidate.address === address)?.lease ?? '';
}
