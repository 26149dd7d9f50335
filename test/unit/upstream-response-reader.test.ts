import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BadResponse } from '../../src/upstream/response-head.js';
import { ResponseReader, type ResponseSink } from '../../src/upstream/response-reader.js';
import { chunked, head, ok } from '../support/raw-http.js';
import { cut, type ReadBackOptions, readBack } from '../support/read-back.js';

const NOTHING: ResponseSink = {
  onInformation: () => undefined,
  onHead: () => undefined,
  onContent: () => undefined,
  onComplete: () => undefined,
};

/** What is said of each response. */
interface Expected {
  readonly status: number;
  readonly content: string;
  readonly keepsForMs: number;
  readonly interim?: readonly number[];
  readonly trailers?: readonly string[];
}

const KEPT = Number.POSITIVE_INFINITY;
const CHUNKED = 'Transfer-Encoding: chunked';
const HINTS = head('HTTP/1.1 103 Early Hints', 'Link: </a.css>');
const CONTINUE = head('HTTP/1.1 100 Continue');

const responses: Readonly<
  Record<string, readonly [text: string, expected: Expected, options?: ReadBackOptions]>
> = {
  'with a length': [ok('hello'), { status: 200, content: 'hello', keepsForMs: KEPT }],
  'with a length of 0': [ok(''), { status: 200, content: '', keepsForMs: KEPT }],
  'in chunks': [
    head('HTTP/1.1 200 OK', CHUNKED) + chunked(['hel', 'lo'], ['X: y']),
    { status: 200, content: 'hello', keepsForMs: KEPT, trailers: ['X', 'y'] },
  ],
  'up to the end of the connection': [
    `${head('HTTP/1.1 200 OK')}hello\r\n\r\nHTTP/1.1 200 OK\r\n\r\n`,
    { status: 200, content: 'hello\r\n\r\nHTTP/1.1 200 OK\r\n\r\n', keepsForMs: 0 },
    { ended: true },
  ],
  'of HTTP/1.0': [
    `${head('HTTP/1.0 200 OK', 'Content-Length: 5')}hello`,
    { status: 200, content: 'hello', keepsForMs: 0 },
  ],
  'after interim ones': [
    CONTINUE + HINTS + CONTINUE + ok('hello'),
    { status: 200, content: 'hello', keepsForMs: KEPT, interim: [100, 103, 100] },
  ],
  'with a hint of how long the connection is kept': [
    ok('hello', 'Keep-Alive: timeout=5'),
    { status: 200, content: 'hello', keepsForMs: 5000 },
  ],
  'that closes': [ok('hello', 'Connection: close'), { status: 200, content: 'hello', keepsForMs: 0 }],
  'to HEAD': [
    head('HTTP/1.1 200 OK', 'Content-Length: 5'),
    { status: 200, content: '', keepsForMs: KEPT },
    { method: 'HEAD' },
  ],
  'without content': [
    head('HTTP/1.1 304 Not Modified', 'Content-Length: 5'),
    { status: 304, content: '', keepsForMs: KEPT },
  ],
};

describe('a response', () => {
  for (const [what, [text, expected, options]] of Object.entries(responses)) {
    test(`${what} reads the same wherever it is cut`, () => {
      const whole = readBack(cut(text), options);
      const { interim, status, content, trailers, keepsForMs } = whole;
      assert.equal(whole.verdict, 'complete');
      assert.deepEqual(
        { interim: interim.map(([code]) => code), status, content, trailers, keepsForMs },
        { interim: [], trailers: [], ...expected },
      );
      for (let place = 0; place <= text.length; place += 1)
        assert.deepEqual(readBack(cut(text, place), options), whole, `cut at ${place}`);
      const everywhere = Array.from({ length: text.length }, (_, index) => index);
      assert.deepEqual(readBack(cut(text, ...everywhere), options), whole, 'byte by byte');
    });

    test(`${what} is never taken for complete before its last byte`, () => {
      if (options?.ended === true) return;
      for (let length = 0; length < text.length; length += 1) {
        const part = readBack(cut(text.slice(0, length)), { ...options, ended: true });
        assert.equal(part.verdict, 'incomplete', `after ${length} bytes`);
      }
    });
  }

  test('never gives more content than was announced', () => {
    const { verdict, content, keepsForMs } = readBack(cut(`${ok('hello')} and more`));
    assert.deepEqual([verdict, content, keepsForMs], ['refused', 'hello', 0]);
  });

  test('with bytes behind it in the same piece leaves a connection that cannot be used again', () => {
    const withoutContent = head('HTTP/1.1 204 No Content');
    for (const text of [
      ok('hello'),
      ok(''),
      withoutContent,
      head('HTTP/1.1 200 OK', CHUNKED) + chunked(['a']),
    ])
      assert.equal(readBack(cut(`${text}x`)).keepsForMs, 0, text);
  });

  test('in an endless line, or in endless lines, is refused at the bound and not held', () => {
    for (const text of [`HTTP/1.1 200 ${'a'.repeat(2000)}`, `HTTP/1.1 200 OK\r\n${'A: b\r\n'.repeat(400)}`]) {
      const tens = Array.from({ length: 100 }, (_, index) => index * 10);
      assert.equal(readBack(cut(text), { maxHead: 1000 }).verdict, 'refused');
      assert.equal(readBack(cut(text, ...tens), { maxHead: 1000 }).verdict, 'refused');
      assert.equal(readBack(cut(text.slice(0, 1000)), { maxHead: 1000 }).verdict, 'incomplete');
      assert.equal(readBack(cut(text.slice(0, 1001)), { maxHead: 1000 }).verdict, 'refused');
    }
  });

  test('may have a head of the bound, and not of a byte more', () => {
    const text = head('HTTP/1.1 200 OK', 'Content-Length: 2');
    const exact = { maxHead: text.length };
    const less = { maxHead: text.length - 1 };
    for (let place = 0; place <= text.length; place += 1) {
      assert.equal(readBack(cut(`${text}ok`, place), exact).verdict, 'complete', `cut at ${place}`);
      assert.equal(readBack(cut(`${text}ok`, place), less).verdict, 'refused', `cut at ${place}`);
    }
  });

  test('may be announced by interim ones as long as they are no larger than a head together', () => {
    const maxHead = HINTS.length * 10;
    assert.equal(readBack(cut(HINTS.repeat(10) + ok()), { maxHead }).verdict, 'complete');
    const flood = readBack(cut(HINTS.repeat(11)), { maxHead });
    assert.deepEqual([flood.verdict, flood.interim.length], ['refused', 10]);
  });

  test('with content where an interim one has none is refused', () => {
    const text = `${head('HTTP/1.1 103 Early Hints', 'Content-Length: 5')}hello${ok()}`;
    assert.equal(readBack(cut(text)).verdict, 'refused');
  });
});

