import { type Cause, causeRule } from '../core/causes.js';
import { type RouteRule, serviceName } from '../core/route.js';
import type { Exchange } from './exchange.js';
import type { Accepted } from './handler.js';

/**
 * Announces the request once, when its response has closed: complete, cut short, or left by the
 * client. `exchange` is undefined for a request refused with `refusal` before it had one.
 */
export function recordWhenClosed(
  accepted: Accepted,
  route: RouteRule | undefined,
  exchange: Exchange | undefined,
  refusal?: Cause,
): void {
  const { response, context, trace, method, rawPath, client, at, startedAt } = accepted;
  response.once('close', () => {
    if (!response.writableFinished) exchange?.clientGone();
    const cause = exchange === undefined ? refusal : exchange.cause;
    context.announce('request', {
      traceId: trace.traceId,
      at,
      method,
      path: rawPath,
      route: route?.id,
      service: exchange === undefined || route === undefined ? undefined : serviceName(route),
      endpoint: exchange?.endpoint,
      status: cause === 'CLIENT_GONE' ? causeRule(cause).status : (exchange?.status ?? response.statusCode),
      cause,
      attempts: exchange?.attempts ?? 0,
      durationMs: context.clock.monotonic() - startedAt,
      upstreamMs: exchange?.upstreamMs ?? 0,
      bytesIn: exchange?.bytesIn ?? 0,
      bytesOut: exchange?.bytesOut ?? 0,
      client,
    });
  });
}
