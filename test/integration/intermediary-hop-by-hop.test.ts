import assert from 'node:assert/strict';
import { test } from 'node:test';
import { behindGateway, routeAll } from '../support/gateway-under-test.js';
import { RawClient, rawRequest } from '../support/raw-client.js';
import { chunked, fieldOf, fieldsOf, head, membersOf, ok, statusOf } from '../support/raw-http.js';
import { answering } from '../support/raw-upstream.js';

// RFC 9110 section 7.6.1, "Connection", and 7.6.3, "Via".

const HOP_BY_HOP = [
  'Keep-Alive: timeout=5',
  'Proxy-Connection: keep-alive',
  'Proxy-Authorization: Basic c2VjcmV0',
  'X-Private: 1',
  'x-other: 2',
  'Connection: keep-alive, X-Private',
  'Connection: X-OTHER , ',
];

test('request fields that are hop-by-hop, or named in Connection, stop at the gateway', async (t) => {
  const { port, upstream } = await behindGateway(t);
  await rawRequest(port, head('GET / HTTP/1.1', 'Host: a', ...HOP_BY_HOP, 'X-Public: 3'));
  const seen = await upstream.request();
  for (const name of [
    'Keep-Alive',
    'Proxy-Connection',
    'Proxy-Authorization',
    'X-Private',
    'X-Other',
    'TE',
  ]) {
    assert.deepEqual(fieldsOf(seen, name), [], name);
  }
  assert.equal(fieldOf(seen, 'X-Public'), '3');
  assert.ok(membersOf(seen, 'Connection').every((option) => /^(keep-alive|close)$/i.test(option)));
});

test('a client cannot make the gateway drop what it adds itself by naming it in Connection', async (t) => {
  const { port, upstream } = await behindGateway(t);
  const names = 'X-Forwarded-For, X-Forwarded-Proto, Forwarded, Via, traceparent, Host, Content-Length';
  await rawRequest(
    port,
    `${head('POST / HTTP/1.1', 'Host: a', `Connection: ${names}`, 'Content-Length: 2')}hi`,
  );
  const seen = await upstream.request();
  for (const name of ['X-Forwarded-For', 'X-Forwarded-Proto', 'Forwarded', 'Via', 'traceparent', 'Host']) {
    assert.equal(fieldsOf(seen, name).length, 1, name);
  }
  assert.equal(seen.body.toString(), 'hi');
});

test('response fields that are hop-by-hop, or named in Connection, stop at the gateway', async (t) => {
  const fields = ['Keep-Alive: timeout=9', 'Proxy-Connection: x', 'X-Private: 1', 'Connection: X-Private'];
  const { port } = await behindGateway(t, answering(ok('ok', ...fields, 'X-Public: 3', 'Upgrade: h2c')));
  const client = await RawClient.connect(port);
  t.after(() => client.destroy());
  await client.write(head('GET / HTTP/1.1', 'Host: a'));
  const seen = await client.response();
  for (const name of ['Proxy-Connection', 'X-Private', 'Upgrade']) {
    assert.deepEqual(fieldsOf(seen, name), [], name);
  }
  assert.ok(!fieldsOf(seen, 'Keep-Alive').includes('timeout=9'));
  assert.ok(!membersOf(seen, 'Connection').some((option) => /x-private/i.test(option)));
  assert.equal(fieldOf(seen, 'X-Public'), '3');
});

test('the endpoint closing its connection does not close the client’s', async (t) => {
  const { port, upstream } = await behindGateway(t, async (connection) => {
    await connection.request();
    await connection.write(ok('once', 'Connection: close'));
    connection.end();
  });
  const client = await RawClient.connect(port);
  t.after(() => client.destroy());
  for (let turn = 0; turn < 3; turn += 1) {
    await client.write(head('GET / HTTP/1.1', 'Host: a'));
    const response = await client.response();
    assert.equal(response.body.toString(), 'once');
    assert.ok(!membersOf(response, 'Connection').includes('close'));
  }
  assert.equal(upstream.connections.length, 3);
});

