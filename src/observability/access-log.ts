import type { EventHub, RequestRecord } from '../core/events.js';
import { openLogStream } from './log-stream.js';
import type { LogLevel } from './logger.js';

/** Where whole lines go. */
export interface LineStream {
  write(line: string): void;
}

export interface AccessLogSettings {
  /** `errors` keeps what failed at the gateway and what an endpoint answered with a 5xx. */
  readonly mode: 'all' | 'errors' | 'off';
  /** Lines are written at `info`, those of a 5xx at `warn`; the level decides as for any other log line. */
  readonly level: LogLevel;
  /** Standard output when absent; then it belongs to the access log and `close` flushes it. */
  readonly stream?: LineStream;
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
  if (mode === 'off' || !WARN_SHOWN.has(level)) return { close: async () => {} };
  const own = stream === undefined ? openLogStream() : undefined;
  const out = stream ?? own;
  const infoShown = INFO_SHOWN.has(level);
  const stop = hub.on('request', (request) => {
    if (request.status >= 500) out?.write(line('warn', request));
    else if (infoShown && (mode === 'all' || request.cause !== undefined)) out?.write(line('info', request));
  });
  return {
    async close() {
      stop();
      await own?.close();
    },
  };
}

const INFO_SHOWN: ReadonlySet<LogLevel> = new Set(['trace', 'debug', 'info']);
const WARN_SHOWN: ReadonlySet<LogLevel> = new Set([...INFO_SHOWN, 'warn']);

/**
 * Put together by hand, in the form of the other log lines: a logger that takes any object costs several
 * times as much, and this is one line for each request. Every line has every field, so that a query for
 * a missing one finds `null`. `time` is when the response had ended, in milliseconds since the epoch.
 */
function line(level: 'info' | 'warn', request: RequestRecord): string {
  return (
    `{"level":"${level}","time":${Math.round(request.at + request.durationMs)},"trace_id":"${request.traceId}"` +
    `,"method":${JSON.stringify(request.method)},"path":${JSON.stringify(request.path)}` +
    `,"route":${text(request.route)},"service":${text(request.service)},"endpoint":${text(request.endpoint)}` +
    `,"status":${request.status},"code":${text(request.cause)},"attempts":${request.attempts}` +
    `,"duration_ms":${rounded(request.durationMs)},"upstream_ms":${rounded(request.upstreamMs)}` +
    `,"bytes_in":${request.bytesIn},"bytes_out":${request.bytesOut},"client":${text(request.client)},"msg":"request"}\n`
  );
}

function text(value: string | undefined): string {
  return value === undefined ? 'null' : JSON.stringify(value);
}

/** Milliseconds with three decimals; more would be noise. */
function rounded(milliseconds: number): number {
  return Math.round(milliseconds * 1000) / 1000;
}