describe('the reader of a connection', () => {
  test('refuses bytes that nobody asked for', () => {
    const reader = new ResponseReader(NOTHING, 1024);
    assert.throws(() => reader.read(Buffer.from(ok()), ok().length), BadResponse);
    reader.expect('GET');
    reader.read(Buffer.from(ok()), ok().length);
    assert.throws(
      () => reader.read(Buffer.from('\r\n'), 2),
      BadResponse,
      'an empty line after a response too',
    );
  });

  test('reads only the bytes of the piece, and not what stands behind it in the buffer', () => {
    let content = '';
    const buffer = Buffer.from(`${ok('hello')} left from before`);
    const onContent = (from: number, to: number): void => {
      content += buffer.toString('latin1', from, to);
    };
    const reader = new ResponseReader({ ...NOTHING, onContent }, 1024);
    reader.expect('GET');
    reader.read(buffer, ok('hello').length - 2);
    assert.equal(content, 'hel');
  });

  test('reads one response after another', () => {
    const said: string[] = [];
    const reader = new ResponseReader(
      {
        ...NOTHING,
        onHead: ({ status }) => said.push(`head ${status}`),
        onComplete: (trailers) => said.push(`end ${trailers.join()}`),
      },
      1024,
    );
    const texts: [method: string, text: string][] = [
      ['GET', head('HTTP/1.1 200 OK', CHUNKED) + chunked(['a'], ['X: y'])],
      ['HEAD', head('HTTP/1.1 201 Created', CHUNKED)],
      ['GET', head('HTTP/1.1 202 Accepted', CHUNKED) + chunked(['b'])],
      ['POST', HINTS.repeat(15) + ok('c')],
      ['POST', HINTS.repeat(15) + ok('d')],
    ];
    for (const [method, text] of texts) {
      reader.expect(method);
      for (const piece of cut(text, 10, 30)) reader.read(piece, piece.length);
    }
    const heads = ['head 200', 'head 201', 'head 202', 'head 200', 'head 200'];
    assert.deepEqual(
      said,
      heads.flatMap((line, index) => [line, index === 0 ? 'end X,y' : 'end ']),
    );
  });

  const order = ['onInformation', 'onHead', 'onContent', 'onComplete'] as const;
  for (const [index, where] of order.slice(0, 3).entries()) {
    test(`goes no further once it is stopped in ${where}`, () => {
      const said: string[] = [];
      const saying = (name: string) => (): void => {
        said.push(name);
        if (name === where) reader.stop();
      };
      const sink = Object.fromEntries(order.map((name) => [name, saying(name)]));
      const reader = new ResponseReader({ ...NOTHING, ...sink }, 1024);
      reader.expect('GET');
      const text = `${HINTS}${head('HTTP/1.1 200 OK', CHUNKED)}${chunked(['a'], ['X: y'])} and more`;
      assert.throws(() => reader.read(Buffer.from(text), text.length), BadResponse);
      assert.deepEqual(said, order.slice(0, index + 1));
      assert.equal(reader.end(), false);
    });
  }

  test('takes the end of the connection for the end of a response only where it is one', () => {
    const ended = (text: string): string => readBack(cut(text), { ended: true }).verdict;
    assert.equal(ended(''), 'incomplete');
    assert.equal(ended('HTTP/1.1 200 OK\r\n'), 'incomplete');
    assert.equal(ended(HINTS), 'incomplete');
    assert.equal(ended(head('HTTP/1.1 200 OK', 'Content-Length: 5')), 'incomplete');
    assert.equal(ended(head('HTTP/1.1 200 OK')), 'complete');
  });
});
