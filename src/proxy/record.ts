import { ServerResponse } from 'node:http';
import { type Cause, causeRule } from '../core/causes.js';
import { type RouteRule, serviceName } from '../core/route.js';
import { type ClientResponse, NEWEST, UNDER_WAY } from './client-side.js';
import type { Exchange } from './exchange.js';
import type { GrpcExchange } from './grpc/exchange.js';
import type { Accepted } from './handler.js';
import { requestSpan } from './request-span.js';

/**
 * Announces the request once, when its response has closed: complete, cut short, or left by the
 * client. `exchange` is undefined for a request refused with `refusal` before it had one.
 */
export function recordWhenClosed(
  accepted: Accepted,
  route: RouteRule | undefined,
  exchange: Exchange | GrpcExchange | undefined,
  refusal?: { readonly cause: Cause; readonly bytesOut: number },
): void {
  const { response, context, trace, method, rawPath, client, at, startedAt } = accepted;
  const { request } = accepted;
  const { socket } = request;
  socket[NEWEST] = request;
  socket[UNDER_WAY] = exchange;
  // A pipelined response still waits for the socket, and is not told of its end.
  const waiting = response instanceof ServerResponse && response.socket === null ? response.req : undefined;
  context.turn.began();
  const closed = (): void => {
    context.turn.ended();
    if (socket[NEWEST] === request) {
      socket[NEWEST] = undefined;
      socket[UNDER_WAY] = undefined;
    }
    waiting?.socket.off('close', closed);
    response.off('close', closed);
    if (!response.writableFinished) exchange?.clientGone();
    const attempts = exchange?.attempts;
    const cause = exchange === undefined ? refusal?.cause : exchange.cause;
    context.announce('request', {
      traceId: trace.traceId,
      at,
      method,
      path: exchange === undefined ? withoutFragment(rawPath) : rawPath,
      route: route?.id,
      service: route === undefined ? undefined : serviceName(route),
      endpoint: attempts?.endpoint,
      status: statusOf(response, exchange, cause),
      cause,
      attempts: attempts?.count ?? 0,
      durationMs: context.clock.monotonic() - startedAt,
      upstreamMs: attempts?.upstreamMs ?? 0,
      bytesIn: exchange?.bytesIn ?? 0,
      bytesOut: exchange?.bytesOut ?? refusal?.bytesOut ?? 0,
      client,
      tries: attempts?.records ?? [],
      span: trace.recorded ? requestSpan(accepted, route, exchange?.target) : undefined,
    });
  };
  response.once('close', closed);
  waiting?.socket.once('close', closed);
}

/**
 * A fragment is no part of a request target, so that the request was refused. Clients that send one all the
 * same do so by mistake, and what stands there may be a secret, such as the token of a login.
 */
function withoutFragment(path: string): string {
  const mark = path.indexOf('#');
  return mark < 0 ? path : path.slice(0, mark);
}

/** The status on the wire, but for what has none: a client that left, and a call of gRPC, where it is always 200. */
function statusOf(
  response: ClientResponse,
  exchange: Exchange | GrpcExchange | undefined,
  cause: Cause | undefined,
): number {
  if (cause !== undefined && (cause === 'CLIENT_GONE' || exchange === undefined))
    return causeRule(cause).status;
  return exchange?.status ?? response.statusCode;
}
