import type { OutgoingHttpHeaders } from 'node:http2';

/** Mean nothing in HTTP/2 (RFC 9113 section 8.2.2). Node refuses them; a client is sent away with GOAWAY. */
const OF_CONNECTION = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
]);

/** Those of one value that Node refuses to repeat, which HTTP/1.1 lets pass. The first counts. */
const SINGLE = new Set([
  'access-control-allow-credentials',
  'access-control-max-age',
  'access-control-request-method',
  'age',
  'authorization',
  'content-length',
  'content-location',
  'content-md5',
  'content-range',
  'content-type',
  'date',
  'dnt',
  'etag',
  'expires',
  'from',
  'host',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'last-modified',
  'location',
  'max-forwards',
  'proxy-authorization',
  'range',
  'referer',
  'retry-after',
  'tk',
  'upgrade-insecure-requests',
  'user-agent',
  'x-content-type-options',
]);

/** Lists that Node takes for single values; on one line they are the same (RFC 9110 section 5.3). */
const ON_ONE_LINE = new Set(['content-encoding', 'content-language']);

/**
 * A flat list as the object that Node wants, without what it would throw for. `pseudo`: the fields of HTTP/2's own.
 * Without a prototype, because `constructor` is a name like any other.
 */
export function fieldsOf(flat: readonly string[], pseudo: OutgoingHttpHeaders = {}): OutgoingHttpHeaders {
  const into: OutgoingHttpHeaders = Object.assign(Object.create(null), pseudo);
  for (let index = 0; index < flat.length; index += 2) {
    const name = (flat[index] ?? '').toLowerCase();
    const value = flat[index + 1] ?? '';
    if (OF_CONNECTION.has(name) || (name === 'te' && value !== 'trailers')) continue;
    const before = into[name];
    if (before === undefined) into[name] = value;
    else if (Array.isArray(before)) before.push(value);
    else if (ON_ONE_LINE.has(name)) into[name] = `${before}, ${value}`;
    else if (!SINGLE.has(name)) into[name] = [String(before), value];
  }
  return into;
}
