import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  BadResponse,
  checkBeginning,
  parseFields,
  parseResponseHead,
} from '../../src/upstream/response-head.js';
import { head } from '../support/raw-http.js';

describe('a status line (RFC 9112 section 4)', () => {
  const read: Readonly<Record<string, readonly [status: number, reason: string, minor: number]>> = {
    'HTTP/1.1 200 OK': [200, 'OK', 1],
    'HTTP/1.0 404 Not Found': [404, 'Not Found', 0],
    'HTTP/1.1 200 ': [200, '', 1],
    'HTTP/1.1 200': [200, '', 1],
    'HTTP/1.1 100 Continue': [100, 'Continue', 1],
    'HTTP/1.1 999 Whatever': [999, 'Whatever', 1],
    'HTTP/1.1 200 a\tb: \x80\xff "c"': [200, 'a\tb: \x80\xff "c"', 1],
    'HTTP/1.1 200  two spaces ': [200, ' two spaces ', 1],
  };
  for (const [line, [status, reason, minor]] of Object.entries(read)) {
    test(`is read: ${JSON.stringify(line)}`, () => {
      assert.deepEqual(parseResponseHead(head(line)), { status, reason, minor, fields: [] });
    });
  }

  const refused = [
    '',
    'HTTP/1.1',
    'HTTP/1.1 ',
    'HTTP/1.1 20',
    'HTTP/1.1 2000 OK',
    'HTTP/1.1 099 Low',
    'HTTP/1.1 000 Zero',
    'HTTP/1.1 -20 OK',
    'HTTP/1.1 2.0 OK',
    'HTTP/1.1 1e2 OK',
    'HTTP/1.1 0x2 OK',
    'HTTP/1.1  200 OK',
    'HTTP/1.1\t200 OK',
    'HTTP/1.1 200\tOK',
    'HTTP/1.1 200OK',
    'HTTP/1.1 \xb2\xb3\xb9 OK',
    'HTTP/0.9 200 OK',
    'HTTP/1.2 200 OK',
    'HTTP/2.0 200 OK',
    'HTTP/1.11 200 OK',
    'HTTP/11 200 OK',
    'http/1.1 200 OK',
    'HTTPS/1.1 200 OK',
    'ICY 200 OK',
    ' HTTP/1.1 200 OK',
    '\r\nHTTP/1.1 200 OK',
    'HTTP/1.1 200 O\0K',
    'HTTP/1.1 200 O\x7fK',
    'HTTP/1.1 200 O\rK',
    'HTTP/1.1 200 O\nK',
    'HTTP/1.1 200 OK\r',
    '\ufeffHTTP/1.1 200 OK',
  ];
  for (const line of refused) {
    test(`is refused: ${JSON.stringify(line)}`, () => {
      assert.throws(() => parseResponseHead(head(line)), BadResponse);
    });
  }
});

