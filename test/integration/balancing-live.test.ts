import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import {
  behindGateway,
  type GatewayUnderTest,
  routeAll,
  startGatewayUnderTest,
} from '../support/gateway-under-test.js';
import { RawClient, rawRequest } from '../support/raw-client.js';
import { head, ok } from '../support/raw-http.js';
import { answering, type RawUpstream, rawUpstream } from '../support/raw-upstream.js';

const GET = head('GET / HTTP/1.1', 'Host: a');
/** Nothing listens there; connections are refused at once. */
const REFUSING = '127.0.0.1:1';

interface Fleet {
  readonly gateway: GatewayUnderTest;
  readonly upstreams: readonly RawUpstream[];
}

/** Upstreams that answer with their own index, all registered as `goods`. */
async function fleet(t: TestContext, size: number, balance = 'least-loaded'): Promise<Fleet> {
  const upstreams = await Promise.all(
    Array.from({ length: size }, (_, index) => rawUpstream(answering(ok(String(index))))),
  );
  const gateway = await startGatewayUnderTest({
    routes: `${routeAll()}services:\n  goods:\n    balance: ${balance}\n`,
    services: { goods: upstreams.map(({ address }) => address) },
  });
  t.after(() => Promise.all([gateway.close(), ...upstreams.map((upstream) => upstream.close())]));
  return { gateway, upstreams };
}

test('requests one after another use one connection', async (t) => {
  const { port, upstream } = await behindGateway(t);
  for (let turn = 0; turn < 20; turn += 1) await rawRequest(port, GET);
  assert.equal(upstream.requests.length, 20);
  assert.equal(upstream.connections.length, 1);
});

test('requests at once use a connection each, and those are used again', async (t) => {
  const { port, upstream } = await behindGateway(t, () => undefined);
  const clients = await Promise.all([1, 2, 3].map(() => RawClient.connect(port)));
  t.after(() => {
    for (const client of clients) client.destroy();
  });
  for (let turn = 0; turn < 2; turn += 1) {
    for (const client of clients) await client.write(GET);
    for (let index = 0; index < 3; index += 1) {
      const connection = await upstream.connection(index);
      await connection.request();
      await connection.write(ok());
    }
    for (const client of clients) assert.equal((await client.response()).status, 200);
  }
  assert.equal(upstream.connections.length, 3);
});

test('services never share a connection, even at one address', async (t) => {
  const upstream = await rawUpstream();
  const gateway = await startGatewayUnderTest({
    routes: 'routes:\n  - { prefix: /a, service: a }\n  - { prefix: /b, service: b }\n',
    services: { a: [upstream.address], b: [upstream.address] },
  });
  t.after(() => Promise.all([gateway.close(), upstream.close()]));
  await rawRequest(gateway.port, head('GET /a HTTP/1.1', 'Host: a'));
  await rawRequest(gateway.port, head('GET /b HTTP/1.1', 'Host: a'));
  assert.equal(upstream.connections.length, 2);
});

test('round-robin gives each endpoint its turn', async (t) => {
  const { gateway, upstreams } = await fleet(t, 3, 'round-robin');
  for (let turn = 0; turn < 9; turn += 1) await rawRequest(gateway.port, GET);
  assert.deepEqual(
    upstreams.map(({ requests }) => requests.length),
    [3, 3, 3],
  );
});

test('least-loaded keeps away from an endpoint that is busy', async (t) => {
  const busy = await rawUpstream(() => undefined);
  const idle = await rawUpstream();
  const gateway = await startGatewayUnderTest({ routes: routeAll(), services: { goods: [busy.address] } });
  t.after(() => Promise.all([gateway.close(), busy.close(), idle.close()]));
  const waiting = await RawClient.connect(gateway.port);
  t.after(() => waiting.destroy());
  await waiting.write(GET);
  await (await busy.connection()).requestHead();
  gateway.setEndpoints('goods', [busy.address, idle.address]);
  for (let turn = 0; turn < 10; turn += 1) assert.equal((await rawRequest(gateway.port, GET)).status, 200);
  assert.equal(idle.requests.length, 10);
});

test('an endpoint that joins is used by the next request, one that left is not', async (t) => {
  const { gateway, upstreams } = await fleet(t, 2);
  const [first, second] = upstreams;
  assert.ok(first && second);
  const answer = async (): Promise<string> => (await rawRequest(gateway.port, GET)).body.toString();
  gateway.setEndpoints('goods', [first.address]);
  for (let turn = 0; turn < 5; turn += 1) assert.equal(await answer(), '0');
  gateway.setEndpoints('goods', [second.address]);
  for (let turn = 0; turn < 5; turn += 1) assert.equal(await answer(), '1');
  gateway.setEndpoints('goods', []);
  assert.equal((await rawRequest(gateway.port, GET)).status, 503);
  gateway.setEndpoints('goods', [first.address]);
  assert.equal(await answer(), '0');
});

test('a request in flight at an endpoint that leaves is finished', async (t) => {
  const { port, upstream, gateway } = await behindGateway(t, () => undefined);
  const client = await RawClient.connect(port);
  t.after(() => client.destroy());
  await client.write(GET);
  const connection = await upstream.connection();
  await connection.requestHead();
  await connection.write(`${head('HTTP/1.1 200 OK', 'Content-Length: 8')}half`);
  await client.sees('half');
  gateway.setEndpoints('goods', []);
  await connection.write('half');
  assert.equal((await client.response()).body.toString(), 'halfhalf');
  await connection.closed();
});

test('idle connections to an endpoint that left are closed', async (t) => {
  const { port, upstream, gateway } = await behindGateway(t);
  await rawRequest(port, GET);
  const connection = await upstream.connection();
  gateway.setEndpoints('goods', []);
  await connection.closed();
});

test('a refused connection costs no request: another endpoint is used, whatever the method', async (t) => {
  const upstream = await rawUpstream();
  const gateway = await startGatewayUnderTest({
    routes: routeAll(),
    services: { goods: [REFUSING, upstream.address] },
  });
  t.after(() => Promise.all([gateway.close(), upstream.close()]));
  const large = 'x'.repeat(300_000);
  const requests = [
    GET,
    `${head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 5')}hello`,
    `${head('POST / HTTP/1.1', 'Host: a', `Content-Length: ${large.length}`)}${large}`,
    `${head('PATCH / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked')}5\r\nhello\r\n0\r\n\r\n`,
  ];
  for (let turn = 0; turn < 6; turn += 1) {
    for (const bytes of requests) assert.equal((await rawRequest(gateway.port, bytes)).status, 200);
  }
  const lengths = new Set(upstream.requests.map(({ body }) => body.length));
  assert.deepEqual(lengths, new Set([0, 5, large.length]));
  assert.equal(upstream.requests.length, 24);
  assert.ok(gateway.requests.some(({ attempts }) => attempts === 2));
});
