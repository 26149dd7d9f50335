import { type RandomHex, type TraceContext, traceparentOf } from './trace-context.js';

/**
 * For a request whose spans are kept: gives each attempt a span of its own, and writes it into the
 * header list, so that what the endpoint does becomes a child of the attempt that asked for it.
 * `headers` holds the `traceparent` of the request.
 */
export function attemptSpans(
  headers: string[],
  { traceId }: TraceContext,
  randomHex: RandomHex,
): () => string {
  // The last of the name is ours: a client's own is never in the list.
  const place = headers.lastIndexOf('traceparent') + 1;
  return () => {
    const spanId = randomHex(8);
    headers[place] = traceparentOf(traceId, spanId, true);
    return spanId;
  };
}
