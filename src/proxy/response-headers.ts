import { headerKind, namedInConnection } from './header-kinds.js';
import { VIA } from './request-headers.js';

/** An endpoint's response head, ready for the client. */
export interface ResponseHead {
  /** Flat list for `writeHead`, without hop-by-hop fields. */
  readonly headers: string[];
  readonly eventStream: boolean;
}

const NONE: ReadonlySet<string> = new Set();

/**
 * Reads a flat list of fields. The stripping is the same as for requests (RFC 9110 section
 * 7.6.1). `Content-Length` goes with a 204 (RFC 9110 section 8.6 forbids it there), `Trailer` stays
 * only where trailers may follow, and our own `x-trace-id` replaces the endpoint's. `trailers`: whether the
 * client takes them, and its connection can carry them behind a body that comes in chunks.
 */
export function responseHead(
  raw: readonly string[],
  status: number,
  traceId: string,
  trailers: boolean,
): ResponseHead {
  const headers: string[] = [];
  const named = connectionNames(raw);
  let [eventStream, touchy, lengthAt] = [false, false, -1];
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] ?? '';
    const value = raw[index + 1] ?? '';
    switch (headerKind(name)) {
      case 'hop-by-hop':
      case 'connection':
      case 'transfer-encoding':
      case 'upgrade':
      case 'te':
      case 'x-trace-id':
        continue;
      case 'trailer':
        if (!trailers) continue;
        touchy = true;
        break;
      case 'content-length':
        if (status === 204) continue;
        lengthAt = headers.length;
        break;
      case 'end-to-end':
        if (named.size > 0 && named.has(name.toLowerCase())) continue;
        eventStream ||= isEventStream(name, value);
        touchy ||= isDisposition(name);
        break;
    }
    headers.push(name, value);
  }
  if (lengthAt >= 0 && touchy) makeWritable(headers, lengthAt);
  headers.push('Via', VIA, 'x-trace-id', traceId);
  return { headers, eventStream };
}

/**
 * Node throws for two fields beside `Content-Length`. Behind it, it reads a `Content-Disposition` as UTF-8, and
 * refuses most of what is beyond ASCII, so that the length goes to the end. `Trailer` would lie: behind a body of
 * known length none can follow.
 */
function makeWritable(headers: string[], lengthAt: number): void {
  headers.push(...headers.splice(lengthAt, 2));
  for (let at = headers.length - 2; at >= 0; at -= 2) {
    if (headerKind(headers[at] ?? '') === 'trailer') headers.splice(at, 2);
  }
}

/** Names that the endpoint's `Connection` makes hop-by-hop. `Connection` may come after them. */
function connectionNames(raw: readonly string[]): ReadonlySet<string> {
  let names = NONE;
  for (let index = 0; index < raw.length; index += 2) {
    if (raw[index]?.length !== 10 || headerKind(raw[index] ?? '') !== 'connection') continue;
    const found = namedInConnection(raw[index + 1] ?? '');
    names = names.size === 0 ? found : new Set([...names, ...found]);
  }
  return names;
}

/** The end-to-end fields of a head or of trailers, framing left out (RFC 9110 section 6.5.1). */
export function endToEndFields(raw: readonly string[]): [string, string][] {
  const fields: [string, string][] = [];
  const named = connectionNames(raw);
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] ?? '';
    const kind = headerKind(name);
    if (named.has(name.toLowerCase())) continue;
    if (kind === 'end-to-end' || kind === 'via') fields.push([name, raw[index + 1] ?? '']);
  }
  return fields;
}

/** The same as lines to write to a socket. */
export function headerLines(raw: readonly string[]): string {
  return endToEndFields(raw)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
}

/** Whether a 101 says that the connection is a WebSocket from now on, and nothing else (RFC 6455 section 4.1). */
export function switchesToWebSocket(raw: readonly string[]): boolean {
  let upgrade: string | undefined;
  for (let index = 0; index < raw.length; index += 2) {
    if (headerKind(raw[index] ?? '') !== 'upgrade') continue;
    if (upgrade !== undefined) return false;
    upgrade = raw[index + 1];
  }
  return upgrade?.toLowerCase() === 'websocket';
}

/** Media types are compared without regard to case (RFC 9110 section 8.3.1). */
function isEventStream(name: string, value: string): boolean {
  if (name.length !== 12 || name.toLowerCase() !== 'content-type') return false;
  return /^text\/event-stream\s*(?:;|$)/i.test(value);
}

function isDisposition(name: string): boolean {
  return name.length === 19 && name.toLowerCase() === 'content-disposition';
}
