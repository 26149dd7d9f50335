/** How requests on a route are treated. Durations in milliseconds, sizes in bytes. */
export interface RequestPolicy {
  /** Largest request body; Infinity when unlimited. */
  readonly maxBody: number;
  /** From the start of one attempt to its response head. */
  readonly tryTimeout: number;
  /** From the request to the response head, over all attempts. */
  readonly totalTimeout: number;
  /** Longest silence of the endpoint within a response body. */
  readonly idleTimeout: number;
  /** Longest silence in both directions of a WebSocket, or of a server-sent event stream. */
  readonly tunnelIdleTimeout: number;
  /** Most attempts at one request, the first included. */
  readonly maxAttempts: number;
  /** Statuses of complete responses for which an idempotent request is tried elsewhere. */
  readonly retryOn: readonly number[];
  /** Bytes of request body kept for another attempt. */
  readonly replayBuffer: number;
  /** `Host` sent to the endpoint; undefined keeps the client's. */
  readonly hostHeader: string | undefined;
  /** `grpc` sends endpoints HTTP/2, and takes nothing else from clients. */
  readonly protocol: 'http' | 'grpc';
}

export type BalanceMethod = 'random' | 'round-robin' | 'least-loaded' | 'peak-ewma' | 'consistent-hash';

/** What requests are told apart by for `consistent-hash`. */
export type HashKey =
  | { readonly from: 'client' }
  | { readonly from: 'header' | 'cookie'; readonly name: string };

/** When endpoints are taken out by how their attempts end. */
export interface EjectionPolicy {
  readonly enabled: boolean;
  readonly consecutiveFailures: number;
  /** How far an endpoint's share of successes may be below that of the others, 0 to 1. */
  readonly successRateGap: number;
  /** Milliseconds of the first ejection; the n-th lasts n times as long. */
  readonly baseTime: number;
  /** Largest share of a service that may be out at once, 0 to 1. */
  readonly maxShare: number;
}

/** How endpoints are asked whether they are well. Durations in milliseconds. */
export interface HealthCheckPolicy {
  /** `http` asks for `path`, `tcp` makes a connection, `none` checks nothing. */
  readonly type: 'http' | 'tcp' | 'none';
  readonly path: string;
  readonly hostHeader: string | undefined;
  /** Statuses that pass, both ends included. */
  readonly expect: { readonly from: number; readonly to: number };
  readonly interval: number;
  readonly timeout: number;
  readonly healthyAfter: number;
  readonly unhealthyAfter: number;
}

/** Which HTTP/1.1 client speaks to endpoints. */
export type UpstreamClient = 'built-in' | 'undici';

/** How the endpoints of a service are used. Durations in milliseconds. */
export interface ServicePolicy {
  readonly balance: BalanceMethod;
  readonly client: UpstreamClient;
  readonly connectTimeout: number;
  /** How long an idle connection is kept. */
  readonly keepAlive: number;
  /** Most connections to one endpoint at once. */
  readonly maxConnections: number;
  /** Most requests waiting for one of those connections. */
  readonly maxWaiting: number;
  /** How long requests in flight may take to finish at an endpoint that left. */
  readonly drainTimeout: number;
  /** The same for WebSockets and event streams, which seldom finish by themselves. */
  readonly tunnelDrainTimeout: number;
  readonly hashOn: HashKey;
  readonly ejection: EjectionPolicy;
  readonly healthCheck: HealthCheckPolicy;
  /** How long an endpoint that comes back takes to get its full share; 0 for at once. */
  readonly slowStart: number;
  /** Most requests of the service at once; Infinity when unlimited. */
  readonly maxInFlight: number;
  /** Most requests that wait when it is reached. */
  readonly maxQueue: number;
  readonly queueTimeout: number;
}

/** A service within a registry. */
export interface ServiceRef {
  readonly service: string;
  /** Name of the registry under `registries:`; `main` when only one is configured. */
  readonly registry: string;
}

/** A rule from routes.yaml, defaults applied. */
export interface RouteRule extends ServiceRef {
  /** Names the route in metrics, logs and the API: its host, if any, then its prefix. */
  readonly id: string;
  /** Canonical path prefix; matches whole segments. `/` matches every path. */
  readonly prefix: string;
  /** Lower-case host name, or `*.` and a domain for any name below it; undefined matches any. */
  readonly host: string | undefined;
  /** What replaces `prefix` in the forwarded path; undefined forwards the path as it is. */
  readonly replacePrefix: string | undefined;
  readonly policy: RequestPolicy;
}

/** `goods@dc2`: how a service is named in metrics, logs and the API. The main registry goes unsaid. */
export function serviceName(ref: ServiceRef): string {
  return ref.registry === MAIN_REGISTRY ? ref.service : `${ref.service}@${ref.registry}`;
}

/** What `serviceName` named. */
export function refOfServiceName(name: string): ServiceRef {
  const at = name.lastIndexOf('@');
  return at < 0
    ? { service: name, registry: MAIN_REGISTRY }
    : { service: name.slice(0, at), registry: name.slice(at + 1) };
}

export const MAIN_REGISTRY = 'main';
