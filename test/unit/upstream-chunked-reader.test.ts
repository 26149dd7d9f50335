import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ChunkedReader } from '../../src/upstream/chunked-reader.js';
import { BadResponse } from '../../src/upstream/response-head.js';
import { cut } from '../support/read-back.js';

const MAX_TRAILERS = 1024;

interface Chunks {
  readonly content: string;
  readonly done: boolean;
  readonly trailers: readonly string[];
  /** Bytes behind the end. */
  readonly rest: string;
}

function read(pieces: readonly Buffer[], maxTrailers = MAX_TRAILERS): Chunks {
  const reader = new ChunkedReader(maxTrailers);
  let content = '';
  let rest = '';
  for (const piece of pieces) {
    const taken = reader.read(piece, 0, piece.length, (from, to) => {
      content += piece.toString('latin1', from, to);
    });
    rest += piece.toString('latin1', taken);
  }
  return { content, done: reader.done, trailers: reader.trailers, rest };
}

function refuses(text: string, maxTrailers = MAX_TRAILERS): void {
  assert.throws(() => read(cut(text), maxTrailers), BadResponse, 'in one piece');
  assert.throws(() => read(cut(text, ...places(text)), maxTrailers), BadResponse, 'byte by byte');
}

function places(text: string): number[] {
  return Array.from({ length: text.length }, (_, index) => index);
}

describe('a chunked body (RFC 9112 section 7.1)', () => {
  const NINES = `1\r\n9\r\n`.repeat(3);
  const bodies: Readonly<Record<string, readonly [text: string, content: string, trailers?: string[]]>> = {
    'of nothing': ['0\r\n\r\n', ''],
    'of one chunk': ['5\r\nhello\r\n0\r\n\r\n', 'hello'],
    'of several': [`${NINES}0\r\n\r\n`, '999'],
    'with sizes in either letter case': [
      `a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n`,
      '0123456789'.repeat(2),
    ],
    'with zeros before a size': ['00000000005\r\nhello\r\n000\r\n\r\n', 'hello'],
    'with extensions': ['5;a=b;c="d e"\r\nhello\r\n0;last\r\n\r\n', 'hello'],
    'with an empty extension': ['5;\r\nhello\r\n0;\r\n\r\n', 'hello'],
    'that holds line ends and chunks': ['a\r\n\r\n0\r\n\r\n5\r\n\r\n0\r\n\r\n', '\r\n0\r\n\r\n5\r\n'],
    'with trailers': ['1\r\na\r\n0\r\nX: y\r\nZ:\r\n\r\n', 'a', ['X', 'y', 'Z', '']],
  };
  for (const [what, [text, content, trailers = []]] of Object.entries(bodies)) {
    test(`${what} is read, wherever it is cut, and what follows is left`, () => {
      const expected = { content, done: true, trailers, rest: 'NEXT' };
      const sent = `${text}NEXT`;
      assert.deepEqual(read(cut(sent)), expected);
      for (const place of places(sent)) assert.deepEqual(read(cut(sent, place)), expected, `cut at ${place}`);
      assert.deepEqual(read(cut(sent, ...places(sent))), expected, 'byte by byte');
    });

    test(`${what} is not complete before its last byte`, () => {
      for (const place of places(text)) assert.equal(read(cut(text.slice(0, place))).done, false, `${place}`);
    });
  }

  const refused: Readonly<Record<string, string>> = {
    'no size': '\r\nhello',
    'a size that is no number': 'x\r\n',
    'a negative size': '-1\r\n',
    'a size with a sign': '+5\r\nhello\r\n',
    'a size with a prefix': '0x5\r\nhello\r\n',
    'a size after a space': ' 5\r\nhello\r\n',
    'a size before a space': '5 \r\nhello\r\n',
    'a size before a space and an extension': '5 ;a\r\nhello\r\n',
    'a size with an underscore': '1_0\r\n',
    'a size that would wrap around': '10000000000000005\r\nhello\r\n',
    'a size of more digits than a number holds': '1000000000000\r\n',
    'endless zeros': '0'.repeat(13),
    'a size ended by a bare LF': '5\nhello\r\n',
    'a size ended by a bare CR': '5\rhello\r\n',
    'a last chunk ended by a bare LF': '0\n\r\n',
    'a chunk longer than its size': '5\r\nhello!\r\n',
    'a chunk shorter than its size': '5\r\nhell\r\n0\r\n\r\n',
    'a chunk ended by a bare LF': '5\r\nhello\n0\r\n\r\n',
    'a chunk ended by a bare CR': '5\r\nhello\r0\r\n\r\n',
    'a bare LF in an extension': '5;a\nb\r\nhello\r\n',
    'a bare CR in an extension': '5;a\rb\r\nhello\r\n',
    'a NUL in an extension': '5;a\0b\r\nhello\r\n',
    'an extension without end': `5;${'a'.repeat(2000)}`,
    'extensions without end': `1;${'a'.repeat(1000)}\r\nx\r\n`.repeat(17),
    'a trailer without a colon': '0\r\nX\r\n\r\n',
    'a folded trailer': '0\r\nX: y\r\n z\r\n\r\n',
    'a trailer with a space before its colon': '0\r\nX : y\r\n\r\n',
    'a trailer ended by a bare LF, without waiting for more': '0\r\nX: y\n',
    'an end with a bare LF, without waiting for more': '0\r\n\n',
    'a bare CR before the end': '0\r\n\r\r\n\r\n',
    'trailers without end': `0\r\n${'X: y\r\n'.repeat(200)}`,
    'a trailer without end': `0\r\nX: ${'y'.repeat(2000)}`,
  };
  for (const [what, text] of Object.entries(refused)) test(`refused: ${what}`, () => refuses(text));

  test('extensions may be as many as chunks, while they are short', () => {
    const { content, done } = read(cut(`${'1;a=b\r\nx\r\n'.repeat(1000)}0\r\n\r\n`));
    assert.deepEqual([content.length, done], [1000, true]);
  });

  test('trailers are bounded to the byte, wherever they are cut', () => {
    const trailers = 'X: y\r\nZ: abc\r\n\r\n';
    const text = `0\r\n${trailers}`;
    assert.equal(read(cut(text), trailers.length).done, true);
    assert.equal(read(cut(text, ...places(text)), trailers.length).done, true);
    refuses(text, trailers.length - 1);
  });

  test('content is handed over as it comes, not when its chunk is complete', () => {
    assert.equal(read(cut('5\r\nhel')).content, 'hel');
  });

  test('the greatest size that is taken is a whole number of bytes', () => {
    const { content, done } = read(cut('ffffffffffff\r\nhello'));
    assert.deepEqual([content, done], ['hello', false]);
  });
});
