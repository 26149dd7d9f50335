import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ClientConnection } from '../../src/proxy/client-connection.js';
import { type ForwardedRequest, forwardedHeaders, readRequestHead } from '../../src/proxy/request-headers.js';

type Fields = readonly (readonly [name: string, value: string])[];

/** As Node's parser gives a head. */
function raw(...fields: Fields): string[] {
  return fields.flat();
}

const PEER: ClientConnection = {
  peer: '203.0.113.9',
  peerNode: '203.0.113.9',
  trusted: false,
  protocol: 'http',
  localPort: '8080',
};
const PROXY: ClientConnection = { ...PEER, peer: '10.0.0.1', peerNode: '10.0.0.1', trusted: true };

/** What the endpoint is sent of a request for `a.example` with these fields. */
function forwarded(
  fields: Fields,
  connection: ClientConnection = PEER,
  overrides: Partial<ForwardedRequest> = {},
): [string, string][] {
  const list = raw(['Host', 'a.example'], ...fields);
  const flat = forwardedHeaders({
    raw: list,
    head: readRequestHead(list),
    connection,
    host: 'a.example',
    hostSent: 'a.example',
    traceparent: '00-trace-span-01',
    keepTraceState: true,
    httpVersion: '1.1',
    keepLength: true,
    ...overrides,
  });
  return Array.from({ length: flat.length / 2 }, (_, index) => [
    flat[2 * index] ?? '',
    flat[2 * index + 1] ?? '',
  ]);
}

/** The values of one field, in order. */
function valuesOf(fields: Fields, name: string): string[] {
  return fields.filter(([field]) => field.toLowerCase() === name).map(([, value]) => value);
}

const OUR_OWN = [
  ['X-Forwarded-For', '203.0.113.9'],
  ['X-Forwarded-Proto', 'http'],
  ['X-Forwarded-Host', 'a.example'],
  ['X-Forwarded-Port', '8080'],
  ['Forwarded', 'for=203.0.113.9;host=a.example;proto=http'],
  ['Via', '1.1 watchgate'],
  ['traceparent', '00-trace-span-01'],
] as const;

