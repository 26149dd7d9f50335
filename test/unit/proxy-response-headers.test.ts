import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endToEndFields, headerLines, responseHead } from '../../src/proxy/response-headers.js';

type Fields = readonly (readonly [name: string, value: string])[];

/** As a head is read: flat. */
function raw(...fields: Fields): string[] {
  return fields.flat();
}

const OUR_OWN = ['Via', '1.1 watchgate', 'x-trace-id', 'trace'];

/** Flat, as it goes to the client, without what the gateway adds to every response. */
function relayed(fields: Fields, status = 200, trailers = false): string[] {
  const { headers } = responseHead(raw(...fields), status, 'trace', trailers);
  assert.deepEqual(headers.slice(-4), OUR_OWN);
  return headers.slice(0, -4);
}

test('end-to-end fields keep order, letter case, duplicates and every byte', () => {
  const fields: Fields = [
    ['Set-Cookie', 'a=1'],
    ['x-LOWER', 'caf\u00e9'],
    ['set-cookie', 'b=2'],
    ['X-Empty', ''],
    ['Content-Length', '5'],
    ['Via', '1.1 inner'],
  ];
  assert.deepEqual(relayed(fields), fields.flat());
});

test('hop-by-hop fields and the framing of the connection stay behind', () => {
  const fields: Fields = [
    ['Connection', 'close'],
    ['Keep-Alive', 'timeout=5'],
    ['Proxy-Connection', 'close'],
    ['Proxy-Authenticate', 'Basic'],
    ['Transfer-Encoding', 'chunked'],
    ['Upgrade', 'h2c'],
    ['TE', 'trailers'],
    ['X-Kept', '1'],
  ];
  assert.deepEqual(relayed(fields), ['X-Kept', '1']);
});

test('so do fields that Connection names, on any of its lines, before it or after', () => {
  const fields: Fields = [
    ['X-Before', '1'],
    ['connection', 'x-before'],
    ['Connection', 'X-AFTER, close'],
    ['x-After', '2'],
    ['X-Kept', '3'],
  ];
  assert.deepEqual(relayed(fields), ['X-Kept', '3']);
});

test('our trace id takes the place of one from the endpoint', () => {
  assert.deepEqual(relayed([['X-Trace-Id', 'theirs']]), []);
});

test('a 204 has no Content-Length, a 304 keeps the one that describes what it stands for', () => {
  assert.deepEqual(relayed([['Content-Length', '5']], 204), []);
  assert.deepEqual(relayed([['Content-Length', '5']], 304), ['Content-Length', '5']);
});

test('Trailer stays only for a client that takes trailers', () => {
  assert.deepEqual(relayed([['Trailer', 'X-Sum']], 200, true), ['Trailer', 'X-Sum']);
  assert.deepEqual(relayed([['Trailer', 'X-Sum']], 200, false), []);
});

test('nor where a length says that none can follow, wherever that stands', () => {
  const length: Fields[number] = ['Content-Length', '5'];
  assert.deepEqual(relayed([['Trailer', 'X-Sum'], length, ['trailer', 'X-B']], 200, true), length);
  assert.deepEqual(relayed([length, ['Trailer', 'X-Sum']], 200, true), length);
});

test('Content-Length goes behind a Content-Disposition, which Node would read in another encoding', () => {
  const name = ['content-disposition', 'attachment; filename="caf\u00e9"'] as const;
  const length = ['Content-Length', '5'] as const;
  assert.deepEqual(relayed([length, name, ['X-A', '1']]), [name, ['X-A', '1'], length].flat());
});

const MEDIA_TYPES: readonly (readonly [type: string, stream: boolean])[] = [
  ['text/event-stream', true],
  ['text/event-stream; charset=utf-8', true],
  ['Text/Event-Stream', true],
  ['text/plain', false],
  ['application/json; note=text/event-stream', false],
];

for (const [type, stream] of MEDIA_TYPES) {
  test(`${type} is ${stream ? 'an' : 'no'} event stream`, () => {
    assert.equal(responseHead(raw(['content-TYPE', type]), 200, 'trace', false).eventStream, stream);
  });
}

test('only Content-Type makes an event stream', () => {
  const head = responseHead(raw(['X-Type', 'text/event-stream']), 200, 'trace', false);
  assert.equal(head.eventStream, false);
});

test('trailers are relayed without anything that is framing or concerns one hop (RFC 9110 section 6.5.1)', () => {
  const trailers = raw(
    ['X-Sum', 'abc'],
    ['Content-Length', '5'],
    ['Transfer-Encoding', 'chunked'],
    ['Host', 'a'],
    ['Trailer', 'X-Sum'],
    ['Connection', 'X-Private'],
    ['X-Private', '1'],
    ['Via', '1.1 inner'],
  );
  assert.deepEqual(endToEndFields(trailers), [
    ['X-Sum', 'abc'],
    ['Via', '1.1 inner'],
  ]);
});

test('as lines they end as HTTP wants it', () => {
  assert.equal(headerLines(raw(['Link', '</a>'], ['X-B', '2'])), 'Link: </a>\r\nX-B: 2\r\n');
  assert.equal(headerLines([]), '');
});
