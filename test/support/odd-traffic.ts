import { type Random, randomBelow } from '../../src/core/random.js';
import { head } from './raw-http.js';

// Traffic that hardly anybody sends: legal and illegal, in all combinations that chance makes. It is no matter what
// comes of a single exchange, only that the gateway outlives it.

/** What Node joins, refuses or treats by itself, and what means something to an intermediary. */
const FIELDS = [
  ...[
    'Date: x',
    'Etag: "a"',
    'Age: 1',
    'Expires: 0',
    'Last-Modified: a',
    'Content-Type: a/b',
    'Content-Range: a',
  ],
  ...[
    'Content-Location: a',
    'Content-MD5: a',
    'Max-Forwards: 1',
    'Authorization: a',
    'From: a',
    'Referer: a',
  ],
  ...[
    'User-Agent: a',
    'Host: a',
    'Server: a',
    'Via: 1.0 x',
    'Retry-After: 1',
    'Set-Cookie: a=1',
    'Alt-Svc: h3',
  ],
  ...[
    'Trailer: X-T',
    'trailer: Date, X',
    'Connection: close',
    'Connection: X-T, Trailer',
    'Keep-Alive: timeout=1',
  ],
  ...[
    'Proxy-Connection: keep-alive',
    'Upgrade: h2c',
    'TE: trailers',
    'HTTP2-Settings: AAA',
    'Expect: 100-continue',
  ],
  ...[
    'Location: \xe9\xff',
    'X-Obs: \x80\xff',
    'X-Tab: a\tb',
    'X-Empty:',
    "!#$%&'*+-.^_`|~: odd",
    ':status: 200',
  ],
  ...['x-trace-id: 1', 'grpc-status: 0', 'Sec-WebSocket-Accept: x', 'Access-Control-Allow-Credentials: true'],
  ...['Content-Length: 2', 'Content-Length: 5', 'Transfer-Encoding: chunked', 'Transfer-Encoding: gzip'],
];
const INTERIM = [100, 101, 102, 103, 103, 103, 199];
const STATUSES = [
  200, 200, 200, 204, 205, 206, 304, 401, 404, 500, 101, 0, 99, 100, 299, 599, 600, 777, 999, 1000,
];
const REASONS = ['', 'OK', 'a\tb', '\xe9\x80', 'x'.repeat(300)];
const BODIES = [
  ['Content-Length: 5', 'hello'],
  ['Content-Length: 0', ''],
  ['Content-Length: 50', 'hello'],
  ['Transfer-Encoding: chunked', '5\r\nhello\r\n0\r\n\r\n'],
  ['Transfer-Encoding: chunked', 'ZZZ\r\nhello\r\n'],
  ['Transfer-Encoding: chunked', '5;x\r\nhello\r\n'],
  ['X-None: 1', 'hello'],
] as const;

function pick<T>(random: Random, items: readonly [T, ...T[]] | readonly T[]): T {
  const item = items[randomBelow(random, items.length)];
  if (item === undefined) throw new Error('there is nothing to pick from');
  return item;
}

/** A few fields; now and then one twice. */
function fields(random: Random, most: number): string[] {
  const some = Array.from({ length: randomBelow(random, most + 1) }, () => pick(random, FIELDS));
  return random() < 0.5 ? some : [...some, ...some.slice(0, 2)];
}

/** Whole or in two pieces, and whether the connection ends then. */
export interface OddResponse {
  readonly pieces: readonly string[];
  readonly closes: boolean;
}

export function oddResponse(random: Random): OddResponse {
  let text = '';
  while (random() < 0.25) text += head(`HTTP/1.1 ${pick(random, INTERIM)} `, ...fields(random, 4));
  const [framing, body] = pick(random, BODIES);
  const startLine = `HTTP/1.${pick(random, [0, 1, 1])} ${pick(random, STATUSES)} ${pick(random, REASONS)}`;
  text += head(startLine, ...fields(random, 6), framing);
  const trailers = body.endsWith('0\r\n\r\n') && random() < 0.5;
  text += trailers ? `${body.slice(0, -2)}${head(...fields(random, 4))}` : body;
  const cut = random() < 0.3 ? randomBelow(random, text.length) : 0;
  return { pieces: cut === 0 ? [text] : [text.slice(0, cut), text.slice(cut)], closes: random() < 0.4 };
}

const UPGRADE = [
  'Connection: Upgrade',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version: 13',
] as const;
const WAYS = [
  ['GET', []],
  ['HEAD', []],
  ['GET', ['TE: trailers', 'Connection: TE']],
  ['HEAD', ['TE: trailers', 'Connection: TE']],
  ['GET', [...UPGRADE, 'Upgrade: websocket']],
  ['GET', [...UPGRADE, 'Upgrade: websocket', 'TE: trailers']],
  ['GET', [...UPGRADE, 'Upgrade: h2c']],
  ['GET', ['Expect: miracles']],
  ['POST', ['Transfer-Encoding: identity']],
  ['GET', ['Content-Length: 1', 'Content-Length: 2']],
] as const;

/** Requests of HTTP/1.x for one connection, to be sent one after another without waiting. */
export function oddRequests(random: Random): string[] {
  return Array.from({ length: 1 + randomBelow(random, 3) }, () => {
    if (random() < 0.05) return '\x16\x03\x01';
    const [method, more] = pick(random, WAYS);
    const path = pick(random, ['/x', '/x?y#z', '/%2f', '//..//a']);
    return head(`${method} ${path} HTTP/1.${pick(random, [0, 1, 1, 1])}`, 'Host: a', ...more);
  });
}

/** Fields of one request of HTTP/2. */
export function oddStream(random: Random): Record<string, string> {
  const method = pick(random, ['GET', 'HEAD', 'POST']);
  return { ':path': '/x', ':method': method, ...(random() < 0.5 && { te: 'trailers' }) };
}
