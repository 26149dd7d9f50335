import type { RouteRule } from '../core/route.js';
import type { ClientRequest, ClientResponse } from './client-side.js';
import type { ProxyContext } from './context.js';
import type { RequestBody } from './request-body.js';
import type { Service } from './service.js';

/** A request that has been matched and admitted. */
export interface AdmittedRequest {
  readonly request: ClientRequest;
  readonly response: ClientResponse;
  readonly context: ProxyContext;
  readonly route: RouteRule;
  readonly service: Service;
  readonly traceId: string;
  readonly method: string;
  /** Path and query for the endpoint. */
  readonly target: string;
  readonly headers: string[];
  /** Begins the span of an attempt, whose id it gives and writes into `headers`; undefined when no spans are kept. */
  readonly nextSpan: (() => string) | undefined;
  /** Undefined when the request has no body. */
  readonly body: RequestBody | undefined;
  readonly acceptsTrailers: boolean;
  readonly websocket: boolean;
  /** What `consistent-hash` tells it apart by; undefined when it has none, or the service needs none. */
  readonly hashKey: string | undefined;
  /** Milliseconds on the monotonic clock. */
  readonly startedAt: number;
}
