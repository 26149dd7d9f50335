import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { behindGateway, routeAll, startGatewayUnderTest } from '../support/gateway-under-test.js';
import { resetting } from '../support/goods-fleet.js';
import { RawClient, type RawResponse, rawRequest } from '../support/raw-client.js';
import { fieldOf, head, ok } from '../support/raw-http.js';
import { type RawUpstream, rawUpstream } from '../support/raw-upstream.js';
import { standstill } from '../support/wire.js';

// What a service gets at once is bounded, and who waits for it knows for how long.

const get = (path: string): string => head(`GET ${path} HTTP/1.1`, 'Host: a');

/** The test answers. */
const silent = (): void => undefined;

function limited(...lines: readonly string[]): string {
  return `${routeAll()}services:\n  goods: { ${lines.join(', ')} }\n`;
}

async function asking(t: TestContext, port: number, path: string): Promise<RawClient> {
  const client = await RawClient.connect(port);
  t.after(() => client.destroy());
  await client.write(get(path));
  return client;
}

/** A request that waits: it shows nowhere, so the endpoint is given a moment in which nothing comes. */
async function waiting(
  t: TestContext,
  port: number,
  upstream: RawUpstream,
  path: string,
): Promise<RawClient> {
  const client = await asking(t, port, path);
  await standstill(() => upstream.connections.length, 30);
  return client;
}

function assertOverloaded(response: RawResponse): void {
  assert.equal(response.status, 503);
  assert.equal(fieldOf(response, 'retry-after'), '1');
  assert.equal(fieldOf(response, 'content-type'), 'application/problem+json');
  const { code } = JSON.parse(response.body.toString()) as { code: string };
  assert.equal(code, 'OVERLOADED');
}

describe('a service with a limit on its requests in flight', () => {
  test('gets as many as it may; the next waits its turn; one more is refused at once', async (t) => {
    const { port, upstream, gateway } = await behindGateway(
      t,
      silent,
      limited('maxInFlight: 2', 'maxQueue: 1', 'queueTimeout: 5s'),
    );
    const first = await asking(t, port, '/first');
    const second = await asking(t, port, '/second');
    const [one, two] = [await upstream.connection(0), await upstream.connection(1)];
    await Promise.all([one.request(), two.request()]);
    const third = await waiting(t, port, upstream, '/third');
    assertOverloaded(await rawRequest(port, get('/fourth')));
    assert.equal((await gateway.record(0)).attempts, 0, 'no endpoint has seen it');
    await one.write(ok('first'));
    assert.equal((await first.response()).body.toString(), 'first');
    assert.match((await one.request())?.startLine ?? '', /\/third/);
    await one.write(ok('third'));
    await two.write(ok('second'));
    assert.equal((await third.response()).body.toString(), 'third');
    assert.equal((await second.response()).body.toString(), 'second');
  });

  test('answers who has waited for as long as allowed, and goes on', async (t) => {
    const policy = limited('maxInFlight: 1', 'maxQueue: 10', 'queueTimeout: 100ms');
    const { port, upstream } = await behindGateway(t, silent, policy);
    const first = await asking(t, port, '/first');
    const connection = await upstream.connection(0);
    await connection.request();
    const from = performance.now();
    assertOverloaded(await rawRequest(port, get('/late')));
    const waitedMs = performance.now() - from;
    assert.ok(waitedMs >= 95 && waitedMs < 1_000, `${waitedMs}`);
    await connection.write(ok());
    assert.equal((await first.response()).status, 200);
    const next = await asking(t, port, '/next');
    assert.match((await connection.request())?.startLine ?? '', /\/next/);
    await connection.write(ok());
    assert.equal((await next.response()).status, 200);
  });

  test('without a queue refuses the first that is too many', async (t) => {
    const { port, upstream } = await behindGateway(t, silent, limited('maxInFlight: 1', 'maxQueue: 0'));
    await asking(t, port, '/first');
    await (await upstream.connection(0)).request();
    assertOverloaded(await rawRequest(port, get('/second')));
  });

  test('loses no place to clients that leave, waiting or served', async (t) => {
    const { port, upstream, gateway } = await behindGateway(
      t,
      silent,
      limited('maxInFlight: 1', 'maxQueue: 2', 'queueTimeout: 5s'),
    );
    const served = await asking(t, port, '/served');
    await (await upstream.connection(0)).request();
    const gone = await waiting(t, port, upstream, '/gone');
    const next = await waiting(t, port, upstream, '/next');
    gone.destroy();
    assert.equal((await gateway.record(0)).cause, 'CLIENT_GONE');
    served.destroy();
    const connection = await upstream.connection(1);
    assert.match((await connection.request())?.startLine ?? '', /\/next/);
    await connection.write(ok());
    assert.equal((await next.response()).status, 200);
  });

  test('loses no place to requests that fail', async (t) => {
    const { port } = await behindGateway(t, resetting, limited('maxInFlight: 1', 'maxQueue: 0'));
    const statuses: number[] = [];
    for (let turn = 0; turn < 5; turn += 1) statuses.push((await rawRequest(port, get('/'))).status);
    assert.deepEqual(statuses, [502, 502, 502, 502, 502]);
  });

  test('says nothing to requests of another service', async (t) => {
    const goods = await rawUpstream(silent);
    const carts = await rawUpstream();
    t.after(() => Promise.all([goods.close(), carts.close()]));
    const gateway = await startGatewayUnderTest({
      routes: [
        'routes:',
        '  - { prefix: /goods, service: goods }',
        '  - { prefix: /carts, service: carts }',
        'services:',
        '  goods: { maxInFlight: 1, maxQueue: 0 }',
        '',
      ].join('\n'),
      services: { goods: [goods.address], carts: [carts.address] },
    });
    t.after(() => gateway.close());
    await asking(t, gateway.port, '/goods');
    await (await goods.connection(0)).request();
    assert.equal((await rawRequest(gateway.port, get('/goods'))).status, 503);
    assert.equal((await rawRequest(gateway.port, get('/carts'))).status, 200);
  });
});

test('when every connection to the endpoint is taken, waiting is bounded by the same deadline', async (t) => {
  const policy = limited('maxConnections: 1', 'queueTimeout: 100ms');
  const { port, upstream } = await behindGateway(t, silent, policy);
  await asking(t, port, '/first');
  await (await upstream.connection(0)).request();
  assertOverloaded(await rawRequest(port, get('/second')));
});
