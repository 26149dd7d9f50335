import assert from 'node:assert/strict';
import { test } from 'node:test';
import { behindGateway } from '../support/gateway-under-test.js';
import { RawClient, rawRequest } from '../support/raw-client.js';
import { chunked, fieldOf, fieldsOf, head, membersOf, ok } from '../support/raw-http.js';
import { answering } from '../support/raw-upstream.js';

// RFC 9112 section 6, "Message Body"; RFC 9110 section 15.2, "Informational 1xx".

test('103 is relayed before the final response', async (t) => {
  const hints = head('HTTP/1.1 103 Early Hints', 'Link: </a.css>; rel=preload', 'Link: </b.js>; rel=preload');
  const { port } = await behindGateway(t, answering(hints + ok()));
  const response = await rawRequest(port, head('GET / HTTP/1.1', 'Host: a'));
  assert.equal(response.status, 200);
  assert.deepEqual(
    response.interim.map((interim) => [interim.startLine, fieldsOf(interim, 'Link')]),
    [['HTTP/1.1 103 Early Hints', ['</a.css>; rel=preload', '</b.js>; rel=preload']]],
  );
});

test('103 reaches the client while the final response is still being made', async (t) => {
  const { port, upstream } = await behindGateway(t, () => undefined);
  const client = await RawClient.connect(port);
  t.after(() => client.destroy());
  await client.write(head('GET / HTTP/1.1', 'Host: a'));
  const connection = await upstream.connection();
  await connection.requestHead();
  await connection.write(head('HTTP/1.1 103 Early Hints', 'Link: </a.css>'));
  await client.sees('HTTP/1.1 103 ');
  await connection.write(ok());
  assert.equal((await client.response()).status, 200);
});

test('1xx responses are not sent to an HTTP/1.0 client', async (t) => {
  const { port } = await behindGateway(t, answering(head('HTTP/1.1 103 Early Hints', 'Link: </a>') + ok()));
  const response = await rawRequest(port, head('GET / HTTP/1.0', 'Host: a'));
  assert.deepEqual(response.interim, []);
  assert.equal(response.status, 200);
});

test('a 100 that nobody asked for is ignored', async (t) => {
  const { port, upstream } = await behindGateway(t, answering(head('HTTP/1.1 100 Continue') + ok('after')));
  for (const bytes of [
    head('GET / HTTP/1.1', 'Host: a'),
    `${head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 2')}hi`,
  ]) {
    const response = await rawRequest(port, bytes);
    assert.equal(response.status, 200);
    assert.equal(response.body.toString(), 'after');
    assert.deepEqual(response.interim, []);
  }
  assert.equal(upstream.requests.length, 2);
});

