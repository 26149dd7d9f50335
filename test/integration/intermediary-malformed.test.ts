import assert from 'node:assert/strict';
import { test } from 'node:test';
import { behindGateway } from '../support/gateway-under-test.js';
import { RawClient, rawRequest } from '../support/raw-client.js';
import { fieldOf, head, membersOf } from '../support/raw-http.js';
import { standstill } from '../support/wire.js';

// RFC 9112: what a recipient must refuse, since two that read it differently can be played off
// against each other.

const malformed: Readonly<Record<string, string>> = {
  'two Host fields': head('GET / HTTP/1.1', 'Host: a', 'Host: a'),
  'no Host in HTTP/1.1': head('GET / HTTP/1.1', 'X-A: 1'),
  'a Host that is no authority': head('GET / HTTP/1.1', 'Host: a/b@c'),
  'a Host whose port is no number': head('GET / HTTP/1.1', 'Host: a:b'),
  'a Host whose port is beyond all ports': head('GET / HTTP/1.1', 'Host: a:99999'),
  'a Host with half a bracket': head('GET / HTTP/1.1', 'Host: [::1'),
  'a Host that is an IPv6 address without brackets': head('GET / HTTP/1.1', 'Host: ::1'),
  'Content-Length beside Transfer-Encoding': `${head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 5', 'Transfer-Encoding: chunked')}0\r\n\r\n`,
  'Transfer-Encoding before Content-Length': `${head('POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked', 'Content-Length: 5')}0\r\n\r\n`,
  'differing Content-Length fields': `${head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 5', 'Content-Length: 6')}hello!`,
  'differing lengths in one Content-Length': `${head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 5, 6')}hello!`,
  'a negative Content-Length': head('POST / HTTP/1.1', 'Host: a', 'Content-Length: -1'),
  'a signed Content-Length': `${head('POST / HTTP/1.1', 'Host: a', 'Content-Length: +5')}hello`,
  'a hexadecimal Content-Length': `${head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 0x5')}hello`,
  'a transfer coding whose last is not chunked': `${head('POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked, gzip')}0\r\n\r\n`,
  'an unknown transfer coding': `${head('POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: xchunked')}0\r\n\r\n`,
  'chunked twice': head(
    'POST / HTTP/1.1',
    'Host: a',
    'Transfer-Encoding: chunked',
    'Transfer-Encoding: chunked',
  ),
  'a transfer coding in HTTP/1.0': `${head('POST / HTTP/1.0', 'Host: a', 'Connection: keep-alive', 'Transfer-Encoding: chunked')}0\r\n\r\n`,
  'a version that is not written as text': head('GET / HTTP/2.0', 'Host: a'),
  'a version that had no fields': head('GET / HTTP/0.9', 'Host: a'),
  'a folded field line': head('GET / HTTP/1.1', 'Host: a', 'X-A: one\r\n two'),
  'a folded field line with a tab': head('GET / HTTP/1.1', 'Host: a', 'X-A: one\r\n\ttwo'),
  'white space before the first field': 'GET / HTTP/1.1\r\n Host: b\r\nHost: a\r\n\r\n',
  'a bare CR in a field value': head('GET / HTTP/1.1', 'Host: a', 'X-A: one\rtwo'),
  'a bare LF that ends a field line': 'GET / HTTP/1.1\r\nHost: a\nX-A: 1\r\n\r\n',
  'bare LFs throughout': 'GET / HTTP/1.1\nHost: a\n\n',
  'a NUL in a field value': head('GET / HTTP/1.1', 'Host: a', 'X-A: one\0two'),
  'a NUL in a field name': head('GET / HTTP/1.1', 'Host: a', 'X\0A: 1'),
  'a space before the colon': head('GET / HTTP/1.1', 'Host: a', 'X-A : 1'),
  'a field without a colon': head('GET / HTTP/1.1', 'Host: a', 'X-A'),
  'an empty field name': head('GET / HTTP/1.1', 'Host: a', ': 1'),
  'another protocol': head('GET / HTTQ/1.1', 'Host: a'),
  'no version': 'GET /\r\n\r\n',
  'a target that is neither a path nor a URI': head('GET goods HTTP/1.1', 'Host: a'),
  'an absolute target of another scheme': head('GET ftp://a/goods HTTP/1.1', 'Host: a'),
  'an absolute target of https on a port without TLS': head('GET https://a/goods HTTP/1.1', 'Host: a'),
  'an absolute target with a fragment': head('GET http://a/goods#x HTTP/1.1', 'Host: a'),
  'an absolute target without an authority': head('GET http:///goods HTTP/1.1', 'Host: a'),
  'an absolute target whose port is no number': head('GET http://a:b/goods HTTP/1.1', 'Host: a'),
  'an absolute target whose port is beyond all ports': head('GET http://a:99999/ HTTP/1.1', 'Host: a'),
  'an absolute target with half a bracket': head('GET http://[::1/goods HTTP/1.1', 'Host: a'),
  'an absolute target with an IPv6 address without brackets': head('GET http://::1/ HTTP/1.1', 'Host: a'),
  'an absolute target with a user': head('GET http://user@a/goods HTTP/1.1', 'Host: a'),
  rubbish: '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03',
};