describe('the endpoint is sent', () => {
  test('Host first, then the fields of the client as they came, then what the gateway says', () => {
    const own: Fields = [
      ['accept', '*/*'],
      ['X-Dup', '1'],
      ['COOKIE', 'a=1'],
      ['x-dup', '2'],
      ['x-trace-id', 'mine'],
      ['X-Empty', ''],
    ];
    assert.deepEqual(forwarded(own), [['Host', 'a.example'], ...own, ...OUR_OWN]);
  });

  test('no hop-by-hop field', () => {
    const hopByHop: Fields = [
      ['Connection', 'keep-alive'],
      ['Keep-Alive', 'timeout=5'],
      ['Proxy-Connection', 'keep-alive'],
      ['Proxy-Authorization', 'Basic c2VjcmV0'],
      ['Proxy-Authenticate', 'Basic'],
      ['HTTP2-Settings', 'AAMAAABk'],
      ['Upgrade', 'h2c'],
      ['Transfer-Encoding', 'chunked'],
      ['TE', 'gzip'],
      ['Trailer', 'X-Sum'],
      ['Expect', '100-continue'],
    ];
    assert.deepEqual(forwarded(hopByHop), [['Host', 'a.example'], ...OUR_OWN]);
  });

  test('no field that Connection names, wherever it stands', () => {
    const fields = forwarded([
      ['X-Before', '1'],
      ['Connection', 'x-before, X-AFTER'],
      ['X-After', '2'],
      ['X-Kept', '3'],
    ]);
    assert.deepEqual(fields, [['Host', 'a.example'], ['X-Kept', '3'], ...OUR_OWN]);
  });

  test('all that the gateway says, even if Connection names it', () => {
    const names = 'Host, Via, X-Forwarded-For, X-Forwarded-Proto, Forwarded, traceparent, Content-Length';
    const fields = forwarded([
      ['Connection', names],
      ['Content-Length', '5'],
    ]);
    assert.deepEqual(fields, [['Host', 'a.example'], ['Content-Length', '5'], ...OUR_OWN]);
  });

  test('TE: trailers alone, when the client takes trailers', () => {
    const fields = forwarded([
      ['TE', 'gzip, trailers;q=0.5'],
      ['Connection', 'TE'],
    ]);
    assert.deepEqual(valuesOf(fields, 'te'), ['trailers']);
  });

  test('the length of a body, and none where there is no body', () => {
    assert.deepEqual(valuesOf(forwarded([['Content-Length', '5']]), 'content-length'), ['5']);
    const bodiless = forwarded([['Content-Length', '0']], PEER, { keepLength: false });
    assert.deepEqual(valuesOf(bodiless, 'content-length'), []);
  });

  test('tracestate only while the trace of the client goes on', () => {
    const state: Fields = [['tracestate', 'vendor=1']];
    assert.deepEqual(valuesOf(forwarded(state), 'tracestate'), ['vendor=1']);
    assert.deepEqual(valuesOf(forwarded(state, PEER, { keepTraceState: false }), 'tracestate'), []);
  });

  test('one traceparent, our own', () => {
    assert.deepEqual(valuesOf(forwarded([['traceparent', '00-x-y-01']]), 'traceparent'), [
      '00-trace-span-01',
    ]);
  });

  test('the Host that the route says, and the one that the client asked for in X-Forwarded-Host', () => {
    const fields = forwarded([], PEER, { hostSent: 'goods.internal' });
    assert.deepEqual(valuesOf(fields, 'host'), ['goods.internal']);
    assert.deepEqual(valuesOf(fields, 'x-forwarded-host'), ['a.example']);
  });

  test('our Via after those of others, with the version that the client spoke', () => {
    assert.deepEqual(valuesOf(forwarded([['Via', '1.1 edge']]), 'via'), ['1.1 edge', '1.1 watchgate']);
    assert.deepEqual(valuesOf(forwarded([], PEER, { httpVersion: '1.0' }), 'via'), ['1.0 watchgate']);
  });

  test('a Forwarded whose values are quoted where they are no tokens (RFC 7239 section 4)', () => {
    const own = forwarded(
      [],
      { ...PEER, peer: '2001:db8::9', peerNode: '"[2001:db8::9]"', protocol: 'https' },
      { host: 'a.example:8443' },
    );
    assert.deepEqual(valuesOf(own, 'forwarded'), ['for="[2001:db8::9]";host="a.example:8443";proto=https']);
  });
});

const CLAIMS: Fields = [
  ['X-Forwarded-For', '198.51.100.1'],
  ['X-Forwarded-For', '10.0.0.2'],
  ['X-Forwarded-Proto', 'https'],
  ['X-Forwarded-Host', 'shop.example'],
  ['X-Forwarded-Port', '443'],
  ['Forwarded', 'for=198.51.100.1'],
  ['Forwarded', 'for=10.0.0.2'],
];

describe('what a peer says about the client', () => {
  test('is thrown away when the peer is not trusted', () => {
    assert.deepEqual(forwarded(CLAIMS), [['Host', 'a.example'], ...OUR_OWN]);
  });

  test('is kept and added to when it is', () => {
    assert.deepEqual(forwarded(CLAIMS, PROXY), [
      ['Host', 'a.example'],
      ['X-Forwarded-For', '198.51.100.1, 10.0.0.2, 10.0.0.1'],
      ['X-Forwarded-Proto', 'https'],
      ['X-Forwarded-Host', 'shop.example'],
      ['X-Forwarded-Port', '443'],
      ['Forwarded', 'for=198.51.100.1, for=10.0.0.2, for=10.0.0.1;host=a.example;proto=http'],
      ['Via', '1.1 watchgate'],
      ['traceparent', '00-trace-span-01'],
    ]);
  });

  test('is made up for by our own view where a trusted peer says nothing', () => {
    const fields = forwarded([], PROXY);
    assert.deepEqual(valuesOf(fields, 'x-forwarded-for'), ['10.0.0.1']);
    assert.deepEqual(valuesOf(fields, 'x-forwarded-host'), ['a.example']);
    assert.deepEqual(valuesOf(fields, 'x-forwarded-port'), ['8080']);
  });
});
