import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readRequestHead } from '../../src/proxy/request-headers.js';

type Fields = readonly (readonly [name: string, value: string])[];

/** As Node's parser gives a head. */
function raw(...fields: Fields): string[] {
  return fields.flat();
}

describe('the head of a request', () => {
  test('says what the fields that matter hold, whatever their letter case', () => {
    const head = readRequestHead(
      raw(
        ['hOST', 'shop.example:8080'],
        ['TraceParent', '00-a-b-01'],
        ['X-FORWARDED-FOR', '198.51.100.1'],
        ['content-LENGTH', '12'],
        ['te', 'trailers'],
        ['EXPECT', '100-Continue'],
        ['connection', 'Close'],
      ),
    );
    assert.deepEqual(head, {
      host: 'shop.example:8080',
      traceparent: '00-a-b-01',
      tracestate: undefined,
      forwardedFor: '198.51.100.1',
      contentLength: 12,
      chunked: false,
      acceptsTrailers: true,
      expectsContinue: true,
      unknownExpectation: false,
      named: new Set(),
      malformed: undefined,
    });
  });

  test('says nothing when there is nothing', () => {
    const { host, contentLength, chunked, acceptsTrailers, malformed } = readRequestHead([]);
    assert.deepEqual(
      [host, contentLength, chunked, acceptsTrailers, malformed],
      [undefined, undefined, false, false, undefined],
    );
  });

  test('joins the lines of X-Forwarded-For in their order', () => {
    const head = readRequestHead(
      raw(['X-Forwarded-For', '1.1.1.1, 2.2.2.2'], ['x-forwarded-for', '3.3.3.3']),
    );
    assert.equal(head.forwardedFor, '1.1.1.1, 2.2.2.2, 3.3.3.3');
  });

  test('joins the lines of tracestate in their order', () => {
    assert.equal(readRequestHead(raw(['tracestate', 'a=1'], ['TraceState', 'b=2'])).tracestate, 'a=1,b=2');
  });

  test('has no valid trace when traceparent comes twice', () => {
    assert.equal(readRequestHead(raw(['traceparent', 'a'], ['traceparent', 'a'])).traceparent, '');
  });

  const TRAILERS: readonly (readonly [te: string, accepts: boolean])[] = [
    ['trailers', true],
    ['Trailers', true],
    ['gzip, trailers', true],
    ['gzip;q=0.5,trailers', true],
    ['trailers, deflate', true],
    ['gzip', false],
    ['xtrailers', false],
    ['trailers-not', false],
    ['', false],
  ];
  for (const [te, accepts] of TRAILERS) {
    test(`${accepts ? 'takes' : 'does not take'} trailers with TE: ${te}`, () => {
      assert.equal(readRequestHead(raw(['TE', te])).acceptsTrailers, accepts);
    });
  }

  test('expects nothing but 100-continue that could be met', () => {
    const head = readRequestHead(raw(['Expect', '200-maybe']));
    assert.deepEqual([head.expectsContinue, head.unknownExpectation], [false, true]);
  });

  test('names in Connection, over all its lines, what must not be forwarded', () => {
    const head = readRequestHead(raw(['Connection', 'X-One, close'], ['Connection', ' keep-alive ,X-TWO,,']));
    assert.deepEqual([...head.named].sort(), ['x-one', 'x-two']);
  });
});

describe('a head is refused', () => {
  const MALFORMED: Record<string, Fields> = {
    'with two Hosts': [
      ['Host', 'a'],
      ['Host', 'a'],
    ],
    'with user information in Host': [['Host', 'user@a']],
    'with a path in Host': [['Host', 'a/b']],
    'with space in Host': [['Host', 'a b']],
    'with two lengths, even if they agree': [
      ['Content-Length', '5'],
      ['Content-Length', '5'],
    ],
    'with a list of lengths': [['Content-Length', '5, 5']],
    'with a signed length': [['Content-Length', '+5']],
    'with a negative length': [['Content-Length', '-5']],
    'with a hexadecimal length': [['Content-Length', '0x5']],
    'with an empty length': [['Content-Length', '']],
    'with a length beyond what a number can hold': [['Content-Length', '9'.repeat(16)]],
    'with a length beside a transfer coding': [
      ['Content-Length', '5'],
      ['Transfer-Encoding', 'chunked'],
    ],
    'with a transfer coding beside a length': [
      ['Transfer-Encoding', 'chunked'],
      ['Content-Length', '5'],
    ],
    'with a final coding other than chunked': [['Transfer-Encoding', 'gzip']],
    'with a coding before chunked': [['Transfer-Encoding', 'gzip, chunked']],
    'with chunked twice': [
      ['Transfer-Encoding', 'chunked'],
      ['Transfer-Encoding', 'chunked'],
    ],
    'with a coding that only looks like chunked': [['Transfer-Encoding', 'xchunked']],
  };
  for (const [what, fields] of Object.entries(MALFORMED)) {
    test(what, () => assert.notEqual(readRequestHead(raw(...fields)).malformed, undefined));
  }

  test('but not with an authority in any of its forms, or an empty one', () => {
    for (const host of ['a', 'A.example:80', '[2001:db8::1]:8080', '192.0.2.1', 'a_b', '']) {
      assert.equal(readRequestHead(raw(['Host', host])).malformed, undefined, host);
    }
  });
});
