import assert from 'node:assert/strict';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { freePort } from '../support/free-ports.js';
import { startGatewayUnderTest } from '../support/gateway-under-test.js';
import { GoodsFleet, well } from '../support/goods-fleet.js';
import { fieldOf, head, ok } from '../support/raw-http.js';
import { answering, type RawUpstream, rawUpstream, type Script } from '../support/raw-upstream.js';
import { Sequence } from '../support/sequence.js';
import { listenOnLoopback, standstill } from '../support/wire.js';

// How endpoints are asked whether they are well, judged by what they saw.

/** Only one who is silent is out of time, however busy this machine is. */
const CHECK = 'interval: 100ms, timeout: 1s, healthy: 2, unhealthy: 3';

/** The checks among the requests that an endpoint has had. */
function checks(upstream: RawUpstream | undefined, path = '/healthz'): readonly string[] {
  const lines = (upstream?.requests ?? []).map(({ startLine }) => startLine);
  return lines.filter((line) => line === `GET ${path} HTTP/1.1`);
}

/** Passes checks while `healthy` says so, and answers everything else. */
function checkable(healthy: () => boolean, path = '/healthz'): Script {
  return answering(({ startLine }) =>
    startLine.startsWith(`GET ${path} `) && !healthy() ? head('HTTP/1.1 500 Ill', 'Content-Length: 0') : ok(),
  );
}

describe('an HTTP check', () => {
  test('takes an endpoint out after three failures and brings it back after two passes', async (t) => {
    let ill = false;
    const asked = new Sequence<boolean>('check');
    const script = checkable(() => {
      asked.push(!ill);
      return !ill;
    });
    const fleet = await GoodsFleet.start(t, [well, script], { policy: [`healthCheck: { ${CHECK} }`] });
    await asked.nth(1);
    ill = true;
    const out = await fleet.gateway.healthChange(0);
    assert.deepEqual([out.address, out.reason], [fleet.upstreams[1]?.address, 'health-check']);
    assert.equal(asked.items.filter((passed) => !passed).length, 3);
    const { state, notEligible } = await fleet.seen(1);
    assert.deepEqual([state, notEligible], ['ejected', 'ejected: health-check']);
    assert.equal(
      (await fleet.gateway.metric('watchgate_ejections_total'))['service="goods",reason="health-check"'],
      1,
    );
    const before = fleet.requests(1) - checks(fleet.upstreams[1]).length;
    await fleet.gets(4);
    assert.equal(fleet.requests(1) - checks(fleet.upstreams[1]).length, before, 'no request is sent to it');

    ill = false;
    const passedBefore = asked.items.filter(Boolean).length;
    const back = await fleet.gateway.healthChange(1);
    assert.deepEqual([back.change, back.reason], ['returned', null]);
    assert.equal(asked.items.filter(Boolean).length - passedBefore, 2);
    await fleet.gets(4);
    assert.ok(fleet.requests(1) - checks(fleet.upstreams[1]).length > before);
  });

  test('makes one connection for many checks, and shares it with no request', async (t) => {
    const fleet = await GoodsFleet.start(t, [well], { policy: [`healthCheck: { ${CHECK} }`] });
    const [upstream] = fleet.upstreams;
    await upstream?.request(5);
    assert.equal(upstream?.connections.length, 1);
    assert.equal(checks(upstream).length, upstream?.requests.length);
    await fleet.gets(2);
    await upstream?.request((upstream?.requests.length ?? 0) + 2);
    assert.equal(upstream?.connections.length, 2);
  });

  test('asks for the path with the host and the status that the file says', async (t) => {
    const script = answering(({ startLine }) =>
      startLine.startsWith('GET /live?deep=1 ') ? head('HTTP/1.1 429 Busy', 'Content-Length: 0') : ok(),
    );
    const fleet = await GoodsFleet.start(t, [well, script], {
      policy: [`healthCheck: { path: "/live?deep=1", hostHeader: goods.internal, expect: 429, ${CHECK} }`],
    });
    const request = await fleet.upstreams[1]?.request(0);
    assert.ok(request !== undefined);
    assert.equal(request.startLine, 'GET /live?deep=1 HTTP/1.1');
    assert.equal(fieldOf(request, 'host'), 'goods.internal');
    const out = await fleet.gateway.healthChange(0);
    assert.equal(out.address, fleet.upstreams[0]?.address, 'a 200 is not what is expected');
    assert.equal((await fleet.seen(1)).state, 'up');
  });

  test('that is not answered in time has failed', async (t) => {
    const silent: Script = async (connection) => {
      while ((await connection.request()) !== undefined);
    };
    const hasty = CHECK.replace('timeout: 1s', 'timeout: 100ms');
    const fleet = await GoodsFleet.start(t, [well, silent], { policy: [`healthCheck: { ${hasty} }`] });
    assert.equal((await fleet.gateway.healthChange(0)).address, fleet.upstreams[1]?.address);
  });

  test('is made once at each endpoint, however many routes lead there', async (t) => {
    const upstream = await rawUpstream();
    t.after(() => upstream.close());
    const routes = [1, 2, 3, 4, 5].map((index) => `  - { prefix: /r${index}, service: goods }\n`);
    const gateway = await startGatewayUnderTest({
      routes: `routes:\n${routes.join('')}services:\n  goods: { healthCheck: { ${CHECK} } }\n`,
      services: { goods: [upstream.address] },
    });
    t.after(() => gateway.close());
    await upstream.request(0);
    const from = performance.now();
    await upstream.request(5);
    const tookMs = performance.now() - from;
    // Five intervals, each at most a tenth shorter.
    assert.ok(tookMs > 5 * 90 - 30, `five checks in ${tookMs} ms`);
    assert.equal(upstream.connections.length, 1);
  });

  test('ends when the endpoint leaves the registry, and when the gateway closes', async (t) => {
    const fleet = await GoodsFleet.start(t, [well, well], { policy: [`healthCheck: { ${CHECK} }`] });
    const [first, second] = fleet.upstreams;
    await Promise.all([first?.request(1), second?.request(1)]);
    fleet.gateway.setEndpoints('goods', [second?.address ?? '']);
    await (await first?.connection(0))?.closed();
    const seen = first?.requests.length;
    await second?.request((second?.requests.length ?? 0) + 3);
    assert.equal(first?.requests.length, seen);
    await fleet.gateway.close();
    await (await second?.connection(0))?.closed();
    await standstill(() => (first?.requests.length ?? 0) + (second?.requests.length ?? 0));
  });
});

