import type { ConfigKeeper } from '../config/keeper.js';
import { newLoad } from '../core/load.js';
import { type RouteRule, type ServiceRef, serviceName } from '../core/route.js';
import type { EndpointView, GatewayViews, Readiness, RouteView, ServiceView } from '../core/views.js';
import type { Directory } from '../discovery/directory.js';
import type { DataPath } from '../proxy/data-path.js';
import { explainRequest } from '../proxy/explain.js';
import { explainPast } from '../proxy/explain-past.js';
import type { RoutingHistory } from '../proxy/routing-history.js';
import { endpointView, registeredDraining } from '../proxy/service.js';

/** A service that routes lead to, as whoever serves it sees it. */
export type LiveService = Pick<ServiceView, 'panicking' | 'endpoints'>;

export interface ViewParts {
  readonly directory: Directory;
  readonly keeper: ConfigKeeper;
  readonly rules: () => readonly RouteRule[];
  /** By the name in metrics and logs; undefined when no route leads to it. */
  readonly live: (name: string) => LiveService | undefined;
  /** Which routes were in force when. */
  readonly history: RoutingHistory;
  /** Why the gateway is not ready, registries aside. */
  readonly hindrances: () => readonly string[];
  readonly explain: GatewayViews['explain'];
}

/** As `/readyz` says it. */
export const DRAINING = 'draining: the gateway is stopping';

/** What a data path in this process knows. */
export function dataPathViews(dataPath: DataPath): Omit<ViewParts, 'directory' | 'keeper'> {
  return {
    rules: () => dataPath.current().table.routes,
    live: (name) => {
      const service = dataPath.service(name);
      return service && { panicking: service.panicking, endpoints: service.views() };
    },
    history: dataPath.history,
    hindrances: () => (dataPath.draining() ? [DRAINING] : []),
    explain: (request) => explainRequest(dataPath, request),
  };
}

/** Plain data about a running gateway, made anew at each call. */
export function gatewayViews(parts: ViewParts): GatewayViews {
  const { directory, keeper, rules, live, history, hindrances, explain } = parts;

  const serviceView = (ref: ServiceRef, routes: ReadonlyMap<string, readonly string[]>): ServiceView => {
    const name = serviceName(ref);
    const { panicking, endpoints } = live(name) ?? unrouted(directory, ref);
    return {
      name,
      source: ref.registry,
      balance: keeper.settings.servicePolicy(ref).balance,
      routes: routes.get(name) ?? [],
      panicking,
      endpoints,
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

  const service = (name: string): ServiceView | undefined => {
    const ref = known().get(name);
    return ref && serviceView(ref, routesByService(rules()));
  };

  return {
    readiness: () => readiness(directory, hindrances()),
    routes: () => rules().map(routeView),
    services: () => {
      const routes = routesByService(rules());
      return [...known().values()].map((ref) => serviceView(ref, routes));
    },
    service,
    registries: () => directory.views(),
    config: () => keeper.view(),
    explain,
    explainAt: (request, at, journal) => {
      const endpointsOf = (name: string): readonly EndpointView[] => service(name)?.endpoints ?? [];
      return explainPast({ routing: history, journal, endpointsOf }, request, at);
    },
  };
}

function readiness(directory: Directory, hindrances: readonly string[]): Readiness {
  const unlisted = directory.waitingFor().map((source) => `registry ${source} has not been listed yet`);
  const reasons = [...unlisted, ...hindrances];
  return { ready: reasons.length === 0, reasons };
}

/** Ids of the routes that lead to each service. */
function routesByService(rules: readonly RouteRule[]): Map<string, string[]> {
  const routes = new Map<string, string[]>();
  for (const rule of rules) {
    const name = serviceName(rule);
    const ofService = routes.get(name);
    if (ofService === undefined) routes.set(name, [rule.id]);
    else ofService.push(rule.id);
  }
  return routes;
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
function unrouted(directory: Directory, ref: ServiceRef): LiveService {
  const endpoints = directory
    .get(ref)
    .endpoints.map((endpoint) => endpointView(endpoint, newLoad(), registeredDraining(endpoint)));
  return { panicking: false, endpoints };
}
