import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  behindGateway,
  type GatewayUnderTest,
  routeAll,
  startGatewayUnderTest,
} from '../support/gateway-under-test.js';
import { RawClient, type RawResponse, rawRequest } from '../support/raw-client.js';
import { chunked, fieldOf, fieldsOf, head, ok } from '../support/raw-http.js';
import { rawUpstream } from '../support/raw-upstream.js';

// RFC 9457, "Problem Details for HTTP APIs", with the members that the contract names.

const GET = head('GET /goods/1?secret=1 HTTP/1.1', 'Host: a');
/** Nothing listens there; connections are refused at once. */
const REFUSING = '127.0.0.1:1';

function assertProblem(response: RawResponse, status: number, code: string): void {
  assert.equal(response.status, status);
  assert.equal(fieldOf(response, 'content-type'), 'application/problem+json');
  assert.deepEqual(fieldsOf(response, 'content-length'), [String(response.body.length)]);
  const problem: unknown = JSON.parse(response.body.toString());
  assert.ok(typeof problem === 'object' && problem !== null);
  assert.deepEqual(Object.keys(problem).sort(), ['code', 'detail', 'status', 'title', 'trace_id']);
  const { title, detail, trace_id, ...rest } = problem as Record<string, unknown>;
  assert.deepEqual(rest, { status, code });
  assert.ok(typeof title === 'string' && title !== '' && typeof detail === 'string' && detail !== '');
  assert.match(String(trace_id), /^(?!0{32})[0-9a-f]{32}$/);
  assert.deepEqual(fieldsOf(response, 'x-trace-id'), [trace_id]);
  assert.doesNotMatch(response.body.toString(), /127\.0\.0\.1|ECONN|undici|node_modules|secret|\bat \//);
}

async function goodsAt(
  t: { after(task: () => Promise<void>): void },
  addresses: readonly string[],
  routes = routeAll(),
): Promise<GatewayUnderTest> {
  const gateway = await startGatewayUnderTest({ routes, services: { goods: addresses } });
  t.after(() => gateway.close());
  return gateway;
}

test('no route: 404 NO_ROUTE', async (t) => {
  const gateway = await goodsAt(t, [REFUSING], 'routes:\n  - prefix: /other\n    service: goods\n');
  assertProblem(await rawRequest(gateway.port, GET), 404, 'NO_ROUTE');
  const record = await gateway.record();
  assert.deepEqual([record.status, record.cause, record.route], [404, 'NO_ROUTE', undefined]);
});

test('no endpoint: 503 NO_ENDPOINT, to be tried again in a second', async (t) => {
  const gateway = await goodsAt(t, []);
  const response = await rawRequest(gateway.port, GET);
  assertProblem(response, 503, 'NO_ENDPOINT');
  assert.deepEqual(fieldsOf(response, 'Retry-After'), ['1']);
});

test('a queue that is full: 503 OVERLOADED, to be tried again in a second', async (t) => {
  const limits = 'services:\n  goods:\n    maxConnections: 1\n    maxWaiting: 1\n';
  const { port, upstream } = await behindGateway(t, () => undefined, routeAll() + limits);
  const clients = [
    await RawClient.connect(port),
    await RawClient.connect(port),
    await RawClient.connect(port),
  ];
  t.after(() => {
    for (const client of clients) client.destroy();
  });
  for (const client of clients) await client.write(GET);
  const response = await Promise.race(clients.map((client) => client.response()));
  assertProblem(response, 503, 'OVERLOADED');
  assert.deepEqual(fieldsOf(response, 'Retry-After'), ['1']);
  assert.equal(upstream.connections.length, 1);
});

test('every connection refused: 502 CONNECT_FAILED', async (t) => {
  const gateway = await goodsAt(t, [REFUSING, '127.0.0.2:1', '127.0.0.3:1']);
  assertProblem(await rawRequest(gateway.port, GET), 502, 'CONNECT_FAILED');
  const post = `${head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 5')}hello`;
  assertProblem(await rawRequest(gateway.port, post), 502, 'CONNECT_FAILED');
  assert.ok((await gateway.record()).attempts > 1, 'other endpoints were tried');
});

test('a connection that breaks before a response: 502 UPSTREAM_RESET', async (t) => {
  for (const how of ['end', 'reset'] as const) {
    const { port, upstream } = await behindGateway(t, async (connection) => {
      await connection.request();
      connection[how]();
    });
    assertProblem(await rawRequest(port, GET), 502, 'UPSTREAM_RESET');
    assert.equal(upstream.requests.length, 1);
  }
});

test('a response head cut short: 502', async (t) => {
  const { port } = await behindGateway(t, async (connection) => {
    await connection.request();
    await connection.write('HTTP/1.1 200 OK\r\nContent-Le');
    connection.end();
  });
  const response = await rawRequest(port, GET);
  assert.equal(response.status, 502);
});

test('no response within tryTimeout: 504 UPSTREAM_TIMEOUT, and the endpoint is let go', async (t) => {
  const { port, upstream } = await behindGateway(t, () => undefined, routeAll('tryTimeout: 100ms'));
  assertProblem(await rawRequest(port, GET), 504, 'UPSTREAM_TIMEOUT');
  await (await upstream.connection()).closed();
});

test('no response within totalTimeout: 504 UPSTREAM_TIMEOUT', async (t) => {
  const { port } = await behindGateway(t, () => undefined, routeAll('totalTimeout: 100ms'));
  assertProblem(await rawRequest(port, GET), 504, 'UPSTREAM_TIMEOUT');
});

test('a body announced above maxBody: 413 PAYLOAD_TOO_LARGE, and no endpoint is contacted', async (t) => {
  const { port, upstream } = await behindGateway(t, undefined, routeAll('maxBody: 1KiB'));
  const over = head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 1025') + 'x'.repeat(1025);
  assertProblem(await rawRequest(port, over), 413, 'PAYLOAD_TOO_LARGE');
  assert.equal(upstream.connections.length, 0);
  const exact = head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 1024') + 'x'.repeat(1024);
  assert.equal((await rawRequest(port, exact)).status, 200);
});

test('a chunked body that grows above maxBody: 413, and the endpoint never has a complete request', async (t) => {
  const { port, upstream } = await behindGateway(t, undefined, routeAll('maxBody: 1KiB'));
  const start = head('POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked');
  const half = 'x'.repeat(512);
  assert.equal((await rawRequest(port, start + chunked([half, half]))).status, 200);
  assertProblem(await rawRequest(port, start + chunked([half, half, 'x'])), 413, 'PAYLOAD_TOO_LARGE');
  for (const connection of upstream.connections.slice(1)) await connection.closed();
  assert.equal(upstream.requests.length, 1);
});

test('a body above maxBody is counted for the route and its service, announced or not', async (t) => {
  const { port, gateway } = await behindGateway(t, undefined, routeAll('maxBody: 1B'));
  await rawRequest(port, `${head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 2')}xx`);
  await rawRequest(port, head('POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked') + chunked(['xx']));
  for (const index of [0, 1]) {
    const { route, service, cause } = await gateway.record(index);
    assert.deepEqual([route, service, cause], ['/', 'goods', 'PAYLOAD_TOO_LARGE']);
  }
  assert.deepEqual(await gateway.metric('watchgate_requests_total'), {
    'route="/",service="goods",method="POST",code="413"': 2,
  });
  assert.deepEqual(await gateway.metric('watchgate_failures_total'), {
    'service="goods",code="PAYLOAD_TOO_LARGE"': 2,
  });
});

test('a head over the limit: 431', async (t) => {
  const { port, upstream } = await behindGateway(t);
  const response = await rawRequest(port, head('GET / HTTP/1.1', 'Host: a', `X-A: ${'a'.repeat(100_000)}`));
  assert.equal(response.status, 431);
  assert.equal(fieldsOf(response, 'x-trace-id').length, 1);
  assert.equal(upstream.connections.length, 0);
});

test('an answer to HEAD has the fields of the problem and no body', async (t) => {
  const gateway = await goodsAt(t, []);
  const client = await RawClient.connect(gateway.port);
  t.after(() => client.destroy());
  for (let turn = 0; turn < 2; turn += 1) {
    await client.write(head('HEAD / HTTP/1.1', 'Host: a'));
    assert.equal((await client.response({ toHead: true })).status, 503);
  }
  assert.equal(client.rest().length, 0);
});

test('every response carries one x-trace-id, the gateway’s', async (t) => {
  const upstream = await rawUpstream(async (connection) => {
    while (await connection.request())
      await connection.write(ok('ok', 'X-Trace-Id: theirs', 'x-trace-id: again'));
  });
  t.after(() => upstream.close());
  const gateway = await goodsAt(t, [upstream.address]);
  const response = await rawRequest(gateway.port, GET);
  const [traceId, ...more] = fieldsOf(response, 'x-trace-id');
  assert.deepEqual(more, []);
  assert.equal(traceId, (await gateway.record()).traceId);
});
