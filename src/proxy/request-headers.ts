import { isAuthority } from './authority.js';
import type { ClientConnection } from './client-connection.js';
import { headerKind, namedInConnection } from './header-kinds.js';

export const VIA = '1.1 watchgate';

/** What the request's head says, read in one pass. */
export interface RequestHead {
  /** `Host`, or the authority of an absolute-form target; undefined when there is none. */
  readonly host: string | undefined;
  readonly traceparent: string | undefined;
  /** Its lines joined. */
  readonly tracestate: string | undefined;
  readonly forwardedFor: string | undefined;
  /** Bytes announced by Content-Length; undefined when there is none. */
  readonly contentLength: number | undefined;
  readonly chunked: boolean;
  readonly acceptsTrailers: boolean;
  readonly expectsContinue: boolean;
  /** An `Expect` other than 100-continue (RFC 9110 section 10.1.1). */
  readonly unknownExpectation: boolean;
  /** Names in `Connection`, lower case, that must not be forwarded. */
  readonly named: ReadonlySet<string>;
  /** Why the head must be refused; undefined when it is well-formed. */
  readonly malformed: string | undefined;
}

const NONE: ReadonlySet<string> = new Set();

/**
 * Reads a raw header list, as Node's parser leaves it: `[name, value, name, value, …]`.
 * Refused (RFC 9112 sections 3.2 and 6.3): a second Host or one that is no authority, a second or non-numeric Content-Length,
 * Content-Length beside Transfer-Encoding, and a final transfer coding other than chunked.
 */
export function readRequestHead(raw: readonly string[]): RequestHead {
  let host: string | undefined;
  let traceparent: string | undefined;
  let tracestate: string | undefined;
  let forwardedFor: string | undefined;
  let contentLength: number | undefined;
  let chunked = false;
  let acceptsTrailers = false;
  let expectsContinue = false;
  let unknownExpectation = false;
  let named = NONE;
  let malformed: string | undefined;
  for (let index = 0; index < raw.length; index += 2) {
    const value = raw[index + 1] ?? '';
    switch (headerKind(raw[index] ?? '')) {
      case 'host':
        // Empty when the target has no authority (RFC 9112 section 3.2).
        if (host !== undefined || !(value === '' || isAuthority(value))) malformed = 'bad Host';
        host = value;
        break;
      case 'content-length':
        if (contentLength !== undefined || !/^[0-9]{1,15}$/.test(value)) malformed = 'bad Content-Length';
        contentLength = Number(value);
        break;
      case 'transfer-encoding':
        if (chunked || value.toLowerCase() !== 'chunked') malformed = 'bad Transfer-Encoding';
        chunked = true;
        break;
      case 'connection':
        named =
          named.size === 0 ? namedInConnection(value) : new Set([...named, ...namedInConnection(value)]);
        break;
      case 'te':
        acceptsTrailers ||= /(?:^|,)\s*trailers\s*(?:,|;|$)/i.test(value);
        break;
      case 'expect':
        if (value.toLowerCase() === '100-continue') expectsContinue = true;
        else unknownExpectation = true;
        break;
      case 'traceparent':
        // Two of them cannot both be right; the trace starts anew (Trace Context section 3.2).
        traceparent = traceparent === undefined ? value : '';
        break;
      case 'tracestate':
        tracestate = tracestate === undefined ? value : `${tracestate},${value}`;
        break;
      case 'x-forwarded-for':
        forwardedFor = forwardedFor === undefined ? value : `${forwardedFor}, ${value}`;
        break;
    }
  }
  if (chunked && contentLength !== undefined) malformed = 'Content-Length beside Transfer-Encoding';
  return {
    host,
    traceparent,
    tracestate,
    forwardedFor,
    contentLength,
    chunked,
    acceptsTrailers,
    expectsContinue,
    unknownExpectation,
    named,
    malformed,
  };
}

/** What the gateway itself says in a forwarded request. */
export interface ForwardedRequest {
  readonly raw: readonly string[];
  readonly head: RequestHead;
  readonly connection: ClientConnection;
  /** Client's authority, before any rewrite. */
  readonly host: string;
  /** `Host` for the endpoint. */
  readonly hostSent: string;
  readonly traceparent: string;
  /** Whether the client's `tracestate` goes on. */
  readonly keepTraceState: boolean;
  /** The version the client spoke, such as `1.1`, which `Via` names (RFC 9110 section 7.6.3). */
  readonly httpVersion: string;
  /** Whether the body goes on with its length as announced. */
  readonly keepLength: boolean;
}

/**
 * The header list for the endpoint, flat. Order, letter case and duplicates of end-to-end fields
 * stay as the client sent them. Hop-by-hop fields and those named in `Connection` go first of all,
 * so that a client cannot make the gateway drop what it adds (RFC 9110 section 7.6.1).
 */
export function forwardedHeaders(request: ForwardedRequest): string[] {
  const { raw, head, connection } = request;
  const trusted = connection.trusted;
  const out: string[] = ['Host', request.hostSent];
  let forwarded: string | undefined;
  let proto: string = connection.protocol;
  let host = request.host;
  let port = connection.localPort;
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] ?? '';
    const value = raw[index + 1] ?? '';
    switch (headerKind(name)) {
      case 'end-to-end':
      case 'x-trace-id':
      case 'via':
        if (head.named.size === 0 || !head.named.has(name.toLowerCase())) out.push(name, value);
        break;
      case 'content-length':
        if (request.keepLength) out.push(name, value);
        break;
      case 'tracestate':
        if (request.keepTraceState) out.push(name, value);
        break;
      case 'forwarded':
        if (trusted) forwarded = forwarded === undefined ? value : `${forwarded}, ${value}`;
        break;
      case 'x-forwarded-proto':
        if (trusted) proto = value;
        break;
      case 'x-forwarded-host':
        if (trusted) host = value;
        break;
      case 'x-forwarded-port':
        if (trusted) port = value;
        break;
    }
  }
  const peer = connection.peer;
  const chain = trusted && head.forwardedFor !== undefined ? `${head.forwardedFor}, ${peer}` : peer;
  const own = `for=${connection.peerNode};host=${quoted(request.host)};proto=${connection.protocol}`;
  if (head.acceptsTrailers) out.push('TE', 'trailers');
  out.push(
    'X-Forwarded-For',
    chain,
    'X-Forwarded-Proto',
    proto,
    'X-Forwarded-Host',
    host,
    'X-Forwarded-Port',
    port,
    'Forwarded',
    forwarded === undefined ? own : `${forwarded}, ${own}`,
    'Via',
    request.httpVersion === '1.1' ? VIA : `${request.httpVersion} watchgate`,
    'traceparent',
    request.traceparent,
  );
  return out;
}

/** RFC 7239 section 4: what is not a token is a quoted string. */
function quoted(text: string): string {
  if (/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(text)) return text;
  return `"${/["\\]/.test(text) ? text.replace(/["\\]/g, '\\$&') : text}"`;
}
