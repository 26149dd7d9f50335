import { isIP } from 'node:net';
import { type Attributes, type AttributeValue, SpanKind } from '@opentelemetry/api';
import type { AttemptRecord, RequestRecord } from '../core/events.js';
import type { RequestSpan } from '../core/tracing.js';
import { contextOf, FinishedSpan, type SpanOrigin } from './finished-span.js';

/** What a client sends must not decide how much is held and sent on. */
const LONGEST_VALUE = 1_024;

/**
 * Spans of a finished request: one of kind SERVER for it, and below it one of kind CLIENT for each
 * attempt. Names and attributes are those of the stable HTTP semantic conventions
 * (https://opentelemetry.io/docs/specs/semconv/http/http-spans/); what is the gateway's own begins with `watchgate.`.
 * Query strings are left out, for they carry secrets. Empty for a request whose spans are not kept.
 */
export function requestSpans(record: RequestRecord, origin: SpanOrigin): FinishedSpan[] {
  const { span, traceId, method } = record;
  if (span === undefined) return [];
  const { spanId, parentId, traceState, routePrefix } = span;
  const context = contextOf(traceId, spanId, traceState, false);
  // A 4xx is the client's mistake, and no error of the server (semantic conventions, "Status").
  const error = record.status >= 500 ? (record.cause ?? String(record.status)) : undefined;
  const request = new FinishedSpan(
    {
      name: routePrefix === undefined ? nameOf(method) : `${nameOf(method)} ${routePrefix}`,
      kind: SpanKind.SERVER,
      context,
      parent: parentId === undefined ? undefined : contextOf(traceId, parentId, traceState, true),
      at: record.at,
      durationMs: record.durationMs,
      attributes: requestAttributes(record, span, error),
      error,
    },
    origin,
  );
  // They are recorded in the order in which they ended.
  const begun = record.tries.toSorted((one, other) => one.afterMs - other.afterMs);
  return [request, ...begun.map((attempt, index) => attemptSpan(record, span, attempt, index, request))];
}

function attemptSpan(
  { at, traceId, method }: RequestRecord,
  span: RequestSpan,
  attempt: AttemptRecord,
  resends: number,
  request: FinishedSpan,
): FinishedSpan {
  const error = attempt.cause ?? (attempt.status >= 400 ? String(attempt.status) : undefined);
  return new FinishedSpan(
    {
      name: nameOf(method),
      kind: SpanKind.CLIENT,
      context: contextOf(traceId, attempt.spanId ?? span.spanId, span.traceState, false),
      parent: request.spanContext(),
      at: at + attempt.afterMs,
      durationMs: attempt.durationMs,
      attributes: attemptAttributes(method, span, attempt, resends, error),
      error,
    },
    request,
  );
}

function requestAttributes(record: RequestRecord, span: RequestSpan, error: string | undefined): Attributes {
  const { address, port } = authorityParts(span.host);
  const attributes = methodAttributes(record.method);
  attributes['url.path'] = bounded(record.path);
  attributes['url.scheme'] = span.scheme;
  add(attributes, 'http.route', span.routePrefix);
  attributes['http.response.status_code'] = record.status;
  add(attributes, 'error.type', error);
  add(attributes, 'server.address', address);
  if (address !== undefined) attributes['server.port'] = port ?? (span.scheme === 'https' ? 443 : 80);
  attributes['client.address'] = record.client;
  attributes['network.peer.address'] = span.peer;
  add(attributes, 'network.peer.port', span.peerPort);
  // The convention has `2`, where Node has `2.0`.
  attributes['network.protocol.version'] = span.httpVersion === '2.0' ? '2' : span.httpVersion;
  if (span.userAgent !== undefined) attributes['user_agent.original'] = bounded(span.userAgent);
  add(attributes, 'watchgate.route', record.route);
  add(attributes, 'watchgate.service', record.service);
  add(attributes, 'watchgate.cause', record.cause);
  attributes['watchgate.attempts'] = record.attempts;
  return attributes;
}

function attemptAttributes(
  method: string,
  { forwardedPath = '/' }: RequestSpan,
  attempt: AttemptRecord,
  resends: number,
  error: string | undefined,
): Attributes {
  const { address, port } = authorityParts(attempt.endpoint);
  const attributes = methodAttributes(method);
  attributes['url.full'] = bounded(`http://${attempt.endpoint}${forwardedPath}`);
  add(attributes, 'server.address', address);
  add(attributes, 'server.port', port);
  // Of a name it is not known here which of its addresses was connected to.
  if (address !== undefined && isIP(address) !== 0) {
    attributes['network.peer.address'] = address;
    add(attributes, 'network.peer.port', port);
  }
  if (resends > 0) attributes['http.request.resend_count'] = resends;
  if (attempt.status !== 0) attributes['http.response.status_code'] = attempt.status;
  add(attributes, 'error.type', error);
  attributes['watchgate.service'] = attempt.service;
  add(attributes, 'watchgate.cause', attempt.cause);
  attributes['watchgate.phase'] = attempt.phase;
  attributes['watchgate.outcome'] = attempt.outcome;
  attributes['watchgate.connection.reused'] = attempt.reusedConnection;
  return attributes;
}

/** RFC 9110 and RFC 5789; any other is `_OTHER`, so that clients cannot make up values without end. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH']);

function methodAttributes(method: string): Attributes {
  if (METHODS.has(method)) return { 'http.request.method': method };
  return { 'http.request.method': '_OTHER', 'http.request.method_original': bounded(method) };
}

function nameOf(method: string): string {
  return METHODS.has(method) ? method : 'HTTP';
}

/** An attribute without a value would be sent as an empty one. */
function add(attributes: Attributes, name: string, value: AttributeValue | undefined): void {
  if (value !== undefined) attributes[name] = value;
}

/** `host:port`, `[v6]:port` or a host alone. */
function authorityParts(authority: string | undefined): {
  readonly address: string | undefined;
  readonly port: number | undefined;
} {
  const [, v6, name, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(authority ?? '') ?? [];
  return { address: v6 ?? name, port: port === undefined ? undefined : Number(port) };
}

function bounded(text: string): string {
  return text.length <= LONGEST_VALUE ? text : text.slice(0, LONGEST_VALUE);
}
