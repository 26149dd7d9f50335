import type { RouteRule } from '../core/route.js';
import type { RequestSpan } from '../core/tracing.js';
import type { Accepted } from './handler.js';

/** What the span of a finished request tells. `target`: what endpoints were asked for, if any was. */
export function requestSpan(
  { request, trace, connection, host }: Accepted,
  route: RouteRule | undefined,
  target: string | undefined,
): RequestSpan {
  return {
    spanId: trace.spanId,
    parentId: trace.parentId,
    traceState: trace.traceState,
    scheme: connection.protocol,
    host,
    peer: connection.peer,
    peerPort: connection.peerPort,
    httpVersion: request.httpVersion,
    userAgent: fieldOf('user-agent', request.rawHeaders),
    routePrefix: route?.prefix,
    forwardedPath: target?.split('?', 1)[0],
  };
}

function fieldOf(name: string, raw: readonly string[]): string | undefined {
  const index = raw.findIndex((text, place) => place % 2 === 0 && text.toLowerCase() === name);
  return index < 0 ? undefined : raw[index + 1];
}
