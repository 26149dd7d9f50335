import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { requestHead } from '../../src/upstream/request-head.js';

interface Given {
  readonly method?: string;
  readonly target?: string;
  readonly headers?: readonly string[];
  readonly body?: Readable;
}

function written({ method = 'GET', target = '/', headers = ['Host', 'a'], body }: Given) {
  return requestHead({ method, target, headers, body, websocket: false });
}

const body = Readable.from([]);

describe('the head of a request (RFC 9112 section 3)', () => {
  test('has the fields as they are given, in their order, letter case and number', () => {
    const headers = ['Host', 'a', 'X-A', '1', 'x-a', '2', 'X-Empty', '', 'X-Bytes', '\x80\xff'];
    assert.equal(
      written({ method: 'OPTIONS', target: '/a?b=%20c', headers })?.head,
      'OPTIONS /a?b=%20c HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nx-a: 2\r\nX-Empty: \r\nX-Bytes: \x80\xff\r\n\r\n',
    );
  });

  type Framed = readonly [given: Given, added: string, length: number | undefined];
  const framed: Readonly<Record<string, Framed>> = {
    'nothing of content where none is expected': [{ method: 'GET' }, '', 0],
    'nothing of content after DELETE': [{ method: 'DELETE' }, '', 0],
    'that POST has none': [{ method: 'POST' }, 'Content-Length: 0\r\n', 0],
    'that PUT has none': [{ method: 'PUT' }, 'Content-Length: 0\r\n', 0],
    'that PATCH has none': [{ method: 'PATCH' }, 'Content-Length: 0\r\n', 0],
    'only once that POST has none': [{ method: 'POST', headers: ['content-length', '0'] }, '', 0],
    'the length given': [{ method: 'POST', headers: ['Content-Length', '5'], body }, '', 5],
    'the length given with GET': [{ method: 'GET', headers: ['CONTENT-LENGTH', '5'], body }, '', 5],
    'chunks without a length': [{ method: 'POST', body }, 'Transfer-Encoding: chunked\r\n', undefined],
    'chunks with GET': [{ method: 'GET', body }, 'Transfer-Encoding: chunked\r\n', undefined],
  };
  for (const [what, [given, added, length]] of Object.entries(framed)) {
    test(`says ${what}`, () => {
      const { method = '', headers = ['Host', 'a'] } = given;
      const framing = written(given);
      const line = `${headers[0]}: ${headers[1]}\r\n`;
      assert.equal(framing?.head, `${method} / HTTP/1.1\r\n${line}${added}\r\n`);
      assert.equal(framing?.length, length);
    });
  }

  const refused: Readonly<Record<string, Given>> = {
    'a target with a space': { target: '/a b' },
    'a target with a line end': { target: '/a\r\nX: y' },
    'a target with a bare LF': { target: '/a\nX: y' },
    'a target with a tab': { target: '/a\tb' },
    'a target with a NUL': { target: '/a\0b' },
    'a target with a DEL': { target: '/a\x7f' },
    'a target with a letter that would be cut to a line feed': { target: '/a\u010ab' },
    'a method of two words': { method: 'GET /x' },
    'a method with a line end': { method: 'GET\r\nX:' },
    'a value with a line end': { headers: ['Host', 'a\r\nX: y'] },
    'a value with a bare LF': { headers: ['Host', 'a\nX: y'] },
    'a value with the end of the head': { headers: ['Host', 'a\r\n\r\nGET / HTTP/1.1'] },
    'a value with a letter that would be cut to a line feed': { headers: ['Host', 'a\u010aX: y'] },
    'a name with a line end': { headers: ['Host: a\r\nX', 'y'] },
    'a name with a letter that would be cut to a line feed': { headers: ['Host: a\u010aX', 'y'] },
    'two lengths': { headers: ['Content-Length', '5', 'content-length', '6'], body },
    'one length twice': { headers: ['Content-Length', '5', 'Content-Length', '5'], body },
    'a length without content': { headers: ['Content-Length', '5'] },
    'a length that is none, without content': { headers: ['Content-Length', 'x'] },
  };
  for (const [what, given] of Object.entries(refused)) {
    test(`is refused with ${what}`, () => assert.equal(written(given), undefined));
  }
});
