import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, type TestContext, test } from 'node:test';
import { connectionUnderTest } from '../support/connection-under-test.js';
import { chunked, fieldsOf, head, ok } from '../support/raw-http.js';
import { answering, type RawUpstream, rawUpstream, type Script } from '../support/raw-upstream.js';
import { standstill } from '../support/wire.js';

const MEGABYTE = 1024 ** 2;

async function endpoint(t: TestContext, script?: Script): Promise<RawUpstream> {
  const upstream = await rawUpstream(script);
  t.after(() => upstream.close());
  return upstream;
}

/** A body that stays open behind what is pushed. */
function open(...chunks: readonly string[]): Readable {
  const body = new Readable({ read: () => undefined });
  for (const chunk of chunks) body.push(chunk);
  return body;
}

/** Bytes without end, counted as they are asked for. */
function endless(): { readonly body: Readable; readonly read: () => number } {
  let read = 0;
  const chunk = Buffer.alloc(64 * 1024);
  const body = new Readable({
    read() {
      read += chunk.length;
      this.push(chunk);
    },
  });
  return { body, read: () => read };
}

describe('the content of a request', () => {
  test('goes in chunks, or with the length announced, as it is', async (t) => {
    const upstream = await endpoint(t);
    const { send, said } = connectionUnderTest(t, upstream.port);
    const cases: [headers: string[], framing: string][] = [
      [['Host', 'a'], 'chunked'],
      [['Host', 'a', 'Content-Length', '10'], 'length'],
    ];
    for (const [index, [headers, framing]] of cases.entries()) {
      const body = Readable.from(['hello', '', 'world'].map((text) => Buffer.from(text)));
      send({ method: 'POST', headers, body });
      const request = await upstream.request(index);
      assert.deepEqual([request.framing, request.body.toString()], [framing, 'helloworld']);
      await said('end', index);
    }
    assert.equal(upstream.connections.length, 1);
  });

  test('that is empty is said to be, in either way', async (t) => {
    const upstream = await endpoint(t);
    const { send, said } = connectionUnderTest(t, upstream.port);
    send({ method: 'POST', body: Readable.from([]) });
    await said('end');
    send({ method: 'POST' });
    await said('end', 1);
    const [first, second] = upstream.requests;
    assert.equal(first?.framing, 'chunked');
    assert.deepEqual(second && fieldsOf(second, 'Content-Length'), ['0']);
  });

  const wrong: Readonly<Record<string, readonly [headers: string[], body: () => Readable, sent: string]>> = {
    'shorter than its length': [
      ['Content-Length', '10'],
      () => Readable.from([Buffer.from('hello')]),
      'hello',
    ],
    'longer than its length': [
      ['Content-Length', '5'],
      () => open('hello', 'GET / HTTP/1.1\r\n\r\n'),
      'hello',
    ],
    'longer at once': [['Content-Length', '1'], () => open('hello'), ''],
    'of nothing, with a length': [['Content-Length', '5'], () => Readable.from([]), ''],
  };
  for (const [what, [headers, body, sent]] of Object.entries(wrong)) {
    test(`${what} fails the request, and never reaches the endpoint as another`, async (t) => {
      const upstream = await endpoint(t);
      const { send, said, story } = connectionUnderTest(t, upstream.port);
      const given = body();
      send({ method: 'POST', headers, body: given });
      await said('failure request-body');
      assert.equal(story(), 'sent, closed, failure request-body');
      assert.ok(given.destroyed);
      const connection = await upstream.connection();
      await connection.closed();
      // What was corked when it failed may have been thrown away.
      const received = connection.received().toString('latin1');
      assert.ok(`${head('POST / HTTP/1.1', headers.join(': '))}${sent}`.startsWith(received), received);
      assert.equal(upstream.requests.length, 0);
    });
  }

  test('that breaks off is never taken for complete', async (t) => {
    for (const breakOff of [
      (body: Readable) => body.destroy(),
      (body: Readable) => body.destroy(new Error('gone')),
    ]) {
      const upstream = await endpoint(t);
      const { send, said, story } = connectionUnderTest(t, upstream.port);
      const body = open('hello');
      send({ method: 'POST', body });
      const connection = await upstream.connection();
      await connection.until('the beginning', () => connection.received().includes('hello') || undefined);
      breakOff(body);
      await said('failure request-body');
      assert.equal(story(), 'sent, closed, failure request-body');
      await connection.closed();
      assert.ok(connection.received().toString().endsWith('5\r\nhello\r\n'));
    }
  });

  test('is read no faster than the endpoint takes it', async (t) => {
    const upstream = await endpoint(t, ({ socket }) => void socket.pause());
    const { send } = connectionUnderTest(t, upstream.port);
    const { body, read } = endless();
    send({ method: 'POST', body });
    const stalled = await standstill(read, 100);
    assert.ok(stalled < 16 * MEGABYTE, `${stalled} bytes`);
    (await upstream.connection()).socket.resume();
    await (await upstream.connection()).until('more', () => read() > stalled + 4 * MEGABYTE || undefined);
  });

  test('that is answered before its end is left, with its connection', async (t) => {
    const answer: Script = async (connection) => {
      await connection.requestHead();
      connection.socket.pause();
      await connection.write(ok('enough'));
    };
    const upstream = await endpoint(t, answer);
    const { send, said, story } = connectionUnderTest(t, upstream.port);
    const { body } = endless();
    const exchange = send({ method: 'POST', body });
    await said('end');
    assert.equal(story(), 'sent, head, data, closed, end');
    assert.equal(exchange.content(), 'enough');
    assert.ok(body.destroyed);
  });

  test('goes on behind the head of an answer, and the connection is kept when both are whole', async (t) => {
    const upstream = await endpoint(t, async (connection) => {
      await connection.requestHead();
      await connection.write(head('HTTP/1.1 200 OK', 'Content-Length: 2'));
      await connection.request();
      await connection.write('ok');
    });
    const { send, said, story } = connectionUnderTest(t, upstream.port);
    const body = open('a');
    send({ method: 'POST', body });
    await said('head');
    body.push('b');
    body.push(null);
    await said('end');
    assert.equal(story(), 'sent, head, data, idle, end');
    assert.equal((await upstream.request()).body.toString(), 'ab');
  });
});

