import type { RouteRule } from '../core/route.js';
import { forwardedPath } from '../routing/path.js';
import type { AdmittedRequest } from './admitted-request.js';
import { attemptSpans } from './attempt-spans.js';
import { skipBody } from './bodyless.js';
import { clientAddress } from './client-address.js';
import { type ClientConnection, connectionOf } from './client-connection.js';
import type { ClientRequest, ClientResponse } from './client-side.js';
import type { Generation, ProxyContext, UnderWay } from './context.js';
import { Exchange } from './exchange.js';
import { admittedCall } from './grpc/admitted-call.js';
import { GrpcExchange } from './grpc/exchange.js';
import { hashKeyOf } from './hash-key.js';
import { placeRequest, type RequestRead, readRequest } from './placement.js';
import { recordWhenClosed } from './record.js';
import { refuse } from './refusal.js';
import { RequestBody } from './request-body.js';
import { forwardedHeaders, type RequestHead } from './request-headers.js';
import { StreamResponse } from './stream-response.js';
import { type TraceContext, traceContext } from './trace-context.js';

/** A request whose head has been read; what every later step works on. */
export interface Accepted extends RequestRead {
  readonly request: ClientRequest;
  readonly response: ClientResponse;
  readonly context: ProxyContext;
  readonly generation: Generation;
  readonly connection: ClientConnection;
  readonly trace: TraceContext;
  readonly method: string;
  /** Address of the client, by the word of trusted proxies. */
  readonly client: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Milliseconds on the monotonic clock. */
  readonly startedAt: number;
}

/**
 * Serves one request: accept → match → admit, then an Exchange goes on with pick → connect → send →
 * respond. Whatever comes of it is recorded once, when the response has closed. Returns what is under way,
 * unless the request has been answered already.
 */
export function handleRequest(
  context: ProxyContext,
  request: ClientRequest,
  response: ClientResponse,
  websocket = false,
): UnderWay | undefined {
  if (context.closing.has(request.socket)) return undefined;
  const accepted = accept(context, request, response, websocket);
  const { path, route, refusal } = placeRequest(accepted, accepted.generation.table, context.overloaded());
  if (refusal !== undefined || path === undefined || route === undefined)
    return refuse(accepted, route, refusal ?? 'NO_ROUTE');
  if (route.policy.protocol === 'grpc' && !(response instanceof StreamResponse))
    return refuse(accepted, route, 'WRONG_PROTOCOL');
  const exchange = admit(accepted, route, path, websocket);
  recordWhenClosed(accepted, route, exchange);
  if (context.awaitingContinue.delete(request)) response.writeContinue();
  exchange.start();
  return exchange;
}

function accept(
  context: ProxyContext,
  request: ClientRequest,
  response: ClientResponse,
  websocket: boolean,
): Accepted {
  const generation = context.current();
  const connection = connectionOf(request.socket, generation.proxies);
  const { head, rawPath, query, host, malformed } = readRequest(
    request.url ?? '',
    request.rawHeaders,
    request.httpVersion,
    connection.protocol,
  );
  return {
    request,
    response,
    context,
    generation,
    connection,
    head,
    trace: traceContext(head, context.randomHex, context.sampler),
    method: request.method ?? '',
    rawPath,
    query,
    host,
    client: clientAddress(connection.peer, head.forwardedFor, generation.proxies),
    at: context.clock.now(),
    startedAt: context.clock.monotonic(),
    malformed: malformed || !isOfItsProtocol(request, response) || (websocket && hasContent(head)),
  };
}

/** Node's parser takes a line of text that claims another version, such as `HTTP/2.0`, for one of HTTP/1.1. */
function isOfItsProtocol({ httpVersion }: ClientRequest, response: ClientResponse): boolean {
  return httpVersion === '1.1' || httpVersion === '1.0' || response instanceof StreamResponse;
}

/** In a handshake it could not be told from what the WebSocket begins with. */
function hasContent({ chunked, contentLength }: RequestHead): boolean {
  return chunked || (contentLength ?? 0) > 0;
}

function admit(
  accepted: Accepted,
  route: RouteRule,
  path: string,
  websocket: boolean,
): Exchange | GrpcExchange {
  const { request, response, context, head, trace, connection, startedAt } = accepted;
  const { policy } = route;
  const host = accepted.host ?? '';
  const hasBody = hasContent(head);
  const body = hasBody
    ? new RequestBody(request, { max: policy.maxBody, replay: policy.replayBuffer }, () =>
        exchange.fail('PAYLOAD_TOO_LARGE'),
      )
    : undefined;
  if (!hasBody) skipBody(request);
  const service = context.serviceOf(route);
  const headers = forwardedHeaders({
    raw: request.rawHeaders,
    head,
    connection,
    host,
    hostSent: policy.hostHeader ?? host,
    traceparent: trace.traceparent,
    keepTraceState: trace.traceState !== undefined,
    httpVersion: request.httpVersion,
    keepLength: hasBody,
  });
  const admitted: AdmittedRequest = {
    request,
    response,
    context,
    route,
    service,
    traceId: trace.traceId,
    method: accepted.method,
    target: forwardedPath(route, path) + accepted.query,
    headers,
    nextSpan: trace.recorded ? attemptSpans(headers, trace, context.randomHex) : undefined,
    body,
    acceptsTrailers: head.acceptsTrailers,
    websocket,
    hashKey:
      service.policy.balance === 'consistent-hash'
        ? hashKeyOf(service.policy.hashOn, request.rawHeaders, accepted.client)
        : undefined,
    startedAt,
  };
  const exchange =
    policy.protocol === 'grpc' && response instanceof StreamResponse
      ? new GrpcExchange(admittedCall(admitted, response))
      : new Exchange(admitted);
  return exchange;
}
