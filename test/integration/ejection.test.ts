import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import type { HealthReason } from '../../src/core/events.js';
import type { JournalEntry } from '../../src/core/views.js';
import { freePort } from '../support/free-ports.js';
import { failing, GoodsFleet, hanging, resetting, well } from '../support/goods-fleet.js';
import { RawClient, rawRequest } from '../support/raw-client.js';
import { head, ok } from '../support/raw-http.js';
import type { Script } from '../support/raw-upstream.js';

// How endpoints are taken out by the way their attempts end, judged by clients, endpoints and the admin port.

const REFUSED = 'ejected: refused';

/** A port on which nothing listens until `open` is called. */
class ClosedPort {
  readonly port: number;
  readonly address: string;
  requests = 0;

  private constructor(port: number) {
    this.port = port;
    this.address = `127.0.0.1:${port}`;
  }

  static async find(): Promise<ClosedPort> {
    return new ClosedPort(await freePort());
  }

  async open(t: TestContext): Promise<void> {
    const server = createServer((socket) => {
      t.after(() => socket.destroy());
      socket.on('error', () => undefined);
      socket.on('data', () => {
        this.requests += 1;
        socket.write(ok());
      });
    });
    await new Promise<void>((resolve) => server.listen(this.port, '127.0.0.1', resolve));
    t.after(() => void server.close());
  }
}