test('TE goes on as trailers, or not at all (RFC 9110 section 10.1.4)', async (t) => {
  const { port, upstream } = await behindGateway(t);
  const offers = ['trailers', 'gzip;q=0.5, Trailers', 'gzip', 'deflate, gzip;q=0.3', 'xtrailers'];
  for (const offer of offers) {
    await rawRequest(port, head('GET / HTTP/1.1', 'Host: a', 'Connection: TE', `TE: ${offer}`));
  }
  assert.deepEqual(
    upstream.requests.map((request) => fieldsOf(request, 'TE')),
    [['trailers'], ['trailers'], [], [], []],
  );
});

test('Via names the gateway in requests, after those who were there before', async (t) => {
  const { port, upstream } = await behindGateway(t);
  await rawRequest(port, head('GET / HTTP/1.1', 'Host: a'));
  await rawRequest(port, head('GET / HTTP/1.1', 'Host: a', 'Via: 1.0 fred', 'Via: 1.1 p.example (x)'));
  await rawRequest(port, head('GET / HTTP/1.0', 'Host: a'));
  assert.deepEqual(
    upstream.requests.map((request) => membersOf(request, 'Via')),
    [['1.1 watchgate'], ['1.0 fred', '1.1 p.example (x)', '1.1 watchgate'], ['1.0 watchgate']],
  );
});

test('Via names the gateway in responses, after those who were there before', async (t) => {
  const { port } = await behindGateway(t, answering(ok('ok', 'Via: 1.1 cache')));
  const response = await rawRequest(port, head('GET / HTTP/1.1', 'Host: a'));
  assert.deepEqual(membersOf(response, 'Via'), ['1.1 cache', '1.1 watchgate']);
});

test('an Upgrade that is not websocket is ignored: the request is served as it is', async (t) => {
  const { port, upstream } = await behindGateway(t);
  const upgrade = ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__'];
  const client = await RawClient.connect(port);
  t.after(() => client.destroy());
  await client.write(`${head('POST /x HTTP/1.1', 'Host: a', ...upgrade, 'Content-Length: 4')}body`);
  assert.equal((await client.response()).status, 200);
  await client.write(head('GET /y HTTP/1.1', 'Host: a'));
  assert.equal((await client.response()).status, 200);
  const [first, second] = upstream.requests;
  assert.ok(first && second);
  assert.equal(first.body.toString(), 'body');
  assert.deepEqual(fieldsOf(first, 'Upgrade'), []);
  assert.deepEqual(fieldsOf(first, 'HTTP2-Settings'), []);
  assert.equal(second.startLine, 'GET /y HTTP/1.1');
});

test('request fields that a client library would refuse to send cost no connection', async (t) => {
  const config = `${routeAll()}services:\n  goods:\n    maxConnections: 2\n    maxWaiting: 1\n`;
  const { port } = await behindGateway(t, undefined, config);
  const odd = [
    ['Keep-Alive: 300', 'Connection: keep-alive'],
    ['Upgrade: h2c', 'Connection: Upgrade'],
    ['Proxy-Connection: keep-alive'],
    ['Transfer-Encoding: chunked'],
    ['Expect: 100-continue', 'Transfer-Encoding: chunked'],
    ['Connection: Host'],
    ['Trailer: X-Sum', 'Transfer-Encoding: chunked'],
  ];
  for (let turn = 0; turn < 50; turn += 1) {
    const fields = odd[turn % odd.length] ?? [];
    const body = fields.includes('Transfer-Encoding: chunked') ? chunked(['x']) : '';
    const { status } = await rawRequest(port, head('POST / HTTP/1.1', 'Host: a', ...fields) + body);
    assert.equal(status, 200, fields.join());
  }
  const normal = await rawRequest(port, head('GET / HTTP/1.1', 'Host: a'));
  assert.equal(statusOf(normal), 200);
});
