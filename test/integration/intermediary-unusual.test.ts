import assert from 'node:assert/strict';
import { test } from 'node:test';
import { behindGateway, routeAll } from '../support/gateway-under-test.js';
import { RawClient, rawRequest } from '../support/raw-client.js';
import { fieldOf, fieldsOf, head, membersOf } from '../support/raw-http.js';

// Requests that are valid, seldom, and easily lost on the way through a framework.

test('however many fields a request has, none is lost without a word', async (t) => {
  const { port, upstream } = await behindGateway(
    t,
    undefined,
    `server:\n  maxHeaderSize: 256KiB\n${routeAll()}`,
  );
  for (const count of [900, 1_990, 2_100, 5_000]) {
    const many = Array.from({ length: count }, (_, index) => `a: ${index}`);
    const bytes = `${head('POST / HTTP/1.1', 'Host: a', ...many, 'X-Last: 1', 'Content-Length: 5')}hello`;
    const { status } = await rawRequest(port, bytes);
    const seen = upstream.requests.at(-1);
    assert.ok(status === 200 || status === 431, `${count} fields: ${status}`);
    if (status !== 200) continue;
    assert.ok(seen);
    assert.equal(fieldsOf(seen, 'a').length, count);
    assert.equal(fieldOf(seen, 'X-Last'), '1');
    assert.equal(seen.body.toString(), 'hello');
  }
});

test('a long path is a path like any other', async (t) => {
  const { port, upstream } = await behindGateway(t);
  const path = `/${'segment/'.repeat(1_000)}${'x'.repeat(3_000)}?${'q'.repeat(3_000)}`;
  assert.equal((await rawRequest(port, head(`GET ${path} HTTP/1.1`, 'Host: a'))).status, 200);
  assert.equal((await upstream.request()).startLine, `GET ${path} HTTP/1.1`);
});

test('no content type, known or not, is the gateway’s business', async (t) => {
  const { port, upstream } = await behindGateway(t);
  const types = ['application/json', 'no type at all', 'multipart/form-data', 'text/plain; charset=x; y', ''];
  for (const type of types) {
    const fields = [
      `Content-Type: ${type}`,
      'Content-Encoding: gzip',
      'Accept-Version: 1.x',
      'Content-Length: 5',
    ];
    const { status } = await rawRequest(port, `${head('POST / HTTP/1.1', 'Host: a', ...fields)}{"not`);
    assert.equal(status, 200, type);
  }
  assert.deepEqual(
    upstream.requests.map((request) => fieldOf(request, 'Content-Type')),
    types,
  );
});

test('path segments that mean something in JavaScript mean nothing here', async (t) => {
  const { port, upstream } = await behindGateway(
    t,
    undefined,
    'routes:\n  - { prefix: /goods, service: goods }\n',
  );
  for (const path of ['/__proto__', '/constructor', '/:id', '/*', '/toString/goods']) {
    assert.equal((await rawRequest(port, head(`GET ${path} HTTP/1.1`, 'Host: __proto__'))).status, 404, path);
  }
  assert.equal(
    (await rawRequest(port, head('GET /goods/__proto__ HTTP/1.1', 'Host: constructor'))).status,
    200,
  );
  assert.equal(upstream.requests.length, 1);
});

test('a target that begins with two slashes is a path, not an authority', async (t) => {
  const { port, upstream } = await behindGateway(t);
  await rawRequest(port, head('GET //evil.example/x HTTP/1.1', 'Host: a'));
  const seen = await upstream.request();
  assert.equal(seen.startLine, 'GET /evil.example/x HTTP/1.1');
  assert.deepEqual(fieldsOf(seen, 'Host'), ['a']);
});

test('an empty line before a request is ignored (RFC 9112 section 2.2)', async (t) => {
  const { port } = await behindGateway(t);
  const client = await RawClient.connect(port);
  t.after(() => client.destroy());
  for (let turn = 0; turn < 2; turn += 1) {
    await client.write(`\r\n${head('GET / HTTP/1.1', 'Host: a')}`);
    assert.equal((await client.response()).status, 200);
  }
});

test('an HTTP/1.0 client may ask to keep its connection', async (t) => {
  const { port, upstream } = await behindGateway(t);
  const client = await RawClient.connect(port);
  t.after(() => client.destroy());
  for (let turn = 0; turn < 2; turn += 1) {
    await client.write(head('GET / HTTP/1.0', 'Connection: keep-alive'));
    const response = await client.response();
    assert.equal(response.body.toString(), 'ok');
    assert.deepEqual(membersOf(response, 'Connection'), ['keep-alive']);
  }
  assert.equal(upstream.requests[0]?.startLine, 'GET / HTTP/1.1');
});

test('a request that arrives byte by byte is the same request', async (t) => {
  const { port, upstream } = await behindGateway(t);
  const client = await RawClient.connect(port);
  t.after(() => client.destroy());
  const bytes = `${head('POST /x?y HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked')}3\r\none\r\n3;ext="a"\r\ntwo\r\n0\r\n\r\n`;
  for (const byte of bytes) await client.write(byte);
  assert.equal((await client.response()).status, 200);
  assert.equal((await upstream.request()).body.toString(), 'onetwo');
});