for (const [what, bytes] of Object.entries(malformed)) {
  test(`${what}: 400, and no endpoint hears of it`, async (t) => {
    const { port, upstream } = await behindGateway(t);
    const response = await rawRequest(port, bytes);
    assert.equal(response.status, 400);
    assert.equal(fieldOf(response, 'content-type'), 'application/problem+json');
    const problem: unknown = JSON.parse(response.body.toString());
    assert.ok(typeof problem === 'object' && problem !== null && 'code' in problem && 'trace_id' in problem);
    assert.equal(problem.code, 'BAD_REQUEST');
    assert.equal(problem.trace_id, fieldOf(response, 'x-trace-id'));
    assert.equal(upstream.connections.length, 0);
  });
}

test('after a request that was not understood nothing more is read from the connection', async (t) => {
  const { port, upstream } = await behindGateway(t);
  const client = await RawClient.connect(port);
  t.after(() => client.destroy());
  const smuggled = head('GET /smuggled HTTP/1.1', 'Host: a');
  await client.write(head('GET / HTTP/1.1', 'Host: a', 'X-A : 1') + smuggled);
  const response = await client.response();
  assert.equal(response.status, 400);
  assert.deepEqual(membersOf(response, 'Connection'), ['close']);
  await client.closed();
  assert.equal(client.rest().length, 0);
  assert.equal(upstream.connections.length, 0);
});

for (const coding of ['identity', 'xchunked', '"chunked"', 'chunked;a=b', 'chunked, gzip', '']) {
  test(`Transfer-Encoding: ${coding} is refused once, though handler and parser both find fault with it`, async (t) => {
    const { port, gateway } = await behindGateway(t);
    const client = await RawClient.connect(port);
    t.after(() => client.destroy());
    await client.write(`${head('POST /x HTTP/1.1', 'Host: a', `Transfer-Encoding: ${coding}`)}0\r\n\r\n`);
    assert.equal((await client.response()).status, 400);
    await client.closed();
    assert.equal(client.rest().length, 0);
    await gateway.record();
    assert.deepEqual(
      gateway.requests.map(({ status }) => status),
      [400],
    );
  });
}

test('no connection that has sent a malformed version or coding is used again', async (t) => {
  const { port } = await behindGateway(t);
  const first = [
    `${head('POST / HTTP/1.0', 'Connection: keep-alive', 'Transfer-Encoding: chunked')}0\r\n\r\n`,
    head('GET / HTTP/2.0', 'Host: a'),
    head('GET / HTTP/0.9', 'Host: a'),
  ];
  for (const bytes of first) {
    const client = await RawClient.connect(port);
    t.after(() => client.destroy());
    await client.write(bytes + head('GET / HTTP/1.1', 'Host: a'));
    const response = await client.response();
    assert.equal(response.status, 400);
    assert.deepEqual(membersOf(response, 'Connection'), ['close']);
    await client.closed();
    assert.equal(client.rest().length, 0);
  }
});

const badChunks: Readonly<Record<string, string>> = {
  'a size that is no number': 'zz\r\nhello\r\n0\r\n\r\n',
  'a negative size': '-5\r\nhello\r\n0\r\n\r\n',
  'a size with 0x': '0x5\r\nhello\r\n0\r\n\r\n',
  'a size beyond 64 bits': 'fffffffffffffffff\r\nhello\r\n0\r\n\r\n',
  'no size': '\r\nhello\r\n0\r\n\r\n',
  'a chunk longer than its size': '3\r\nhello\r\n0\r\n\r\n',
  'a chunk ended by a bare LF': '5\r\nhello\n0\r\n\r\n',
  'a size ended by a bare LF': '5\nhello\r\n0\r\n\r\n',
  'a malformed trailer': '5\r\nhello\r\n0\r\nX A: 1\r\n\r\n',
};

for (const [what, body] of Object.entries(badChunks)) {
  test(`a chunked body with ${what} never reaches the endpoint as a complete request`, async (t) => {
    const { port, upstream } = await behindGateway(t);
    const client = await RawClient.connect(port);
    t.after(() => client.destroy());
    await client.write(`${head('POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked')}5\r\nfirst\r\n`);
    await client.write(body);
    assert.equal((await client.response()).status, 400);
    await client.closed();
    for (const connection of upstream.connections) await connection.closed();
    assert.deepEqual(upstream.requests, []);
  });
}

test('a chunked body that ends before its last chunk never reaches the endpoint as a complete request', async (t) => {
  const { port, upstream } = await behindGateway(t);
  const client = await RawClient.connect(port);
  await client.write(`${head('POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked')}5\r\nfirst\r\n`);
  const connection = await upstream.connection();
  await connection.until('the first chunk', () => connection.received().includes('first') || undefined);
  client.end();
  await connection.closed();
  client.destroy();
  assert.deepEqual(upstream.requests, []);
});

test('a body shorter than its Content-Length never reaches the endpoint as a complete request', async (t) => {
  const { port, upstream } = await behindGateway(t);
  const client = await RawClient.connect(port);
  await client.write(`${head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 10')}first`);
  client.end();
  await client.closed();
  client.destroy();
  await standstill(() => upstream.connections.length, 50);
  for (const connection of upstream.connections) await connection.closed();
  assert.deepEqual(upstream.requests, []);
});
