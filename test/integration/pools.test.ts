import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { behindGateway, routeAll } from '../support/gateway-under-test.js';
import { RawClient, rawRequest } from '../support/raw-client.js';
import { fieldOf, head, ok } from '../support/raw-http.js';
import { answering, type RawUpstream, type UpstreamConnection } from '../support/raw-upstream.js';
import { standstill } from '../support/wire.js';

// How connections to one endpoint are kept, shared out and given up, judged by what the endpoint saw.

const get = (path: string): string => head(`GET ${path} HTTP/1.1`, 'Host: a');
const post = (path: string): string => `${head(`POST ${path} HTTP/1.1`, 'Host: a', 'Content-Length: 2')}hi`;

/** An endpoint that does nothing by itself: the test answers. */
const silent = (): void => undefined;

function withPolicy(...lines: readonly string[]): string {
  return `${routeAll()}services:\n  goods: { ${lines.join(', ')} }\n`;
}

/** A client with one request under way. */
async function asking(t: TestContext, port: number, bytes: string): Promise<RawClient> {
  const client = await RawClient.connect(port);
  t.after(() => client.destroy());
  await client.write(bytes);
  return client;
}

/**
 * A client whose request finds every connection busy. That it has joined the queue shows nowhere, so
 * the endpoint is given a moment in which nothing comes.
 */
async function queued(
  t: TestContext,
  port: number,
  upstream: RawUpstream,
  bytes: string,
): Promise<RawClient> {
  const client = await asking(t, port, bytes);
  await standstill(() => upstream.connections.length, 60);
  return client;
}

/** Waits for a request on a connection and returns its path. */
async function pathOn(connection: UpstreamConnection): Promise<string | undefined> {
  return (await connection.request())?.startLine.split(' ')[1];
}

/** A request under way on a connection of its own, seen by the endpoint. */
async function underWay(
  t: TestContext,
  port: number,
  upstream: RawUpstream,
  index: number,
): Promise<{ readonly client: RawClient; readonly connection: UpstreamConnection }> {
  const client = await asking(t, port, get(`/${index}`));
  const connection = await upstream.connection(index);
  assert.equal(await pathOn(connection), `/${index}`);
  return { client, connection };
}

async function codeOf(client: RawClient): Promise<string> {
  const response = await client.response();
  const { code } = JSON.parse(response.body.toString()) as { code: string };
  return `${response.status} ${code}`;
}

test('the connection that was used last is used first, so that the others may age and close', async (t) => {
  const { port, upstream } = await behindGateway(t, silent);
  const exchanges = [0, 1, 2].map((index) => () => underWay(t, port, upstream, index));
  const under = [];
  for (const exchange of exchanges) under.push(await exchange());
  for (const index of [1, 2, 0]) {
    await under[index]?.connection.write(ok());
    await under[index]?.client.response();
  }
  const last = await upstream.connection(0);
  for (let turn = 0; turn < 5; turn += 1) {
    const client = await asking(t, port, get(`/again/${turn}`));
    assert.equal(await pathOn(last), `/again/${turn}`);
    await last.write(ok());
    await client.response();
  }
  assert.equal(upstream.connections.length, 3);
});

test('no more connections are made than allowed; who waits is served first come, first served', async (t) => {
  const { port, upstream } = await behindGateway(t, silent, withPolicy('maxConnections: 2'));
  const first = await underWay(t, port, upstream, 0);
  const second = await underWay(t, port, upstream, 1);
  const waiting: RawClient[] = [];
  for (const path of ['/third', '/fourth', '/fifth']) {
    waiting.push(await queued(t, port, upstream, get(path)));
  }
  await second.connection.write(ok('second'));
  assert.equal(await pathOn(second.connection), '/third');
  await second.connection.write(ok('third'));
  assert.equal(await pathOn(second.connection), '/fourth');
  await first.connection.write(ok('first'));
  assert.equal(await pathOn(first.connection), '/fifth');
  await first.connection.write(ok('fifth'));
  await second.connection.write(ok('fourth'));
  const bodies = await Promise.all(waiting.map(async (client) => (await client.response()).body.toString()));
  assert.deepEqual(bodies, ['third', 'fourth', 'fifth']);
  assert.equal(upstream.connections.length, 2);
});

