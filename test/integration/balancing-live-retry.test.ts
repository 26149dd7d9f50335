import assert from 'node:assert/strict';
import { test } from 'node:test';
import { behindGateway, routeAll, startGatewayUnderTest } from '../support/gateway-under-test.js';
import { rawRequest } from '../support/raw-client.js';
import { head, ok } from '../support/raw-http.js';
import { answering, rawUpstream, type Script } from '../support/raw-upstream.js';

// RFC 9110 section 9.2.2: what may be sent again is decided by what is known to have been sent.

const GET = head('GET / HTTP/1.1', 'Host: a');
const POST = `${head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 5')}hello`;
const PUT = POST.replace('POST', 'PUT');

/** Answers the first request on its first connection and breaks off at the second; later connections answer. */
const stale: Script = async (connection, index) => {
  if (index > 0) return answering(ok('again'))(connection, index);
  await connection.request();
  await connection.write(ok('first'));
  await connection.request();
  connection.reset();
};

for (const [method, bytes] of Object.entries({ GET, PUT })) {
  test(`${method} on a kept connection that breaks is sent once more, on a fresh one`, async (t) => {
    const { port, upstream, gateway } = await behindGateway(t, stale);
    await rawRequest(port, GET);
    const response = await rawRequest(port, bytes);
    assert.equal(response.status, 200);
    assert.equal(response.body.toString(), 'again');
    assert.equal(upstream.connections.length, 2);
    const [, broken, repeated] = upstream.requests;
    assert.equal(repeated?.startLine, broken?.startLine);
    assert.deepEqual(repeated?.body, broken?.body);
    assert.equal((await gateway.record(1)).attempts, 2);
  });
}

test('POST on a kept connection that breaks is never executed twice', async (t) => {
  const { port, upstream, gateway } = await behindGateway(t, stale);
  await rawRequest(port, GET);
  const response = await rawRequest(port, POST);
  assert.equal(response.status, 502);
  assert.match(response.body.toString(), /"code":"UPSTREAM_RESET"/);
  assert.equal(upstream.requests.length, 2);
  assert.equal((await gateway.record(1)).attempts, 1);
});

test('a fresh connection that breaks is no proof of anything: nothing is sent again', async (t) => {
  const { port, upstream } = await behindGateway(t, async (connection) => {
    await connection.request();
    connection.reset();
  });
  for (const bytes of [GET, POST]) assert.equal((await rawRequest(port, bytes)).status, 502);
  assert.equal(upstream.requests.length, 2);
});

test('a request is sent again only once for a stale connection', async (t) => {
  const { port, upstream } = await behindGateway(t, async (connection, index) => {
    await connection.request();
    if (index === 0) {
      await connection.write(ok());
      await connection.request();
    }
    connection.reset();
  });
  await rawRequest(port, GET);
  assert.equal((await rawRequest(port, GET)).status, 502);
  assert.equal(upstream.requests.length, 3);
});

test('a response that has begun is never replaced by another', async (t) => {
  const { port, upstream } = await behindGateway(t, async (connection, index) => {
    if (index > 0) return answering(ok('other'))(connection, index);
    await connection.request();
    await connection.write(ok('first'));
    await connection.request();
    await connection.write(`${head('HTTP/1.1 200 OK', 'Content-Length: 100')}half`);
    connection.reset();
  });
  await rawRequest(port, GET);
  await rawRequest(port, GET).then(
    ({ status }) => assert.equal(status, 502),
    () => undefined,
  );
  assert.equal(upstream.requests.length, 2);
});

test('a kept connection that the endpoint has closed is not used, so that POST is safe too', async (t) => {
  const { port, upstream } = await behindGateway(t, async (connection) => {
    await connection.request();
    await connection.write(ok());
    connection.end();
  });
  for (let turn = 0; turn < 5; turn += 1) {
    assert.equal((await rawRequest(port, POST)).status, 200);
    await upstream.connections[turn]?.closed();
  }
  assert.equal(upstream.requests.length, 5);
});

test('a status listed in retryOn sends idempotent requests to another endpoint', async (t) => {
  const sick = await rawUpstream(answering(ok('sick').replace('200 OK', '503 Sick')));
  const well = await rawUpstream(answering(ok('well')));
  const gateway = await startGatewayUnderTest({
    routes: `${routeAll('retryOn: [503]')}services:\n  goods:\n    balance: round-robin\n`,
    services: { goods: [sick.address, well.address] },
  });
  t.after(() => Promise.all([gateway.close(), sick.close(), well.close()]));
  for (let turn = 0; turn < 4; turn += 1) {
    assert.equal((await rawRequest(gateway.port, GET)).body.toString(), 'well');
  }
  const answers = new Set<string>();
  for (let turn = 0; turn < 4; turn += 1) {
    answers.add((await rawRequest(gateway.port, POST)).body.toString());
  }
  assert.deepEqual(answers, new Set(['sick', 'well']), 'POST is answered by whoever it was sent to');
});

test('when every endpoint gives a listed status, the client is given the last one', async (t) => {
  const sick = ok('sick', 'X-From: upstream').replace('200 OK', '503 Sick');
  const first = await rawUpstream(answering(sick));
  const second = await rawUpstream(answering(sick));
  const gateway = await startGatewayUnderTest({
    routes: routeAll('retryOn: [503]'),
    services: { goods: [first.address, second.address] },
  });
  t.after(() => Promise.all([gateway.close(), first.close(), second.close()]));
  const response = await rawRequest(gateway.port, GET);
  assert.equal(response.startLine, 'HTTP/1.1 503 Sick');
  assert.equal(response.body.toString(), 'sick');
  assert.deepEqual([first.requests.length, second.requests.length], [1, 1], 'none is tried twice');
});

test('a status that is not listed is relayed as it is', async (t) => {
  const { port, upstream } = await behindGateway(t, answering(ok('sick').replace('200 OK', '503 Sick')));
  assert.equal((await rawRequest(port, GET)).startLine, 'HTTP/1.1 503 Sick');
  assert.equal(upstream.requests.length, 1);
});