const bodiless: readonly [what: string, request: string, answer: string][] = [
  ['204 with a Content-Length', 'GET', head('HTTP/1.1 204 No Content', 'Content-Length: 5')],
  ['204 without', 'GET', head('HTTP/1.1 204 No Content')],
  ['304 with a Content-Length', 'GET', head('HTTP/1.1 304 Not Modified', 'Content-Length: 5', 'ETag: "a"')],
  ['304 with Transfer-Encoding', 'GET', head('HTTP/1.1 304 Not Modified', 'Transfer-Encoding: chunked')],
  ['an answer to HEAD with a Content-Length', 'HEAD', head('HTTP/1.1 200 OK', 'Content-Length: 5')],
  ['an answer to HEAD with Transfer-Encoding', 'HEAD', head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked')],
  ['an answer to HEAD without either', 'HEAD', head('HTTP/1.1 200 OK')],
];

for (const [what, method, answer] of bodiless) {
  test(`${what} has no body, and the client’s connection stays usable`, async (t) => {
    const { port } = await behindGateway(
      t,
      answering((request) => (request.startLine.startsWith('PUT') ? ok('next') : answer)),
    );
    const client = await RawClient.connect(port);
    t.after(() => client.destroy());
    for (let turn = 0; turn < 2; turn += 1) {
      await client.write(head(`${method} / HTTP/1.1`, 'Host: a'));
      const response = await client.response({ toHead: method === 'HEAD' });
      assert.equal(response.startLine.slice(0, 12), answer.slice(0, 12));
      await client.write(head('PUT / HTTP/1.1', 'Host: a', 'Content-Length: 0'));
      assert.equal((await client.response()).body.toString(), 'next');
    }
  });
}

test('a 204 goes on without Content-Length, a HEAD answer with it (RFC 9110 section 8.6)', async (t) => {
  const { port } = await behindGateway(
    t,
    answering((request) => {
      const status = request.startLine.startsWith('HEAD') ? '200 OK' : '204 No Content';
      return head(`HTTP/1.1 ${status}`, 'Content-Length: 5');
    }),
  );
  assert.deepEqual(fieldsOf(await rawRequest(port, head('GET / HTTP/1.1', 'Host: a')), 'Content-Length'), []);
  assert.equal(fieldOf(await rawRequest(port, head('HEAD / HTTP/1.1', 'Host: a')), 'Content-Length'), '5');
});

for (const [what, name] of Object.entries({ 'UTF-8': '\u6587.txt', 'Latin-1': 'caf\u00e9.txt' })) {
  test(`a file name in ${what} arrives byte for byte, also behind a length`, async (t) => {
    const bytes = Buffer.from(name, what === 'UTF-8' ? 'utf8' : 'latin1').toString('latin1');
    const disposition = `attachment; filename="${bytes}"`;
    for (const body of ['hi', 'long'.repeat(5_000)]) {
      const start = head(
        'HTTP/1.1 200 OK',
        `Content-Length: ${body.length}`,
        `Content-Disposition: ${disposition}`,
      );
      const { port } = await behindGateway(t, answering(start + body));
      const response = await rawRequest(port, head('GET / HTTP/1.1', 'Host: a'));
      assert.equal(fieldOf(response, 'Content-Disposition'), disposition);
      assert.equal(response.body.toString(), body);
    }
  });
}

test('HEAD keeps the connection to the endpoint', async (t) => {
  const { port, upstream } = await behindGateway(t, answering(head('HTTP/1.1 200 OK', 'Content-Length: 5')));
  for (let turn = 0; turn < 5; turn += 1) await rawRequest(port, head('HEAD / HTTP/1.1', 'Host: a'));
  assert.equal(upstream.connections.length, 1);
});

test('a body that ends with the endpoint’s connection is whole for the client', async (t) => {
  const { port } = await behindGateway(t, async (connection) => {
    await connection.request();
    await connection.write(`${head('HTTP/1.1 200 OK', 'Content-Type: text/plain')}to the end`);
    connection.end();
  });
  const client = await RawClient.connect(port);
  t.after(() => client.destroy());
  for (let turn = 0; turn < 2; turn += 1) {
    await client.write(head('GET / HTTP/1.1', 'Host: a'));
    const response = await client.response();
    assert.equal(response.body.toString(), 'to the end');
    assert.equal(response.framing, 'chunked');
  }
});

test('an HTTP/1.0 client is never sent chunks, and its connection closes when it did not ask to keep it', async (t) => {
  const { port } = await behindGateway(
    t,
    answering(head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked') + chunked(['one', 'two'])),
  );
  const client = await RawClient.connect(port);
  t.after(() => client.destroy());
  await client.write(head('GET / HTTP/1.0', 'Host: a'));
  const response = await client.response();
  assert.deepEqual(fieldsOf(response, 'Transfer-Encoding'), []);
  assert.equal(response.body.toString(), 'onetwo');
  assert.equal(await client.closed(), 'ended');
});

test('pipelined requests are answered in order', async (t) => {
  const { port } = await behindGateway(
    t,
    answering((request) => ok(`<${request.startLine.split(' ')[1]}>`)),
  );
  const client = await RawClient.connect(port);
  t.after(() => client.destroy());
  const paths = ['/1', '/2', '/3', '/4', '/5'];
  await client.write(paths.map((path) => head(`GET ${path} HTTP/1.1`, 'Host: a')).join(''));
  for (const path of paths) assert.equal((await client.response()).body.toString(), `<${path}>`);
});

test('a client that says Connection: close is answered and closed', async (t) => {
  const { port, upstream } = await behindGateway(t);
  const client = await RawClient.connect(port);
  t.after(() => client.destroy());
  await client.write(head('GET / HTTP/1.1', 'Host: a', 'Connection: close'));
  assert.deepEqual(membersOf(await client.response(), 'Connection'), ['close']);
  assert.equal(await client.closed(), 'ended');
  await rawRequest(port, head('GET / HTTP/1.1', 'Host: a'));
  assert.equal(upstream.connections.length, 1, 'the endpoint’s connection is not the client’s');
});
