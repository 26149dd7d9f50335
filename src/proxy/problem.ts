import { STATUS_CODES } from 'node:http';
import { type Cause, causeRule } from '../core/causes.js';

/** A response that the gateway makes itself. */
export interface Problem {
  readonly status: number;
  readonly reason: string;
  /** Flat, for `writeHead`. */
  readonly headers: string[];
  readonly body: Buffer;
}

/** RFC 9457 problem details. Holds nothing but the catalogue's own words and the trace id. */
export function problem(cause: Cause, traceId: string): Problem {
  const { status, title, detail, retryAfterSeconds } = causeRule(cause);
  const body = Buffer.from(JSON.stringify({ title, status, detail, code: cause, trace_id: traceId }));
  const headers = ['Content-Type', 'application/problem+json', 'Content-Length', String(body.length)];
  headers.push('Cache-Control', 'no-store', 'x-trace-id', traceId);
  if (retryAfterSeconds !== undefined) headers.push('Retry-After', String(retryAfterSeconds));
  return { status, reason: STATUS_CODES[status] ?? title, headers, body };
}
