import assert from 'node:assert/strict';
import { test } from 'node:test';
import { behindGateway } from '../support/gateway-under-test.js';
import { rawRequest, Truncated } from '../support/raw-client.js';
import { chunked, fieldOf, fieldsOf, head, ok } from '../support/raw-http.js';
import { answering } from '../support/raw-upstream.js';

// RFC 9110 section 6.5, "Trailer Fields".

const WITH_TRAILERS =
  head('HTTP/1.1 200 OK', 'Trailer: X-Sum, Server-Timing', 'Transfer-Encoding: chunked') +
  chunked(['one', 'two'], ['X-Sum: 42', 'Server-Timing: db;dur=5', 'X-Sum: 43']);

test('response trailers pass to a client that takes them', async (t) => {
  const { port } = await behindGateway(t, answering(WITH_TRAILERS));
  const response = await rawRequest(
    port,
    head('GET / HTTP/1.1', 'Host: a', 'Connection: TE', 'TE: trailers'),
  );
  assert.equal(response.body.toString(), 'onetwo');
  assert.deepEqual(response.trailers, [
    ['X-Sum', '42'],
    ['Server-Timing', 'db;dur=5'],
    ['X-Sum', '43'],
  ]);
  assert.equal(fieldOf(response, 'Trailer'), 'X-Sum, Server-Timing');
});

test('a client that did not ask for trailers gets the body without them', async (t) => {
  const { port } = await behindGateway(t, answering(WITH_TRAILERS));
  const response = await rawRequest(port, head('GET / HTTP/1.1', 'Host: a'));
  assert.equal(response.body.toString(), 'onetwo');
  assert.deepEqual(response.trailers, []);
  assert.deepEqual(fieldsOf(response, 'Trailer'), []);
});

const TAKES_TRAILERS = ['Host: a', 'Connection: TE', 'TE: trailers'];
const CHUNKS = chunked(['one', 'two'], ['X-Sum: 42']);

const untrailed: Readonly<Record<string, readonly [request: string, answer: string, status: number]>> = {
  'of known length': ['GET / HTTP/1.1', ok('hi', 'Trailer: X-Sum'), 200],
  'of no length': ['GET / HTTP/1.1', ok('', 'Trailer: X-Sum'), 200],
  'whose length came first': [
    'GET / HTTP/1.1',
    `${head('HTTP/1.1 200 OK', 'Content-Length: 2', 'Trailer: X-Sum', 'trailer: X-Other')}hi`,
    200,
  ],
  'that is a 204': ['GET / HTTP/1.1', head('HTTP/1.1 204 No Content', 'Trailer: X-Sum'), 204],
  'that is a 304': ['GET / HTTP/1.1', head('HTTP/1.1 304 Not Modified', 'Trailer: X-Sum'), 304],
  'to HEAD': [
    'HEAD / HTTP/1.1',
    head('HTTP/1.1 200 OK', 'Trailer: X-Sum', 'Transfer-Encoding: chunked'),
    200,
  ],
  'to HTTP/1.0': ['GET / HTTP/1.0', WITH_TRAILERS, 200],
  'to a WebSocket refused with a length': [
    'GET /ws HTTP/1.1',
    head('HTTP/1.1 401 Unauthorized', 'Trailer: X-Sum', 'Content-Length: 0'),
    401,
  ],
};

for (const [what, [request, answer, status]] of Object.entries(untrailed)) {
  test(`a response ${what} loses its Trailer, because no trailers can follow`, async (t) => {
    const { port } = await behindGateway(t, answering(answer));
    const upgrade = ['Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Key: a'];
    const fields = request.includes('/ws') ? [...upgrade, 'TE: trailers', 'Host: a'] : TAKES_TRAILERS;
    const response = await rawRequest(port, head(request, ...fields));
    assert.equal(response.status, status);
    assert.deepEqual(fieldsOf(response, 'Trailer'), []);
    assert.deepEqual(response.trailers, []);
  });
}

test('a WebSocket refused in chunks is refused with its trailers', async (t) => {
  const refusal = head('HTTP/1.1 401 Unauthorized', 'Trailer: X-Sum', 'Transfer-Encoding: chunked') + CHUNKS;
  const { port } = await behindGateway(t, answering(refusal));
  const upgrade = ['Upgrade: websocket', 'Connection: Upgrade, TE', 'Sec-WebSocket-Key: a', 'TE: trailers'];
  const response = await rawRequest(port, head('GET / HTTP/1.1', 'Host: a', ...upgrade));
  assert.deepEqual([response.status, response.body.toString()], [401, 'onetwo']);
  assert.deepEqual(response.trailers, [['X-Sum', '42']]);
});

test('trailers that would reframe or redirect a response never reach the client', async (t) => {
  const dropped = ['Connection: close', 'Keep-Alive: timeout=1', 'x-trace-id: theirs', 'X-Sum: 42'];
  const framing = ['Content-Length: 1', 'Transfer-Encoding: chunked'];
  const answer = (...trailers: string[]): string =>
    head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked') + chunked(['one'], trailers);
  const get = head('GET / HTTP/1.1', 'Host: a', 'Connection: TE', 'TE: trailers');
  const { port } = await behindGateway(t, answering(answer(...dropped)));
  assert.deepEqual((await rawRequest(port, get)).trailers, [['X-Sum', '42']]);
  for (const field of framing) {
    const bad = await behindGateway(t, answering(answer(field)));
    const trailers = await rawRequest(bad.port, get).then(
      (response) => response.trailers,
      (error: unknown) => {
        assert.ok(error instanceof Truncated);
        return [];
      },
    );
    assert.deepEqual(trailers, [], field);
  }
});

test('request trailers never become header fields, and the body before them is whole', async (t) => {
  const { port, upstream } = await behindGateway(t);
  const body = chunked(['one', 'two'], ['X-Sum: 42', 'Host: evil.example', 'X-Forwarded-For: 6.6.6.6']);
  await rawRequest(
    port,
    head('POST / HTTP/1.1', 'Host: a', 'Trailer: X-Sum', 'Transfer-Encoding: chunked') + body,
  );
  const seen = await upstream.request();
  assert.equal(seen.body.toString(), 'onetwo');
  assert.deepEqual(fieldsOf(seen, 'X-Sum'), []);
  assert.deepEqual(fieldsOf(seen, 'Host'), ['a']);
  assert.deepEqual(fieldsOf(seen, 'X-Forwarded-For'), ['127.0.0.1']);
  assert.ok(seen.trailers.every(([name]) => name === 'X-Sum'));
});
