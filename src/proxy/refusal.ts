import type { Cause } from '../core/causes.js';
import type { RouteRule } from '../core/route.js';
import { failureHead, isGrpcCall } from './grpc/status.js';
import type { Accepted } from './handler.js';
import { closeLingering } from './lingering.js';
import { problem } from './problem.js';
import { recordWhenClosed } from './record.js';
import { StreamResponse } from './stream-response.js';

/** Answers a request that never got as far as a service. */
export function refuse(accepted: Accepted, route: RouteRule | undefined, cause: Cause): undefined {
  const { request, response, trace, method, head, context } = accepted;
  if (response instanceof StreamResponse && isGrpcCall(request.headers['content-type'])) {
    recordWhenClosed(accepted, route, undefined, { cause, bytesOut: 0 });
    response.endWithHead(200, failureHead(cause, trace.traceId));
    return;
  }
  const { status, reason, headers, body } = problem(cause, trace.traceId);
  const bytesOut = method === 'HEAD' ? 0 : body.length;
  recordWhenClosed(accepted, route, undefined, { cause, bytesOut });
  const unread = head.chunked || (head.contentLength ?? 0) > 0;
  if (unread || cause === 'BAD_REQUEST' || context.draining()) headers.push('Connection', 'close');
  if (unread) {
    closeLingering(request, context);
    request.resume();
  }
  response.writeHead(status, reason, headers);
  response.end(method === 'HEAD' ? undefined : body);
}
