import type { Cause } from '../core/causes.js';
import type { RouteRule } from '../core/route.js';
import { canonicalPath } from '../routing/path.js';
import type { RouteTable } from '../routing/table.js';
import { type RequestHead, readRequestHead } from './request-headers.js';
import { readTarget, type Target } from './target.js';

/** A request line and head, read. */
export interface RequestRead {
  readonly head: RequestHead;
  /** As sent, without the query. */
  readonly rawPath: string;
  /** With its `?`; empty when there is none. */
  readonly query: string;
  readonly host: string | undefined;
  readonly malformed: boolean;
}

/** Where a request goes; with a refusal, how far it got. */
export interface Placement {
  /** In the one spelling that is routed on and forwarded. */
  readonly path: string | undefined;
  readonly route: RouteRule | undefined;
  readonly refusal: Cause | undefined;
}

/** `raw` is the header list as Node's parser leaves it; `httpVersion` such as `1.1`; `protocol` of the connection. */
export function readRequest(
  url: string,
  raw: readonly string[],
  httpVersion: string,
  protocol: 'http' | 'https',
): RequestRead {
  const head = readRequestHead(raw);
  const target = readTarget(url);
  // HTTP/1.0 knows neither: what its clients call chunked may be framed in another way (RFC 9112 section 6.1).
  const wrongForVersion = httpVersion === '1.0' ? head.chunked : head.host === undefined;
  return {
    head,
    rawPath: target?.path ?? '',
    query: target?.query ?? '',
    // The authority of an absolute-form target replaces Host (RFC 9112 section 3.2.2).
    host: target?.authority ?? head.host,
    malformed: head.malformed !== undefined || wrongForVersion || !isOurs(target, protocol),
  };
}

/** Whether it is for a connection of this kind, and has no fragment, which is no part of a target (RFC 9112 section 3.2). */
function isOurs(target: Target | undefined, protocol: 'http' | 'https'): boolean {
  if (target === undefined || target.query.includes('#')) return false;
  return target.scheme === undefined || target.scheme === protocol;
}

/** `overloaded`: whether the gateway cannot keep up with what it has. */
export function placeRequest(
  { head, rawPath, host, malformed }: RequestRead,
  table: RouteTable<RouteRule>,
  overloaded: boolean,
): Placement {
  // One canonical path is routed on and forwarded, so that nothing can be routed as one thing and
  // understood by the endpoint as another.
  const path = malformed ? undefined : canonicalPath(rawPath, table.depth);
  if (path === undefined) return { path, route: undefined, refusal: 'BAD_REQUEST' };
  if (head.unknownExpectation) return { path, route: undefined, refusal: 'EXPECTATION_FAILED' };
  const route = table.match(host, path);
  if (route === undefined) return { path, route, refusal: 'NO_ROUTE' };
  if (overloaded) return { path, route, refusal: 'OVERLOADED' };
  const tooLarge = (head.contentLength ?? 0) > route.policy.maxBody;
  return { path, route, refusal: tooLarge ? 'PAYLOAD_TOO_LARGE' : undefined };
}
