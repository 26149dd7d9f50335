import type { ConfigKeeper } from '../config/keeper.js';
import type { Endpoint } from '../core/endpoint.js';
import { newLoad } from '../core/load.js';
import { type RouteRule, type ServiceRef, serviceName } from '../core/route.js';
import type { EndpointView, GatewayViews, Readiness, RouteView, ServiceView } from '../core/views.js';
import type { Directory } from '../discovery/directory.js';
import type { DataPath } from '../proxy/data-path.js';
import { explainRequest } from '../proxy/explain.js';
import { explainPast } from '../proxy/explain-past.js';
import { endpointView, registeredDraining } from '../proxy/service.js';

/** Plain data about a running gateway, made anew at each call. */
export function gatewayViews(directory: Directory, dataPath: DataPath, keeper: ConfigKeeper): GatewayViews {
  const rules = (): readonly RouteRule[] => dataPath.current().table.routes;

  const serviceView = (ref: ServiceRef): ServiceView => {
    const name = serviceName(ref);
    return {
      name,
      source: ref.registry,
      balance: keeper.settings.servicePolicy(ref).balance,
      routes: rules()
        .filter((rule) => serviceName(rule) === name)
        .map(({ id }) => id),
      panicking: dataPath.service(name)?.panicking ?? false,
      endpoints: dataPath.service(name)?.views() ?? directory.get(ref).endpoints.map(unroutedView),
    };
  };

  /** Every service that is registered or led to, each once, by name. */
  const known = (): Map<string, ServiceRef> => {
    const refs = [
      ...rules().map(({ service, registry }) => ({ service, registry })),
      ...directory.services(),
    ];
    const byName = new Map(refs.map((ref) => [serviceName(ref), ref]));
    return new Map([...byName].sort(([a], [b]) => (a < b ? -1 : 1)));
  };

  return {
    readiness: () => readiness(directory, dataPath),
    routes: () => rules().map(routeView),
    services: () => [...known().values()].map(serviceView),
    service: (name) => {
      const ref = known().get(name);
      return ref === undefined ? undefined : serviceView(ref);
    },
    registries: () => directory.views(),
    config: () => keeper.view(),
    explain: (request) => explainRequest(dataPath, request),
    explainAt: (request, at, journal) => {
      const endpointsOf = (name: string): readonly EndpointView[] => {
        const ref = known().get(name);
        return ref === undefined ? [] : serviceView(ref).endpoints;
      };
      return explainPast({ routing: dataPath.history, journal, endpointsOf }, request, at);
    },
  };
}

function readiness(directory: Directory, dataPath: DataPath): Readiness {
  const reasons = directory.waitingFor().map((source) => `registry ${source} has not been listed yet`);
  if (dataPath.draining()) reasons.push('draining: the gateway is stopping');
  return { ready: reasons.length === 0, reasons };
}

function routeView({ id, host, prefix, replacePrefix, policy, ...ref }: RouteRule): RouteView {
  return {
    id,
    host: host ?? null,
    prefix,
    service: serviceName(ref),
    replacePrefix: replacePrefix ?? null,
    policy,
  };
}

/** Nothing is sent to an endpoint of a service that no route leads to, so nothing is known of its load. */
function unroutedView(endpoint: Endpoint): EndpointView {
  return endpointView(endpoint, newLoad(), registeredDraining(endpoint));
}
