import { type DestinationStream, pino } from 'pino';
import type { EventHub, RequestRecord } from '../core/events.js';
import { openLogStream } from './log-stream.js';
import { type LogLevel, lineFormat } from './logger.js';

export interface AccessLogSettings {
  /** `errors` keeps what failed at the gateway and what an endpoint answered with a 5xx. */
  readonly mode: 'all' | 'errors' | 'off';
  /** Lines are written at `info`, those of a 5xx at `warn`; the level decides as for any other log line. */
  readonly level: LogLevel;
  /** Standard output when absent; then it belongs to the access log and `close` flushes it. */
  readonly stream?: DestinationStream;
}

export interface AccessLog {
  /** Stops listening, and writes out what is buffered in a stream of its own. */
  close(): Promise<void>;
}

/**
 * One JSON line per finished request, with the fields that a RequestRecord has and no others:
 * there is no query string, header or cookie to leak.
 */
export function createAccessLog(hub: EventHub, { mode, level, stream }: AccessLogSettings): AccessLog {
  if (mode === 'off') return { close: async () => {} };
  const own = stream === undefined ? openLogStream() : undefined;
  const logger = pino(lineFormat(level), stream ?? own);
  const stop = hub.on('request', (request) => {
    if (request.status >= 500) logger.warn(fields(request), 'request');
    else if (mode === 'all' || request.cause !== undefined) logger.info(fields(request), 'request');
  });
  return {
    async close() {
      stop();
      await own?.close();
    },
  };
}

interface AccessFields {
  readonly trace_id: string;
  readonly method: string;
  readonly path: string;
  readonly route: string | null;
  readonly service: string | null;
  readonly endpoint: string | null;
  readonly status: number;
  readonly code: string | null;
  readonly attempts: number;
  readonly duration_ms: number;
  readonly upstream_ms: number;
  readonly bytes_in: number;
  readonly bytes_out: number;
  readonly client: string;
}

/** Every line has every field, so that a query for a missing one finds `null`. */
function fields(request: RequestRecord): AccessFields {
  return {
    trace_id: request.traceId,
    method: request.method,
    path: request.path,
    route: request.route ?? null,
    service: request.service ?? null,
    endpoint: request.endpoint ?? null,
    status: request.status,
    code: request.cause ?? null,
    attempts: request.attempts,
    duration_ms: rounded(request.durationMs),
    upstream_ms: rounded(request.upstreamMs),
    bytes_in: request.bytesIn,
    bytes_out: request.bytesOut,
    client: request.client,
  };
}

/** Milliseconds with three decimals; more would be noise. */
function rounded(milliseconds: number): number {
  return Math.round(milliseconds * 1000) / 1000;
}
