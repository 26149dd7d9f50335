import assert from 'node:assert/strict';
import { test } from 'node:test';
import { behindGateway, routeAll, startGatewayUnderTest } from '../support/gateway-under-test.js';
import { startHeldEndpoint } from '../support/held-endpoint.js';
import { RawClient, rawRequest } from '../support/raw-client.js';
import { fieldsOf, head, membersOf } from '../support/raw-http.js';

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

test('a 417 that closes the connection does so behind the answer to an earlier request, too', async (t) => {
  const endpoint = await startHeldEndpoint(t);
  const services = { goods: [endpoint.address] };
  const gateway = await startGatewayUnderTest({ routes: routeAll(), services });
  t.after(() => gateway.close());
  const earlier = head('GET /held HTTP/1.1', 'Host: a');
  const unknown = head('POST / HTTP/1.1', 'Host: a', 'Expect: miracles', 'Content-Length: 4');
  const later = head('GET /later HTTP/1.1', 'Host: a');
  for (const [index, content] of ['', 'body', `body${later}`].entries()) {
    const client = await RawClient.connect(gateway.port);
    t.after(() => client.destroy());
    await client.write(earlier + unknown + content);
    (await endpoint.held(index)).end('held');
    assert.equal((await client.response()).body.toString(), 'held');
    const refusal = await client.response();
    assert.equal(refusal.status, 417);
    assert.deepEqual(membersOf(refusal, 'Connection'), ['close']);
    await client.closed();
    assert.equal(client.rest().length, 0);
  }
});
