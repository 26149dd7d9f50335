import { EventHub, type MembershipChange } from '../../src/core/events.js';
import type { AskedRequest, Explanation } from '../../src/core/explanation.js';
import type {
  EndpointView,
  GatewayActions,
  GatewayViews,
  Readiness,
  RegistryView,
  ServiceView,
} from '../../src/core/views.js';

/** What the admin port of a gateway shows, as plain data that a test changes at will. */
export interface FakeGateway {
  readiness: Readiness;
  services: ServiceView[];
  registries: RegistryView[];
  reloadErrors: string[];
  /** Each verb that was called. */
  readonly done: string[];
  readonly hub: EventHub;
  readonly views: GatewayViews;
  readonly actions: GatewayActions;
}

export function endpointView(address: string, over: Partial<EndpointView> = {}): EndpointView {
  return {
    address,
    keys: [`/service_registry_discovery/goods/${address}`],
    state: 'up',
    inFlight: 0,
    latencyEwmaMs: 1.5,
    latencyP50Ms: 1.2,
    latencyP99Ms: 4.5,
    requests: 10,
    failures: 0,
    since: Date.UTC(2026, 0, 2, 3, 4, 5),
    revision: '7',
    weight: 1,
    notEligible: null,
    held: null,
    ...over,
  };
}

export function serviceView(name: string, endpoints: readonly EndpointView[]): ServiceView {
  return { name, source: 'main', balance: 'least-loaded', routes: ['/goods'], panicking: false, endpoints };
}

export function registryView(over: Partial<RegistryView> = {}): RegistryView {
  return {
    source: 'main',
    type: 'etcd',
    connected: true,
    ready: true,
    degraded: false,
    member: 'http://127.0.0.1:2379',
    revision: '42',
    confirmedMsAgo: 1500,
    drift: 0,
    services: 1,
    endpoints: 1,
    invalidValues: [],
    lastError: null,
    ...over,
  };
}

export function membershipChange(over: Partial<MembershipChange> = {}): MembershipChange {
  return {
    at: Date.UTC(2026, 0, 2, 3, 4, 5),
    source: 'main',
    service: 'goods',
    address: '10.0.0.5:80',
    key: '/service_registry_discovery/goods/pod-1',
    change: 'joined',
    state: 'up',
    cause: 'registered',
    revision: '7',
    endpointsLeft: 1,
    ...over,
  };
}

/** That nothing serves it. */
function explanation({ method, url, headers, client }: AskedRequest): Explanation {
  return {
    request: { method, url, host: null, client: client ?? '127.0.0.1', assumed: [] },
    path: url,
    route: null,
    routes: [],
    forwarded: { target: url, headers },
    policy: null,
    service: null,
    endpoints: [],
    pick: null,
    retries: [],
    refusal: { code: 'NO_ROUTE', status: 404, why: 'there are no routes' },
  };
}

export function fakeGateway(): FakeGateway {
  const gateway = {
    readiness: { ready: true, reasons: [] } as Readiness,
    services: [serviceView('goods', [endpointView('10.0.0.5:80')])],
    registries: [registryView()],
    reloadErrors: [] as string[],
    done: [] as string[],
    hub: new EventHub(),
  };
  const find = (name: string): ServiceView | undefined => gateway.services.find((one) => one.name === name);
  const verb = (word: string) => async (service: string, address: string) => {
    gateway.done.push(`${word} ${service} ${address}`);
    return find(service)?.endpoints.some((one) => one.address === address) ?? false;
  };
  const views: GatewayViews = {
    readiness: () => gateway.readiness,
    routes: () => [],
    services: () => gateway.services,
    service: find,
    registries: () => gateway.registries,
    config: () => ({
      generation: 3,
      file: 'routes.yaml',
      loadedAt: 0,
      lastReloadSuccessful: true,
      errors: [],
    }),
    explain: (asked) => explanation(asked),
    explainAt: () => ({ reachesTo: 0 }),
  };
  const actions: GatewayActions = {
    drain: verb('drain'),
    undrain: verb('undrain'),
    reload: async () => gateway.reloadErrors,
  };
  return Object.assign(gateway, { views, actions });
}
