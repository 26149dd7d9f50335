import type { FirstPick } from '../balancing/forecast.js';
import { type Cause, causeRule } from '../core/causes.js';
import type {
  AskedRequest,
  ExplainedRefusal,
  ExplainedRoute,
  Explanation,
  HeaderField,
} from '../core/explanation.js';
import type { RouteRule } from '../core/route.js';
import { forwardedPath } from '../routing/path.js';
import type { RouteTable } from '../routing/table.js';
import { type RouteFit, routeVerdicts } from '../routing/verdicts.js';
import { clientAddress, forwardedNode, type TrustedProxies } from './client-address.js';
import type { ClientConnection } from './client-connection.js';
import type { ProxyContext } from './context.js';
import { explainRetries } from './explain-retries.js';
import { explainService, type ServiceFacts } from './explain-service.js';
import { hashKeyOf } from './hash-key.js';
import { type Placement, placeRequest, type RequestRead, readRequest } from './placement.js';
import { forwardedHeaders } from './request-headers.js';
import { type RandomHex, traceContext } from './trace-context.js';

/** A request read like one that has come in. */
export interface Asked {
  readonly method: string;
  readonly raw: readonly string[];
  readonly read: RequestRead;
  readonly connection: ClientConnection;
  readonly client: string;
  readonly assumed: readonly string[];
}

/** Stand in for ids that each request gets anew. As long as those, and not hexadecimal: no client can have sent them. */
const NEW_TRACE = 't'.repeat(32);
const NEW_SPAN = 's'.repeat(16);
const placeholders: RandomHex = (bytes) => `${NEW_TRACE}${NEW_SPAN}`.slice(-2 * bytes);

function readable(traceparent: string): string {
  return traceparent.replace(NEW_TRACE, '<new trace id>').replace(NEW_SPAN, '<new span id>');
}

/**
 * What the gateway would do with a request now: read, placed and weighed up by the code that serves
 * requests. Nothing is picked, counted or sent.
 */
export function explainRequest(context: ProxyContext, request: AskedRequest): Explanation {
  const { table } = context.current();
  const asked = ask(context.current().proxies, request);
  const { read } = asked;
  const placement = placeRequest(read, table, context.overloaded());
  const { path, route } = placement;
  const facts = route === undefined ? undefined : serviceFacts(context, asked, route);
  const refusal = placement.refusal ?? facts?.refusal;
  return {
    request: {
      method: asked.method,
      url: request.url,
      host: read.host ?? null,
      client: asked.client,
      assumed: asked.assumed,
    },
    path: path ?? null,
    route: route?.id ?? null,
    routes: path === undefined ? [] : explainRoutes(table, read.host, path),
    forwarded: route === undefined || path === undefined ? null : forwarded(asked, route, path),
    policy: route?.policy ?? null,
    service: facts?.service ?? null,
    endpoints: facts?.endpoints ?? [],
    pick:
      refusal === undefined ? (facts?.endpoints.find(({ chance }) => chance === 1)?.address ?? null) : null,
    retries: route === undefined ? [] : explainRetries(asked.method, read.head, route.policy),
    refusal: refusal === undefined ? null : explainRefusal(refusal, asked, placement, facts),
  };
}