describe('a TCP check', () => {
  test('passes when a connection can be made, and sends nothing', async (t) => {
    const fleet = await GoodsFleet.start(t, [well], { policy: [`healthCheck: { type: tcp, ${CHECK} }`] });
    const [upstream] = fleet.upstreams;
    for (const index of [0, 1, 2, 3]) {
      const connection = await upstream?.connection(index);
      await connection?.closed();
      assert.equal(connection?.count, 0);
    }
    assert.deepEqual(fleet.gateway.healthChanges, []);
  });

  test('takes out an endpoint that no request has met, and brings it back', async (t) => {
    const late = createServer((socket) => void socket.on('error', () => undefined));
    const port = await freePort();
    const fleet = await GoodsFleet.start(t, [well], {
      policy: [`healthCheck: { type: tcp, ${CHECK} }`],
      extra: [`127.0.0.1:${port}`],
    });
    assert.equal((await fleet.gateway.healthChange(0)).reason, 'health-check');
    assert.deepEqual(await fleet.gets(4), [200, 200, 200, 200]);
    assert.deepEqual(
      fleet.gateway.requests.map(({ attempts }) => attempts),
      [1, 1, 1, 1],
    );
    await new Promise<void>((resolve) => late.listen(port, '127.0.0.1', resolve));
    t.after(() => void late.close());
    assert.equal((await fleet.gateway.healthChange(1)).change, 'returned');
  });
});

test('a service whose endpoints all fail their checks uses them all the same', async (t) => {
  const fleet = await GoodsFleet.start(t, [checkable(() => false), checkable(() => false)], {
    policy: [`healthCheck: { ${CHECK} }`],
  });
  await Promise.all([fleet.gateway.healthChange(0), fleet.gateway.healthChange(1)]);
  assert.deepEqual(await fleet.gets(4), [200, 200, 200, 200]);
});

test('a check that passes does not bring back an endpoint that refuses requests', async (t) => {
  // Answers checks; breaks every request.
  const script: Script = async (connection) => {
    for (;;) {
      const request = await connection.request();
      if (request === undefined) return;
      if (!request.startLine.includes('/healthz')) return connection.reset();
      await connection.write(ok());
    }
  };
  const fleet = await GoodsFleet.start(t, [well, script], { policy: [`healthCheck: { ${CHECK} }`] });
  await fleet.posts(10);
  assert.equal((await fleet.gateway.healthChange(0)).reason, 'consecutive-failures');
  const checked = checks(fleet.upstreams[1]).length;
  await fleet.upstreams[1]?.request(checked + 5 + 3);
  assert.equal((await fleet.seen(1)).notEligible, 'ejected: consecutive-failures');
  assert.deepEqual(await fleet.gets(4), [200, 200, 200, 200]);
});

test('checks of a real Node server keep to one connection too', async (t) => {
  const fleet = await nodeServer(t, (_request, response) => response.end('fine'));
  await fleet.checked.nth(5);
  assert.equal(fleet.connections(), 1);
});

async function nodeServer(
  t: TestContext,
  listener: RequestListener,
): Promise<{ readonly checked: Sequence<string>; connections(): number }> {
  const checked = new Sequence<string>('check');
  let connections = 0;
  const server = createHttpServer((request, response) => {
    checked.push(request.url ?? '');
    listener(request, response);
  });
  server.on('connection', () => {
    connections += 1;
  });
  const port = await listenOnLoopback(server);
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  await GoodsFleet.start(t, [], {
    policy: [`healthCheck: { ${CHECK} }`],
    extra: [`127.0.0.1:${port}`],
  });
  return { checked, connections: () => connections };
}