test('a request beyond the queue is answered OVERLOADED at once, and those in it are not harmed', async (t) => {
  const policy = withPolicy('maxConnections: 1', 'maxWaiting: 1');
  const { port, upstream, gateway } = await behindGateway(t, silent, policy);
  const { client, connection } = await underWay(t, port, upstream, 0);
  const waiting = await queued(t, port, upstream, get('/waiting'));
  const refused = await rawRequest(port, get('/refused'));
  assert.equal(refused.status, 503);
  assert.match(refused.body.toString(), /"code":"OVERLOADED"/);
  assert.equal(fieldOf(refused, 'retry-after'), '1');
  assert.equal((await gateway.record(0)).attempts, 0, 'no endpoint was tried');
  await connection.write(ok('first'));
  assert.equal((await client.response()).status, 200);
  assert.equal(await pathOn(connection), '/waiting');
  await connection.write(ok('second'));
  assert.equal((await waiting.response()).status, 200);
});

test('without a queue the first request too many is refused', async (t) => {
  const policy = withPolicy('maxConnections: 1', 'maxWaiting: 0');
  const { port, upstream } = await behindGateway(t, silent, policy);
  await underWay(t, port, upstream, 0);
  assert.equal((await rawRequest(port, get('/refused'))).status, 503);
});

test('one that waits longer than an attempt may last is answered OVERLOADED, and gives up its place', async (t) => {
  const routes = `${routeAll('tryTimeout: 300ms')}services:\n  goods: { maxConnections: 1, maxWaiting: 1 }\n`;
  const { port, upstream } = await behindGateway(t, silent, routes);
  const first = await asking(t, port, head('GET /first HTTP/1.1', 'Host: a'));
  const connection = await upstream.connection(0);
  await connection.request();
  // Its response has begun, so the time for its attempt is over.
  await connection.write(head('HTTP/1.1 200 OK', 'Content-Length: 4'));
  await first.sees('200 OK');
  assert.equal(await codeOf(await asking(t, port, get('/waiting'))), '503 OVERLOADED');
  const next = await queued(t, port, upstream, get('/next'));
  await connection.write('body');
  assert.equal(await pathOn(connection), '/next');
  await connection.write(ok());
  assert.equal((await next.response()).status, 200);
});

test('a client that leaves the queue is passed over', async (t) => {
  const { port, upstream, gateway } = await behindGateway(t, silent, withPolicy('maxConnections: 1'));
  const { connection } = await underWay(t, port, upstream, 0);
  const gone = await queued(t, port, upstream, get('/gone'));
  const next = await queued(t, port, upstream, get('/next'));
  gone.destroy();
  assert.equal((await gateway.record(0)).cause, 'CLIENT_GONE');
  await connection.write(ok());
  assert.equal(await pathOn(connection), '/next');
  await connection.write(ok());
  assert.equal((await next.response()).status, 200);
});

test('when a connection breaks, who waits for one is given a new one', async (t) => {
  const { port, upstream } = await behindGateway(t, silent, withPolicy('maxConnections: 1'));
  const { client, connection } = await underWay(t, port, upstream, 0);
  const waiting = await queued(t, port, upstream, post('/waiting'));
  connection.reset();
  assert.equal(await codeOf(client), '502 UPSTREAM_RESET');
  const fresh = await upstream.connection(1);
  assert.equal(await pathOn(fresh), '/waiting');
  await fresh.write(ok());
  assert.equal((await waiting.response()).status, 200);
});

test('a client that leaves while the endpoint thinks gives its place to who waits', async (t) => {
  const { port, upstream } = await behindGateway(t, silent, withPolicy('maxConnections: 1'));
  const { client, connection } = await underWay(t, port, upstream, 0);
  const waiting = await queued(t, port, upstream, get('/waiting'));
  client.destroy();
  await connection.closed();
  const fresh = await upstream.connection(1);
  assert.equal(await pathOn(fresh), '/waiting');
  await fresh.write(ok());
  assert.equal((await waiting.response()).status, 200);
});