/** Reads a request that is asked about. */
export function ask(proxies: TrustedProxies, { method, url, headers, client }: AskedRequest): Asked {
  const peer = client ?? '127.0.0.1';
  const named = headers.some(({ name }) => name.toLowerCase() === 'host');
  const [, scheme, host = 'localhost'] = /^(https?):\/\/([^/?#@]+)/i.exec(url) ?? [];
  // A URL of https can only be asked for over TLS.
  const protocol = scheme?.toLowerCase() === 'https' ? 'https' : 'http';
  const raw = [...(named ? [] : ['Host', host]), ...headers.flatMap(({ name, value }) => [name, value])];
  const read = readRequest(url, raw, '1.1', protocol);
  return {
    method,
    raw,
    read,
    connection: {
      peer,
      peerNode: forwardedNode(peer),
      trusted: proxies.trusts(peer),
      protocol,
      localPort: protocol === 'https' ? '443' : '80',
    },
    client: clientAddress(peer, read.head.forwardedFor, proxies),
    assumed: [
      ...(named || read.host !== 'localhost' ? [] : ['Host: localhost']),
      ...(client === undefined ? ['it comes from 127.0.0.1'] : []),
    ],
  };
}

/** What each route of a table is to a request. */
export function explainRoutes(
  table: RouteTable<RouteRule>,
  host: string | undefined,
  path: string,
): ExplainedRoute[] {
  const verdicts = routeVerdicts(table, host, path);
  const matched = verdicts.find(({ fit }) => fit === 'matched')?.route;
  return verdicts.map(({ route, fit }) => ({ id: route.id, fit, why: whyFit(fit, route, path, matched) }));
}

function whyFit(fit: RouteFit, route: RouteRule, path: string, matched: RouteRule | undefined): string {
  if (fit === 'matched') return 'the most specific that fits';
  if (fit === 'other-host') return `is for the host ${route.host} only`;
  if (fit === 'other-path') return `${path} is not ${route.prefix} or below it`;
  const equal = matched?.host === route.host && matched?.prefix === route.prefix;
  return equal
    ? 'fits, but another of the same host and prefix comes first'
    : `fits, but ${matched?.id} is more specific`;
}

function forwarded(asked: Asked, route: RouteRule, path: string): NonNullable<Explanation['forwarded']> {
  const { read, raw, connection } = asked;
  const host = read.host ?? '';
  // Whether a trace is sampled may be left to its id, which does not exist.
  const trace = traceContext(read.head, placeholders, undefined);
  const flat = forwardedHeaders({
    raw,
    head: read.head,
    connection,
    host,
    hostSent: route.policy.hostHeader ?? host,
    traceparent: readable(trace.traceparent),
    keepTraceState: trace.traceState !== undefined,
    httpVersion: '1.1',
    keepLength: read.head.chunked || (read.head.contentLength ?? 0) > 0,
  });
  const headers: HeaderField[] = [];
  for (let index = 0; index < flat.length; index += 2) {
    headers.push({ name: flat[index] ?? '', value: flat[index + 1] ?? '' });
  }
  return { target: forwardedPath(route, path) + read.query, headers };
}

function serviceFacts(context: ProxyContext, { raw, client }: Asked, route: RouteRule): ServiceFacts {
  const service = context.serviceOf(route);
  const { balance, hashOn } = service.policy;
  const hashKey = balance === 'consistent-hash' ? hashKeyOf(hashOn, raw, client) : undefined;
  const request: FirstPick = { now: context.clock.monotonic(), hashKey };
  return explainService(service, request);
}

/** `facts`: undefined when it did not get as far as a service. */
export function explainRefusal(
  code: Cause,
  { read, method }: Asked,
  { path, route }: Placement,
  facts: ServiceFacts | undefined,
): ExplainedRefusal {
  const { status } = causeRule(code);
  const tell = (why: string): ExplainedRefusal => ({ code, status, why });
  if (path === undefined)
    return tell(read.malformed ? malformedWhy(read) : 'the path has a form that servers read differently');
  if (code === 'EXPECTATION_FAILED') return tell('Expect asks for something other than 100-continue');
  if (code === 'NO_ROUTE') return tell(`no route is for ${method} ${path} at ${read.host ?? 'no host'}`);
  if (code === 'PAYLOAD_TOO_LARGE')
    return tell(`Content-Length ${read.head.contentLength} is over maxBody ${route?.policy.maxBody}`);
  return tell(facts?.why ?? 'the gateway cannot keep up with the requests it has');
}

function malformedWhy({ head }: RequestRead): string {
  return (
    head.malformed ??
    'the target is neither a path nor an absolute URL of its port, without user and fragment'
  );
}
