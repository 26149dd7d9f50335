import assert from 'node:assert/strict';
import { test } from 'node:test';
import { behindGateway, routeAll } from '../support/gateway-under-test.js';
import { RawClient, rawRequest } from '../support/raw-client.js';
import { fieldsOf, head } from '../support/raw-http.js';

// RFC 9110 section 10.1.1, "Expect".

test('Expect: 100-continue is answered by the gateway, and the endpoint never hears of it', async (t) => {
  const { port, upstream } = await behindGateway(t);
  const client = await RawClient.connect(port);
  t.after(() => client.destroy());
  await client.write(head('POST / HTTP/1.1', 'Host: a', 'Expect: 100-Continue', 'Content-Length: 4'));
  await client.sees('HTTP/1.1 100 Continue\r\n');
  assert.equal(upstream.requests.length, 0);
  await client.write('body');
  const response = await client.response();
  assert.equal(response.status, 200);
  assert.equal(response.interim.length, 1);
  const seen = await upstream.request();
  assert.deepEqual(fieldsOf(seen, 'Expect'), []);
  assert.equal(seen.body.toString(), 'body');
});

test('an expectation that nobody knows is answered 417', async (t) => {
  const { port, upstream } = await behindGateway(t);
  const response = await rawRequest(
    port,
    head('POST / HTTP/1.1', 'Host: a', 'Expect: miracles', 'Content-Length: 0'),
  );
  assert.equal(response.status, 417);
  assert.equal(fieldsOf(response, 'x-trace-id').length, 1);
  assert.equal(upstream.connections.length, 0);
});

test('a body announced as too large is refused instead of asked for', async (t) => {
  const { port, upstream } = await behindGateway(t, undefined, routeAll('maxBody: 1KiB'));
  const response = await rawRequest(
    port,
    head('POST / HTTP/1.1', 'Host: a', 'Expect: 100-continue', 'Content-Length: 1025'),
  );
  assert.equal(response.status, 413);
  assert.deepEqual(response.interim, []);
  assert.equal(upstream.connections.length, 0);
});