test('an idle connection that the endpoint closes is dropped, and costs no request', async (t) => {
  const { port, upstream, gateway } = await behindGateway(t, async (connection) => {
    await connection.request();
    await connection.write(ok());
    connection.end();
  });
  for (let turn = 0; turn < 3; turn += 1) {
    assert.equal((await rawRequest(port, post(`/${turn}`))).status, 200);
    await (await upstream.connection(turn)).closed();
  }
  assert.deepEqual([upstream.connections.length, upstream.requests.length], [3, 3]);
  assert.deepEqual(
    gateway.requests.map(({ attempts }) => attempts),
    [1, 1, 1],
  );
});

test('a connection that the endpoint says it will close is not used again', async (t) => {
  const { port, upstream } = await behindGateway(t, answering(ok('ok', 'Connection: close')));
  for (let turn = 0; turn < 3; turn += 1) {
    assert.equal((await rawRequest(port, post(`/${turn}`))).status, 200);
  }
  assert.equal(upstream.connections.length, 3);
});

test('a connection that the endpoint keeps for a moment only is not used again', async (t) => {
  const { port, upstream } = await behindGateway(t, answering(ok('ok', 'Keep-Alive: timeout=1')));
  for (let turn = 0; turn < 3; turn += 1) {
    assert.equal((await rawRequest(port, post(`/${turn}`))).status, 200);
  }
  assert.equal(upstream.connections.length, 3);
});

test('an endpoint that left finishes its request, and then its connection is closed', async (t) => {
  const { port, upstream, gateway } = await behindGateway(t, silent);
  const { client, connection } = await underWay(t, port, upstream, 0);
  gateway.setEndpoints('goods', []);
  assert.equal((await rawRequest(port, get('/late'))).status, 503);
  await connection.write(ok('finished'));
  assert.equal((await client.response()).body.toString(), 'finished');
  await connection.closed();
});

test('an endpoint that comes back while it finishes keeps its connection', async (t) => {
  const { port, upstream, gateway } = await behindGateway(t, silent);
  const { client, connection } = await underWay(t, port, upstream, 0);
  gateway.setEndpoints('goods', []);
  gateway.setEndpoints('goods', [upstream.address]);
  await connection.write(ok('finished'));
  assert.equal((await client.response()).body.toString(), 'finished');
  const again = await asking(t, port, get('/again'));
  assert.equal(await pathOn(connection), '/again');
  await connection.write(ok());
  assert.equal((await again.response()).status, 200);
  assert.equal(upstream.connections.length, 1);
});

test('who waits at an endpoint that leaves is still served by it', async (t) => {
  const { port, upstream, gateway } = await behindGateway(t, silent, withPolicy('maxConnections: 1'));
  const { client, connection } = await underWay(t, port, upstream, 0);
  const waiting = await queued(t, port, upstream, get('/waiting'));
  gateway.setEndpoints('goods', []);
  await connection.write(ok());
  await client.response();
  assert.equal(await pathOn(connection), '/waiting');
  await connection.write(ok('served'));
  assert.equal((await waiting.response()).body.toString(), 'served');
  await connection.closed();
});

test('what is in flight at an endpoint that left is broken off when its grace is over', async (t) => {
  const { port, upstream, gateway } = await behindGateway(t, silent, withPolicy('drainTimeout: 50ms'));
  const { client, connection } = await underWay(t, port, upstream, 0);
  gateway.setEndpoints('goods', []);
  assert.equal(await codeOf(client), '502 UPSTREAM_RESET');
  await connection.closed();
});

test('who still waits when the grace is over is answered at once', async (t) => {
  const policy = withPolicy('maxConnections: 1', 'drainTimeout: 50ms');
  const { port, upstream, gateway } = await behindGateway(t, silent, policy);
  const { connection } = await underWay(t, port, upstream, 0);
  const waiting = await queued(t, port, upstream, get('/waiting'));
  gateway.setEndpoints('goods', []);
  await connection.closed();
  assert.equal((await waiting.response()).status, 503);
});