describe('a field line (RFC 9112 section 5)', () => {
  const read: Readonly<Record<string, readonly [name: string, value: string]>> = {
    'A: b': ['A', 'b'],
    'A:b': ['A', 'b'],
    'A:': ['A', ''],
    'A: \t ': ['A', ''],
    'A: \t b \t c\t ': ['A', 'b \t c'],
    'A: b:c: d': ['A', 'b:c: d'],
    'A: \x80\xff': ['A', '\x80\xff'],
    "!#$%&'*+-.^_`|~09azAZ: x": ["!#$%&'*+-.^_`|~09azAZ", 'x'],
  };
  for (const [line, field] of Object.entries(read)) {
    test(`is read: ${JSON.stringify(line)}`, () => {
      assert.deepEqual(parseResponseHead(head('HTTP/1.1 200 OK', line)).fields, field);
      assert.deepEqual(parseFields(head(line), 0), field);
    });
  }

  const refused: Readonly<Record<string, string>> = {
    'without a colon': 'A',
    'without a name': ': b',
    'with white space before the colon': 'A : b',
    'with a tab before the colon': 'A\t: b',
    'that begins with a space': ' A: b',
    'that goes on in the next line': 'A: b\r\n c',
    'that goes on behind a tab': 'A: b\r\n\tc',
    'with a name in quotes': '"A": b',
    'with a name of two words': 'A B: c',
    'with a slash in its name': 'A/B: c',
    'with a letter beyond ASCII in its name': 'Ä: b',
    'with a NUL in its name': 'A\0: b',
    'with a NUL in its value': 'A: b\0c',
    'with a bare CR': 'A: b\rc',
    'with a bare CR before another field': 'A: b\rC: d',
    'with a bare LF': 'A: b\nc',
    'ended by a bare LF': 'A: b\nC: d',
    'ended by LF CR': 'A: b\n\rC: d',
    'ended by CR CR LF': 'A: b\r\r\nC: d',
    'with a DEL': 'A: b\x7fc',
    'with an escape': 'A: b\x1b[31m',
    'with a vertical tab': 'A: b\x0bc',
    'made of a CR alone': '\r',
  };
  for (const [what, line] of Object.entries(refused)) {
    test(`${what} is refused`, () => {
      assert.throws(() => parseResponseHead(head('HTTP/1.1 200 OK', line)), BadResponse);
      assert.throws(() => parseResponseHead(head('HTTP/1.1 200 OK', 'X: y', line, 'Z: a')), BadResponse);
      assert.throws(() => parseFields(head(line), 0), BadResponse);
    });
  }

  test('each byte may stand where RFC 9110 lets it stand, and nowhere else', () => {
    for (let code = 0; code <= 0xff; code += 1) {
      const char = String.fromCharCode(code);
      const inName = /[!#$%&'*+.^_`|~0-9A-Za-z-]/.test(char);
      const inValue = char === '\t' || (code >= 0x20 && code !== 0x7f);
      const taken = (line: string): boolean => {
        try {
          return parseFields(head(line), 0).length === 2;
        } catch (error) {
          assert.ok(error instanceof BadResponse);
          return false;
        }
      };
      assert.equal(taken(`a${char}a: b`), inName || char === ':', `name with byte ${code}`);
      assert.equal(taken(`a: b${char}b`), inValue, `value with byte ${code}`);
    }
  });

  test('fields keep their order, their letter case and their doubles', () => {
    const fields = ['Set-Cookie', 'a=1', 'X-A', '', 'set-cookie', 'b=2', 'Set-Cookie', 'a=1'];
    const lines = ['Set-Cookie: a=1', 'X-A:', 'set-cookie: b=2', 'Set-Cookie: a=1'];
    assert.deepEqual(parseResponseHead(head('HTTP/1.1 200 OK', ...lines)).fields, fields);
  });
});

describe('the beginning of a head', () => {
  test('is let wait for its rest while it may become one', () => {
    const whole = head('HTTP/1.1 200 OK', 'A: b', 'C: d');
    for (let length = 0; length < whole.length; length += 1) checkBeginning(whole.slice(0, length), 0);
  });

  test('that is of another protocol is refused at its first wrong byte', () => {
    for (const text of ['S', 'HTTQ', 'HTTP/2', 'http', '\r\n', ' HTTP', '<html>'])
      assert.throws(() => checkBeginning(text, 0), BadResponse, text);
  });

  test('with a bare LF is refused, because an end in CR LF may never come', () => {
    for (const text of [
      'HTTP/1.1 200 OK\n',
      'HTTP/1.1 200 OK\r\nA: b\nC: d',
      'HTTP/1.1 200 OK\r\nA: b\r\n\n',
    ])
      assert.throws(() => checkBeginning(text, 0), BadResponse, JSON.stringify(text));
  });

  test('is not looked through again', () => {
    checkBeginning('HTTP/1.1 200 OK\nA: b', 16);
    assert.throws(() => checkBeginning('HTTP/1.1 200 OK\nA: b', 15), BadResponse);
  });
});