describe('the content of a response', () => {
  test('is read no further than one piece while its receiver is behind, and whole when it goes on', async (t) => {
    const size = 32 * MEGABYTE;
    const upstream = await endpoint(t, async (connection) => {
      await connection.requestHead();
      await connection.write(head('HTTP/1.1 200 OK', `Content-Length: ${size}`));
      await connection.write(Buffer.alloc(size));
    });
    const { connection, send, said, story } = connectionUnderTest(t, upstream.port);
    let behind = true;
    const exchange = send({}, (call) => (call === 'data' ? !behind : undefined));
    await said('data');
    for (let turn = 1; turn <= 3; turn += 1) {
      const stalled = await standstill(exchange.bytes, 50);
      assert.ok(stalled <= turn * 64 * 1024, `${stalled} bytes after ${turn} pieces`);
      connection.resume();
      connection.resume();
      await said('data', turn);
    }
    behind = false;
    connection.resume();
    await said('end');
    assert.equal(exchange.bytes(), size);
    assert.equal(story(), 'sent, head, data, idle, end');
  });

  test('whose receiver was behind at its end does not hold back the next response', async (t) => {
    const answers = [ok('a'), head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked') + chunked(['a', 'b'])];
    for (const answer of answers) {
      const { port } = await endpoint(t, answering(answer));
      const { connection, send, said } = connectionUnderTest(t, port);
      for (let turn = 0; turn < 3; turn += 1) {
        send({}, (call) => (call === 'data' ? false : undefined));
        await said('end', turn);
      }
      connection.resume();
    }
  });

  test('stays as it came, whatever other connections read in the meantime', async (t) => {
    const sizes = [1, 100, 5000, 20_000, 70_000, 300_000];
    const { port } = await endpoint(
      t,
      answering((request) => {
        const [, letter = '', size = ''] = /\/(.)(\d+) /.exec(request.startLine) ?? [];
        return ok(letter.repeat(Number(size)));
      }),
    );
    const connections = [...'abcd'].map((letter) => ({ letter, under: connectionUnderTest(t, port) }));
    for (const [turn, size] of sizes.entries()) {
      const exchanges = connections.map(({ letter, under }) => under.send({ target: `/${letter}${size}` }));
      await Promise.all(connections.map(({ under }) => under.said('end', turn)));
      for (const [index, { letter }] of connections.entries())
        assert.ok(exchanges[index]?.content() === letter.repeat(size), `${letter} ${size}`);
    }
  });

  test('that goes on behind the end of its receiver is not read', async (t) => {
    const upstream = await endpoint(t, answering(`${head('HTTP/1.1 200 OK')}${'a'.repeat(MEGABYTE)}`));
    const { connection, send, said, story } = connectionUnderTest(t, upstream.port);
    const exchange = send({}, (call) => (call === 'data' ? false : undefined));
    await said('data');
    connection.destroy();
    connection.resume();
    await (await upstream.connection()).closed();
    assert.equal(story(), 'sent, head, data');
    assert.ok(exchange.bytes() <= 64 * 1024);
  });
});
