import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Framing, framingOf } from '../../src/upstream/response-framing.js';
import { BadResponse, parseResponseHead } from '../../src/upstream/response-head.js';
import { head } from '../support/raw-http.js';

/** Framing of a response with these fields; a status line before them stands for another than `HTTP/1.1 200`. */
function framing(lines: readonly string[], method = 'GET'): Framing {
  const [first = ''] = lines;
  const given = first.startsWith('HTTP/') ? lines : ['HTTP/1.1 200 OK', ...lines];
  return framingOf(parseResponseHead(head(...given)), method);
}

describe('where a body ends (RFC 9112 section 6.3)', () => {
  type Case = readonly [method: string, lines: readonly string[], kind: Framing['kind'], length: number];
  const CHUNKED = 'Transfer-Encoding: chunked';
  const cases: Readonly<Record<string, Case>> = {
    'at its length': ['GET', ['Content-Length: 5'], 'length', 5],
    'at a length in another letter case': ['GET', ['cOnTeNt-LeNgTh:5'], 'length', 5],
    'at a length with zeros before it': ['GET', ['Content-Length: 0005'], 'length', 5],
    'at a length near the greatest': [
      'GET',
      ['Content-Length: 999999999999999'],
      'length',
      999_999_999_999_999,
    ],
    'at once, when the length is 0': ['GET', ['Content-Length: 0'], 'none', 0],
    'with the last chunk': ['GET', [CHUNKED], 'chunked', 0],
    'with the last chunk, in another letter case': ['GET', ['transfer-encoding:CHUNKED'], 'chunked', 0],
    'with the connection': ['GET', [], 'until-close', 0],
    'with the connection, in HTTP/1.0': [
      'GET',
      ['HTTP/1.0 200 OK', 'Connection: keep-alive'],
      'until-close',
      0,
    ],
    'before it begins, after HEAD': ['HEAD', ['Content-Length: 5'], 'none', 0],
    'before it begins, after HEAD with chunks': ['HEAD', [CHUNKED], 'none', 0],
    'before it begins, after HEAD without either': ['HEAD', [], 'none', 0],
    'before it begins, in a 204': ['GET', ['HTTP/1.1 204 No Content', 'Content-Length: 5'], 'none', 0],
    'before it begins, in a 204 without a length': ['GET', ['HTTP/1.1 204 No Content'], 'none', 0],
    'before it begins, in a 304': ['GET', ['HTTP/1.1 304 Not Modified', 'Content-Length: 5'], 'none', 0],
    'before it begins, in a 304 with chunks': ['GET', ['HTTP/1.1 304 Not Modified', CHUNKED], 'none', 0],
    'at its length, in a 205': ['GET', ['HTTP/1.1 205 Reset Content', 'Content-Length: 5'], 'length', 5],
    'at its length, when methods only look alike': ['head', ['Content-Length: 5'], 'length', 5],
  };
  for (const [what, [method, lines, kind, length]] of Object.entries(cases)) {
    test(what, () => {
      const found = framing(lines, method);
      assert.equal(found.kind, kind);
      assert.equal(found.length, length);
    });
  }

  const refused: Readonly<Record<string, readonly string[]>> = {
    'two lengths': ['Content-Length: 5', 'Content-Length: 6'],
    'one length twice': ['Content-Length: 5', 'Content-Length: 5'],
    'one length twice in a list': ['Content-Length: 5, 5'],
    'a length of nothing': ['Content-Length:'],
    'a negative length': ['Content-Length: -5'],
    'a length with a sign': ['Content-Length: +5'],
    'a length in hexadecimal': ['Content-Length: 0x5'],
    'a length with an exponent': ['Content-Length: 1e3'],
    'a length with a fraction': ['Content-Length: 5.0'],
    'a length with a space within': ['Content-Length: 5 5'],
    'a length that no number holds': ['Content-Length: 9999999999999999'],
    'a length that would wrap around': ['Content-Length: 18446744073709551617'],
    'a length in other digits': ['Content-Length: \xb2'],
    'a length beside chunks': ['Content-Length: 5', CHUNKED],
    'chunks beside a length': [CHUNKED, 'Content-Length: 5'],
    'chunks beside a length of 0': [CHUNKED, 'Content-Length: 0'],
    'chunks twice': [CHUNKED, CHUNKED],
    'chunks twice in a list': ['Transfer-Encoding: chunked, chunked'],
    'a coding around chunks': ['Transfer-Encoding: gzip, chunked'],
    'chunks within a coding': ['Transfer-Encoding: chunked, gzip'],
    'another coding': ['Transfer-Encoding: gzip'],
    'a coding that codes nothing': ['Transfer-Encoding: identity'],
    'an empty coding': ['Transfer-Encoding:'],
    'a coding that looks like chunked': ['Transfer-Encoding: xchunked'],
    'a coding with a parameter': ['Transfer-Encoding: chunked;q=1'],
    'a coding behind a space that is none': ['Transfer-Encoding: \xa0chunked'],
    'chunks in HTTP/1.0': ['HTTP/1.0 200 OK', CHUNKED],
  };
  for (const [what, lines] of Object.entries(refused)) {
    test(`refused: ${what}`, () => {
      assert.throws(() => framing(lines), BadResponse);
      assert.throws(() => framing(lines, 'HEAD'), BadResponse, 'after HEAD too, whose connection goes on');
    });
  }
});

