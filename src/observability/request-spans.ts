import { isIP } from 'node:net';
import {
  type Attributes,
  createTraceState,
  type HrTime,
  type SpanContext,
  SpanKind,
  type SpanStatus,
  SpanStatusCode,
  TraceFlags,
} from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import type { AttemptRecord, RequestRecord } from '../core/events.js';
import type { RequestSpan } from '../core/tracing.js';

/** Who made the spans. */
export interface SpanOrigin {
  readonly resource: Resource;
  readonly instrumentationScope: ReadableSpan['instrumentationScope'];
}

/** What a client sends must not decide how much is held and sent on. */
const LONGEST_VALUE = 1_024;

/**
 * Spans of a finished request: one of kind SERVER for it, and below it one of kind CLIENT for each
 * attempt. Names and attributes are those of the stable HTTP semantic conventions
 * (https://opentelemetry.io/docs/specs/semconv/http/http-spans/); what is the gateway's own begins with `watchgate.`.
 * Query strings are left out, for they carry secrets. Empty for a request whose spans are not kept.
 */
export function requestSpans(record: RequestRecord, origin: SpanOrigin): ReadableSpan[] {
  const { span, traceId } = record;
  if (span === undefined) return [];
  const context = contextOf(traceId, span.spanId, span.traceState, false);
  const parent =
    span.parentId === undefined ? undefined : contextOf(traceId, span.parentId, span.traceState, true);
  const begun = [...record.tries].sort((one, other) => one.afterMs - other.afterMs);
  return [
    {
      ...origin,
      ...times(record.at, record.durationMs),
      ...NOTHING_MORE,
      name:
        span.routePrefix === undefined
          ? nameOf(record.method)
          : `${nameOf(record.method)} ${span.routePrefix}`,
      kind: SpanKind.SERVER,
      spanContext: () => context,
      ...(parent !== undefined && { parentSpanContext: parent }),
      // A 4xx is the client's mistake, and no error of the server (semantic conventions, "Status").
      status: statusOf(record.status >= 500 ? (record.cause ?? String(record.status)) : undefined),
      attributes: requestAttributes(record, span),
    },
    ...begun.map((attempt, index) => attemptSpan(record, span, attempt, index, context, origin)),
  ];
}

function attemptSpan(
  record: RequestRecord,
  span: RequestSpan,
  attempt: AttemptRecord,
  resends: number,
  parent: SpanContext,
  origin: SpanOrigin,
): ReadableSpan {
  const context = contextOf(record.traceId, attempt.spanId ?? span.spanId, span.traceState, false);
  const error = attempt.cause ?? (attempt.status >= 400 ? String(attempt.status) : undefined);
  return {
    ...origin,
    ...times(record.at + attempt.afterMs, attempt.durationMs),
    ...NOTHING_MORE,
    name: nameOf(record.method),
    kind: SpanKind.CLIENT,
    spanContext: () => context,
    parentSpanContext: parent,
    status: statusOf(error),
    attributes: attemptAttributes(record, span, attempt, resends, error),
  };
}

function requestAttributes(record: RequestRecord, span: RequestSpan): Attributes {
  const { address, port } = authorityParts(span.host);
  return defined({
    ...methodAttributes(record.method),
    'url.path': bounded(record.path),
    'url.scheme': span.scheme,
    'http.route': span.routePrefix,
    'http.response.status_code': record.status,
    'error.type': record.status >= 500 ? (record.cause ?? String(record.status)) : undefined,
    'server.address': address,
    'server.port': port ?? (address === undefined ? undefined : span.scheme === 'https' ? 443 : 80),
    'client.address': record.client,
    'network.peer.address': span.peer,
    'network.peer.port': span.peerPort,
    // The convention has `2`, where Node has `2.0`.
    'network.protocol.version': span.httpVersion.replace(/^2\.0$/, '2'),
    'user_agent.original': bounded(span.userAgent),
    'watchgate.route': record.route,
    'watchgate.service': record.service,
    'watchgate.cause': record.cause,
    'watchgate.attempts': record.attempts,
  });
}

function attemptAttributes(
  { method, service }: RequestRecord,
  { forwardedPath = '/' }: RequestSpan,
  attempt: AttemptRecord,
  resends: number,
  error: string | undefined,
): Attributes {
  const { address, port } = authorityParts(attempt.endpoint);
  const isAddress = address !== undefined && isIP(address) !== 0;
  return defined({
    ...methodAttributes(method),
    'url.full': bounded(`http://${attempt.endpoint}${forwardedPath}`),
    'server.address': address,
    'server.port': port,
    // Of a name it is not known here which of its addresses was connected to.
    'network.peer.address': isAddress ? address : undefined,
    'network.peer.port': isAddress ? port : undefined,
    'http.request.resend_count': resends === 0 ? undefined : resends,
    'http.response.status_code': attempt.status === 0 ? undefined : attempt.status,
    'error.type': error,
    'watchgate.service': service,
    'watchgate.cause': attempt.cause,
    'watchgate.phase': attempt.phase,
    'watchgate.outcome': attempt.outcome,
    'watchgate.connection.reused': attempt.reusedConnection,
  });
}

/** RFC 9110 and RFC 5789; any other is `_OTHER`, so that clients cannot make up values without end. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH']);

function methodAttributes(method: string): Attributes {
  if (METHODS.has(method)) return { 'http.request.method': method };
  return { 'http.request.method': '_OTHER', 'http.request.method_original': method };
}

function nameOf(method: string): string {
  return METHODS.has(method) ? method : 'HTTP';
}

function contextOf(
  traceId: string,
  spanId: string,
  traceState: string | undefined,
  isRemote: boolean,
): SpanContext {
  return {
    traceId,
    spanId,
    traceFlags: TraceFlags.SAMPLED,
    isRemote,
    ...(traceState !== undefined && { traceState: createTraceState(traceState) }),
  };
}

const NOTHING_MORE = {
  ended: true,
  links: [],
  events: [],
  droppedAttributesCount: 0,
  droppedEventsCount: 0,
  droppedLinksCount: 0,
} satisfies Partial<ReadableSpan>;

/** Both in milliseconds, the first since the epoch. */
function times(atMs: number, durationMs: number): Pick<ReadableSpan, 'startTime' | 'endTime' | 'duration'> {
  return { startTime: hrTime(atMs), endTime: hrTime(atMs + durationMs), duration: hrTime(durationMs) };
}

/** Seconds and nanoseconds. */
function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.min(999_999_999, Math.round((ms - seconds * 1000) * 1e6))];
}

function statusOf(error: string | undefined): SpanStatus {
  return error === undefined
    ? { code: SpanStatusCode.UNSET }
    : { code: SpanStatusCode.ERROR, message: error };
}

/** `host:port`, `[v6]:port` or a host alone. */
function authorityParts(authority: string | undefined): { address?: string; port?: number } {
  const [, v6, name, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(authority ?? '') ?? [];
  const address = v6 ?? name;
  return { ...(address !== undefined && { address }), ...(port !== undefined && { port: Number(port) }) };
}

function bounded(text: string | undefined): string | undefined {
  return text === undefined || text.length <= LONGEST_VALUE ? text : text.slice(0, LONGEST_VALUE);
}

/** An attribute without a value would be sent as an empty one. */
function defined(attributes: Attributes): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined));
}
