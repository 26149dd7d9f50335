import assert from 'node:assert/strict';
import { test } from 'node:test';
import { behindGateway, type GatewayUnderTest } from '../support/gateway-under-test.js';
import { RawClient, rawRequest } from '../support/raw-client.js';
import { head, ok } from '../support/raw-http.js';
import { answering } from '../support/raw-upstream.js';

const GET = head('GET / HTTP/1.1', 'Host: a');

async function assertClientGone(gateway: GatewayUnderTest): Promise<void> {
  const { status, cause } = await gateway.record();
  assert.deepEqual({ status, cause }, { status: 499, cause: 'CLIENT_GONE' });
}

test('a client that leaves before the response ends the request at the endpoint at once', async (t) => {
  for (const how of ['destroy', 'reset'] as const) {
    const { port, upstream, gateway } = await behindGateway(t, () => undefined);
    const client = await RawClient.connect(port);
    await client.write(GET);
    const connection = await upstream.connection();
    await connection.requestHead();
    client[how]();
    await connection.closed();
    await assertClientGone(gateway);
  }
});

test('a client that leaves inside the response ends the request at the endpoint at once', async (t) => {
  const { port, upstream, gateway } = await behindGateway(t, () => undefined);
  const client = await RawClient.connect(port);
  await client.write(GET);
  const connection = await upstream.connection();
  await connection.requestHead();
  await connection.write(`${head('HTTP/1.1 200 OK', 'Content-Length: 100')}half`);
  await client.sees('half');
  client.destroy();
  await connection.closed();
  await assertClientGone(gateway);
});

test('a client that leaves inside its own body ends the request at the endpoint at once', async (t) => {
  const { port, upstream, gateway } = await behindGateway(t, () => undefined);
  const client = await RawClient.connect(port);
  await client.write(`${head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 100')}half`);
  const connection = await upstream.connection();
  await connection.until('half', () => connection.received().includes('half') || undefined);
  client.destroy();
  await connection.closed();
  assert.equal(upstream.requests.length, 0);
  await assertClientGone(gateway);
});

test('clients that leave cost no connection and are not held against the endpoint', async (t) => {
  const limits = 'services:\n  goods:\n    maxConnections: 2\n    maxWaiting: 1\n';
  const { port, upstream, gateway } = await behindGateway(
    t,
    async (connection) => {
      const start = await connection.requestHead();
      if (start.startLine.includes('/stay')) await answering(ok())(connection, 0);
    },
    `routes:\n  - prefix: /\n    service: goods\n${limits}`,
  );
  for (let turn = 0; turn < 10; turn += 1) {
    const client = await RawClient.connect(port);
    await client.write(GET);
    const connection = await upstream.connection(turn);
    await connection.requestHead();
    client.destroy();
    await connection.closed();
  }
  assert.equal((await rawRequest(port, head('GET /stay HTTP/1.1', 'Host: a'))).status, 200);
  assert.equal((await gateway.record(10)).status, 200);
});

test('a client that leaves while it waits for a connection is forgotten', async (t) => {
  const limits = 'services:\n  goods:\n    maxConnections: 1\n    maxWaiting: 1\n';
  const { port, upstream, gateway } = await behindGateway(
    t,
    () => undefined,
    `routes:\n  - prefix: /\n    service: goods\n${limits}`,
  );
  const first = await RawClient.connect(port);
  await first.write(GET);
  const connection = await upstream.connection();
  await connection.requestHead();
  const waiting = await RawClient.connect(port);
  await waiting.write(GET);
  waiting.end();
  waiting.destroy();
  await assertClientGone(gateway);
  await connection.write(ok('first'));
  assert.equal((await first.response()).body.toString(), 'first');
  first.destroy();
  assert.equal(upstream.connections.length, 1);
});

test('a pipelined request whose client left before its turn reaches no endpoint as a complete answer', async (t) => {
  const { port, upstream } = await behindGateway(t, () => undefined);
  const client = await RawClient.connect(port);
  await client.write(head('GET /1 HTTP/1.1', 'Host: a') + head('GET /2 HTTP/1.1', 'Host: a'));
  const connection = await upstream.connection();
  await connection.requestHead();
  client.destroy();
  for (const each of upstream.connections) await each.closed();
});