describe('an endpoint that refuses connections', () => {
  test('is out at once, costs no request, and its reason is everywhere', async (t) => {
    const closed = await ClosedPort.find();
    const fleet = await GoodsFleet.start(t, [well, well], { extra: [closed.address] });
    assert.deepEqual(await fleet.gets(6), Array(6).fill(200));
    const { service, address, change, reason } = await fleet.gateway.healthChange(0);
    assert.deepEqual([service, address, change, reason], ['goods', closed.address, 'ejected', 'refused']);
    const { state, notEligible } = await fleet.seen(closed.address);
    assert.deepEqual([state, notEligible], ['ejected', REFUSED]);
    assert.deepEqual(await fleet.gateway.metric('watchgate_ejections_total'), {
      'service="goods",reason="refused"': 1,
    });
    const endpoints = await fleet.gateway.metric('watchgate_endpoints');
    assert.equal(endpoints['service="goods",state="ejected"'], 1);
    const journal = (await fleet.gateway.api('/api/events?service=goods')) as JournalEntry[];
    const told = journal.filter((entry) => entry.kind === 'health');
    assert.equal(told.length, 1);
    assert.ok((told[0]?.appliedMs ?? -1) >= 0);
    assert.deepEqual(
      { ...told[0], at: 0, appliedMs: 0 },
      {
        kind: 'health',
        at: 0,
        service: 'goods',
        address: closed.address,
        change: 'ejected',
        reason: 'refused',
        key: closed.address,
        revision: '2',
        appliedMs: 0,
        eligibleLeft: 2,
      },
    );
    const tries = fleet.gateway.requests.map(({ attempts }) => attempts);
    assert.equal(tries.filter((attempts) => attempts === 2).length, 1, 'one request met the refusal');
  });

  test('costs no POST either, for nothing of it was sent', async (t) => {
    const closed = await ClosedPort.find();
    const fleet = await GoodsFleet.start(t, [well], { extra: [closed.address] });
    const post = `${head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 2')}hi`;
    for (let turn = 0; turn < 4; turn += 1) {
      assert.equal((await rawRequest(fleet.gateway.port, post)).status, 200);
    }
    assert.equal(fleet.requests(0), 4);
  });

  test('is back about a second after it listens again, without a request having been risked', async (t) => {
    const closed = await ClosedPort.find();
    const fleet = await GoodsFleet.start(t, [well], { extra: [closed.address] });
    await fleet.gets(2);
    await fleet.gateway.healthChange(0);
    await closed.open(t);
    const listensAt = performance.now();
    assert.equal((await fleet.gateway.healthChange(1)).change, 'returned');
    const tookMs = performance.now() - listensAt;
    assert.ok(tookMs < 1_200, `took ${tookMs} ms`);
    assert.equal(closed.requests, 0);
    await fleet.gets(2);
    assert.equal(closed.requests, 1);
    assert.equal((await fleet.seen(closed.address)).state, 'up');
  });

  test('is still tried when it is the only one, and answers as soon as it can', async (t) => {
    const closed = await ClosedPort.find();
    const fleet = await GoodsFleet.start(t, [], { extra: [closed.address] });
    assert.deepEqual(await fleet.gets(3), [502, 502, 502]);
    assert.equal((await fleet.seen(closed.address)).state, 'up');
    await closed.open(t);
    assert.equal(await fleet.get(), 200);
    assert.deepEqual(fleet.gateway.healthChanges, []);
  });

  test('is not asked after it has left the registry', async (t) => {
    const closed = await ClosedPort.find();
    const fleet = await GoodsFleet.start(t, [well], { extra: [closed.address] });
    await fleet.gets(2);
    await fleet.gateway.healthChange(0);
    fleet.gateway.setEndpoints('goods', [fleet.upstreams[0]?.address ?? '']);
    let connections = 0;
    const server = createServer((socket) => {
      connections += 1;
      socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(closed.port, '127.0.0.1', resolve));
    t.after(() => void server.close());
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    assert.equal(connections, 0);
  });
});

describe('an endpoint that fails', () => {
  const kinds: readonly { what: string; script: Script; answer: number; route?: readonly string[] }[] = [
    { what: 'resets connections', script: resetting, answer: 502 },
    { what: 'answers 503', script: failing(503), answer: 503 },
    {
      what: 'hangs: no response head within tryTimeout',
      script: hanging,
      answer: 504,
      route: ['tryTimeout: 500ms'],
    },
    {
      what: 'does not speak HTTP',
      script: async (connection) => {
        await connection.request();
        await connection.write('garbage\r\n\r\n');
      },
      answer: 502,
    },
  ];
  for (const { what, script, answer, route = [] } of kinds) {
    test(`is out after five failures in a row: ${what}`, async (t) => {
      const fleet = await GoodsFleet.start(t, [well, script], { route });
      const statuses = await fleet.posts(10);
      assert.equal(statuses.filter((status) => status === answer).length, 5, `${statuses}`);
      const { address, reason } = await fleet.gateway.healthChange(0);
      assert.deepEqual([address, reason], [fleet.upstreams[1]?.address, 'consecutive-failures']);
      assert.deepEqual(await fleet.gets(10), Array(10).fill(200));
      assert.equal((await fleet.seen(1)).notEligible, 'ejected: consecutive-failures');
    });
  }

  test('costs no GET, for that is sent to another endpoint', async (t) => {
    const fleet = await GoodsFleet.start(t, [well, resetting, hanging], { route: ['tryTimeout: 500ms'] });
    assert.deepEqual(await fleet.gets(12), Array(12).fill(200));
  });

  test('comes back after its time, and is out at once for longer when it fails again', async (t) => {
    const fleet = await GoodsFleet.start(t, [well, failing(503)], {
      policy: ['ejection: { consecutiveFailures: 2, baseTime: 200ms }'],
    });
    await fleet.gets(4);
    const out = await fleet.gateway.healthChange(0);
    const back = await fleet.gateway.healthChange(1);
    assert.deepEqual([out.change, back.change], ['ejected', 'returned']);
    await fleet.gets(4);
    const [outAgain, backAgain] = [await fleet.gateway.healthChange(2), await fleet.gateway.healthChange(3)];
    const [first, second] = [back.at - out.at, backAgain.at - outAgain.at];
    assert.ok(first >= 175 && second >= 355, `${first} ms, then ${second} ms`);
  });

  test('a client that leaves is not a failure of the endpoint', async (t) => {
    const fleet = await GoodsFleet.start(t, [hanging, hanging]);
    for (let turn = 0; turn < 12; turn += 1) {
      const client = await RawClient.connect(fleet.gateway.port);
      await client.write(head('GET / HTTP/1.1', 'Host: a'));
      // The first of the two turns is at either endpoint, the second at the other.
      const asked = fleet.upstreams.map((upstream) => upstream.request(Math.floor(turn / 2)));
      await (turn % 2 === 0 ? Promise.race(asked) : Promise.all(asked));
      client.destroy();
      assert.equal((await fleet.gateway.record(turn)).cause, 'CLIENT_GONE');
    }
    assert.deepEqual(fleet.gateway.healthChanges, []);
  });

  test('stays when ejection is turned off', async (t) => {
    const fleet = await GoodsFleet.start(t, [well, failing(503)], {
      policy: ['ejection: { enabled: false }'],
    });
    const statuses = await fleet.gets(20);
    assert.equal(statuses.filter((status) => status === 503).length, 10);
    assert.deepEqual(fleet.gateway.healthChanges, []);
  });
});

describe('how many may be out', () => {
  test('half of four; the others are still tried though they fail', async (t) => {
    const closed = await Promise.all([1, 2, 3, 4].map(() => ClosedPort.find()));
    const fleet = await GoodsFleet.start(t, [], { extra: closed.map(({ address }) => address) });
    const statuses = await fleet.gets(6);
    assert.deepEqual(new Set(statuses), new Set([502]));
    const states = await Promise.all(closed.map(async ({ address }) => (await fleet.seen(address)).state));
    assert.deepEqual(states.sort(), ['ejected', 'ejected', 'up', 'up']);
    assert.equal((await fleet.gateway.metric('watchgate_service_panicking'))['service="goods"'], 0);
  });

  test('with fewer than half well, all are used, and that shows', async (t) => {
    const fleet = await GoodsFleet.start(t, [well, resetting, resetting], {
      policy: ['ejection: { consecutiveFailures: 1, maxPercent: 100 }'],
    });
    // Each ejection starts the turns anew, at an endpoint drawn at random.
    for (let sent = 0; fleet.gateway.healthChanges.length < 2 && sent < 50; sent += 1) await fleet.posts(1);
    const reasons: (HealthReason | null)[] = [];
    for (const index of [0, 1]) reasons.push((await fleet.gateway.healthChange(index)).reason);
    assert.deepEqual(reasons, ['consecutive-failures', 'consecutive-failures']);
    const service = (await fleet.gateway.api('/api/services/goods')) as { panicking: boolean };
    assert.equal(service.panicking, true);
    assert.equal((await fleet.gateway.metric('watchgate_service_panicking'))['service="goods"'], 1);
    const { state, notEligible } = await fleet.seen(1);
    assert.deepEqual([state, notEligible], ['ejected', null], 'it is used though it is out');
    const before = fleet.requests(1) + fleet.requests(2);
    await fleet.posts(6);
    assert.equal(fleet.requests(1) + fleet.requests(2) - before, 4);
  });
});