describe('whether the connection goes on (RFC 9112 section 9.3)', () => {
  const LENGTH = 'Content-Length: 5';
  const cases: Readonly<Record<string, readonly [lines: readonly string[], goesOn: boolean]>> = {
    'it does in HTTP/1.1': [[LENGTH], true],
    'not when it is said to close': [[LENGTH, 'Connection: close'], false],
    'not when that is said in other letters': [[LENGTH, 'connection: Close'], false],
    'not when that is one of a list': [[LENGTH, 'Connection: x-a ,\tclose , x-b'], false],
    'not when that is said in a second line': [[LENGTH, 'Connection: x-a', 'Connection: close'], false],
    'not when both are said': [[LENGTH, 'Connection: close', 'Connection: keep-alive'], false],
    'not when both are said, the other way round': [[LENGTH, 'Connection: keep-alive, close'], false],
    'it does when only part of a word says close': [[LENGTH, 'Connection: closed, enclose'], true],
    'it does not in HTTP/1.0': [['HTTP/1.0 200 OK', LENGTH], false],
    'it does in HTTP/1.0 when that is said': [['HTTP/1.0 200 OK', LENGTH, 'Connection: Keep-Alive'], true],
    'not in HTTP/1.0 when that is said of a proxy': [
      ['HTTP/1.0 200 OK', LENGTH, 'Proxy-Connection: keep-alive'],
      false,
    ],
    'not after a body that ends with it': [['Connection: keep-alive'], false],
    'not after a 204 that announces content': [['HTTP/1.1 204 No Content', LENGTH], false],
    'not after a 204 that announces chunks': [
      ['HTTP/1.1 204 No Content', 'Transfer-Encoding: chunked'],
      false,
    ],
    'it does after a 204 that announces none': [['HTTP/1.1 204 No Content', 'Content-Length: 0'], true],
    'it does after a 304, whose length is that of another answer': [
      ['HTTP/1.1 304 Not Modified', LENGTH],
      true,
    ],
  };
  for (const [what, [lines, goesOn]] of Object.entries(cases)) {
    test(what, () => assert.equal(framing(lines).persistent, goesOn));
  }

  const hints: Readonly<Record<string, number | undefined>> = {
    'timeout=5': 5,
    'TIMEOUT=5': 5,
    'timeout=5, max=100': 5,
    'max=100, timeout=5': 5,
    'max=100,timeout=5': 5,
    'timeout=0': 0,
    'timeout=-1': undefined,
    'timeout=5x': undefined,
    'timeout=99999999999999999999': undefined,
    'xtimeout=5': undefined,
    timeout: undefined,
    '': undefined,
  };
  for (const [hint, seconds] of Object.entries(hints)) {
    test(`Keep-Alive: ${JSON.stringify(hint)} is ${seconds === undefined ? 'no hint' : `${seconds} s`}`, () => {
      assert.equal(framing([LENGTH, `Keep-Alive: ${hint}`]).keepsFor, seconds);
    });
  }
});
