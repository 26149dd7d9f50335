import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseConfig } from '../../src/config/load.js';
import { type Endpoint, endpointSet } from '../../src/core/endpoint.js';
import type { Outcome } from '../../src/core/outcome.js';
import { seededRandom } from '../../src/core/random.js';
import type { ServicePolicy } from '../../src/core/route.js';
import { Turn } from '../../src/core/turn.js';
import { createStaticSource } from '../../src/discovery/static-source.js';
import type { EndpointPool } from '../../src/proxy/endpoint-pool.js';
import { Service } from '../../src/proxy/service.js';
import type { UpstreamConnection } from '../../src/upstream/connection.js';
import { ManualClock } from '../support/manual-clock.js';

const GOODS = { service: 'goods', registry: 'main' };
const A = '10.0.0.1:80';
const B = '10.0.0.2:80';
const C = '10.0.0.3:80';
const GRACE_MS = 30_000;

function policy(lines = ''): ServicePolicy {
  const config = parseConfig(`defaults:\n  drainTimeout: 30s\n${lines}`, 'routes.yaml', {});
  assert.ok('settings' in config, JSON.stringify(config));
  return config.settings.servicePolicy(GOODS);
}

function endpoints(...addresses: readonly string[]): readonly Endpoint[] {
  const source = createStaticSource({ name: 'main', clock: new ManualClock() });
  source.setEndpoints('goods', addresses);
  return source.snapshot()?.services.get('goods')?.endpoints ?? [];
}

const OK: Outcome = {
  class: 'ok',
  status: 200,
  cause: undefined,
  nothingSent: false,
  reusedConnection: false,
  answerBegun: false,
  headMs: 1,
};

const REFUSED: Outcome = {
  class: 'connect-failed',
  status: 0,
  cause: 'CONNECT_FAILED',
  nothingSent: true,
  reusedConnection: false,
  answerBegun: false,
  headMs: 0,
};

class Rig {
  readonly clock = new ManualClock();
  /** Retries that the budget has refused. */
  readonly refused: object[] = [];
  readonly service = new Service('goods', policy(), {
    clock: this.clock,
    random: seededRandom(1),
    announce: (kind, event) => {
      if (kind === 'retryRefused') this.refused.push(event);
    },
    turn: new Turn(),
    allows: () => true,
    maxResponseHead: 16_384,
  });

  /** What the registry lists from now on. */
  list(...addresses: readonly string[]): void {
    this.listAs({}, ...addresses);
  }

  listAs(fields: Partial<Endpoint>, ...addresses: readonly string[]): void {
    const listed = endpoints(...addresses).map((endpoint) => ({ ...endpoint, ...fields }));
    this.service.apply(endpointSet('goods', listed));
  }

  pick(tried: readonly EndpointPool[] = []): EndpointPool | undefined {
    const context = { tried, now: this.clock.monotonic() };
    return this.service.pick(context);
  }

  /** Every address that is picked, in a fair number of picks. */
  picked(): string[] {
    const addresses = Array.from({ length: 40 }, () => this.pick()?.endpoint.address ?? 'none');
    return [...new Set(addresses)].sort();
  }

  /** A request that has been sent to the endpoint at `address` and has no answer yet. */
  begin(address: string): Underway {
    const tried: EndpointPool[] = [];
    for (let pool = this.pick(tried); pool !== undefined; pool = this.pick(tried)) {
      if (pool.endpoint.address === address) return new Underway(this.service, pool);
      tried.push(pool);
    }
    throw new Error(`${address} is not picked`);
  }

  states(): Record<string, string> {
    return Object.fromEntries(this.service.views().map(({ address, state }) => [address, state]));
  }
}

class Underway {
  readonly pool: EndpointPool;
  readonly connection: UpstreamConnection;
  broken = false;
  readonly #service: Service;

  constructor(service: Service, pool: EndpointPool) {
    const connection = pool.acquire({ fresh: false, websocket: false });
    assert.ok(connection !== undefined);
    const destroy = connection.destroy.bind(connection);
    connection.destroy = () => {
      this.broken = true;
      destroy();
    };
    pool.load.inFlight += 1;
    this.pool = pool;
    this.connection = connection;
    this.#service = service;
  }

  finish(): void {
    this.pool.onIdle(this.connection);
    this.pool.load.inFlight -= 1;
    this.#service.settled(this.pool, OK);
  }
}

describe('endpoints come and go', () => {
  test('a service without endpoints has none to give', () => {
    const rig = new Rig();
    assert.equal(rig.pick(), undefined);
    rig.list(A);
    rig.list();
    assert.equal(rig.pick(), undefined);
  });

  test('one that joins is picked from then on, one that leaves no more', () => {
    const rig = new Rig();
    rig.list(A);
    assert.deepEqual(rig.picked(), [A]);
    rig.list(A, B);
    assert.deepEqual(rig.picked(), [A, B]);
    rig.list(B);
    assert.deepEqual(rig.picked(), [B]);
    assert.deepEqual(rig.states(), { [B]: 'up' });
  });

  test('one that stays keeps its connections and its counts, also when its registration changes', () => {
    const rig = new Rig();
    rig.list(A);
    const pool = rig.pick();
    rig.begin(A).finish();
    if (pool !== undefined) pool.load.requests = 7;
    rig.listAs({ weight: 3, metadata: { version: '2' } }, A, B);
    const view = rig.service.views().find(({ address }) => address === A);
    assert.deepEqual([view?.weight, view?.requests], [3, 7]);
    assert.equal(rig.begin(A).pool, pool);
  });

  test('one that its registration drains is shown and not picked, until it says otherwise', () => {
    const rig = new Rig();
    rig.listAs({ standing: 'draining' }, A);
    assert.equal(rig.pick(), undefined);
    const [view] = rig.service.views();
    assert.equal(view?.state, 'draining');
    assert.match(view?.notEligible ?? '', /registration/);
    rig.list(A);
    assert.deepEqual(rig.picked(), [A]);
    assert.equal(rig.service.views()[0]?.notEligible, null);
  });

  test('one that the registry no longer confirms is shown as stale and still picked', () => {
    const rig = new Rig();
    rig.listAs({ standing: 'stale' }, A);
    assert.deepEqual(rig.picked(), [A]);
    assert.deepEqual(rig.states(), { [A]: 'stale' });
  });
});

describe('an endpoint that leaves', () => {
  test('is given up at once when nothing is in flight', () => {
    const rig = new Rig();
    rig.list(A);
    const request = rig.begin(A);
    request.finish();
    rig.list();
    assert.equal(request.broken, true, 'the idle connection');
    assert.equal(rig.service.busy, false);
    assert.equal(rig.clock.pending, 0);
  });

  test('finishes what is in flight, and is given up with the last of it', async () => {
    const rig = new Rig();
    rig.list(A, B);
    const first = rig.begin(A);
    const second = rig.begin(A);
    rig.list(B);
    await rig.clock.advance(GRACE_MS - 1);
    assert.deepEqual([first.broken, second.broken, rig.service.busy], [false, false, true]);
    first.finish();
    assert.deepEqual([first.broken, second.broken, rig.service.busy], [true, false, true]);
    second.finish();
    assert.deepEqual([second.broken, rig.service.busy, rig.clock.pending], [true, false, 0]);
  });

  test('is broken off when its grace is over', async () => {
    const rig = new Rig();
    rig.list(A);
    const request = rig.begin(A);
    rig.list();
    await rig.clock.advance(GRACE_MS);
    assert.equal(request.broken, true);
    assert.deepEqual([rig.service.busy, rig.clock.pending], [false, 0]);
    request.finish();
    assert.equal(rig.service.busy, false, 'a late end changes nothing');
  });

  test('and comes back within its grace is the same as before', async () => {
    const rig = new Rig();
    rig.list(A);
    const request = rig.begin(A);
    request.pool.load.requests = 7;
    rig.list();
    await rig.clock.advance(GRACE_MS - 1);
    rig.list(A);
    assert.equal(rig.clock.pending, 0, 'the grace has been called off');
    assert.equal(rig.pick(), request.pool);
    assert.equal(rig.service.views()[0]?.requests, 7);
    await rig.clock.advance(10 * GRACE_MS);
    request.finish();
    assert.equal(request.broken, false);
    assert.equal(rig.begin(A).connection, request.connection, 'its connection is used again');
  });

  test('and comes back after its grace starts anew', async () => {
    const rig = new Rig();
    rig.list(A);
    const request = rig.begin(A);
    rig.list();
    await rig.clock.advance(GRACE_MS);
    rig.list(A);
    assert.notEqual(rig.pick(), request.pool);
    request.finish();
    assert.deepEqual(rig.picked(), [A]);
  });

  test('leaves again after coming back, with a grace of its own', async () => {
    const rig = new Rig();
    rig.list(A);
    const request = rig.begin(A);
    rig.list();
    await rig.clock.advance(GRACE_MS - 1);
    rig.list(A);
    rig.list();
    await rig.clock.advance(GRACE_MS - 1);
    assert.equal(request.broken, false);
    await rig.clock.advance(1);
    assert.equal(request.broken, true);
  });
});

describe('an operator', () => {
  test('drains an endpoint: no new requests, what is in flight goes on', () => {
    const rig = new Rig();
    rig.list(A, B);
    const request = rig.begin(A);
    assert.equal(rig.service.setDrained(A, true), true);
    assert.deepEqual(rig.picked(), [B]);
    assert.equal(request.broken, false);
    const view = rig.service.views().find(({ address }) => address === A);
    assert.equal(view?.state, 'draining');
    assert.match(view?.notEligible ?? '', /operator/);
  });

  test('lets it in again', () => {
    const rig = new Rig();
    rig.list(A, B);
    rig.service.setDrained(A, true);
    rig.service.setDrained(A, true);
    assert.equal(rig.service.setDrained(A, false), true);
    assert.deepEqual(rig.picked(), [A, B]);
    assert.deepEqual(rig.states(), { [A]: 'up', [B]: 'up' });
  });

  test('is obeyed whatever else changes', () => {
    const rig = new Rig();
    rig.list(A);
    rig.service.setDrained(A, true);
    rig.listAs({ weight: 5 }, A, B);
    rig.service.setPolicy(policy('  balance: random\n'));
    assert.deepEqual(rig.picked(), [B]);
  });

  test('is obeyed until the endpoint leaves: one that registers anew is a new one', () => {
    const rig = new Rig();
    rig.list(A, B);
    rig.service.setDrained(A, true);
    rig.list(B);
    rig.list(A, B);
    assert.deepEqual(rig.picked(), [A, B]);
  });

  test('is told when there is no such endpoint', () => {
    const rig = new Rig();
    rig.list(A);
    assert.equal(rig.service.setDrained(B, true), false);
    rig.list(A, B);
    assert.deepEqual(rig.picked(), [A, B], 'nothing was remembered');
  });
});

describe('a request that has been tried at every endpoint that is well', () => {
  test('is tried at one that is not, and then at none again', () => {
    const rig = new Rig();
    rig.list(A, B, C);
    const { pool } = rig.begin(A);
    rig.service.settled(pool, REFUSED);
    assert.deepEqual(rig.picked(), [B, C]);
    const tried: EndpointPool[] = [];
    for (let next = rig.pick(tried); next !== undefined; next = rig.pick(tried)) tried.push(next);
    assert.equal(tried.length, 3);
    assert.equal(tried[2]?.endpoint.address, A);
    rig.service.close();
  });

  test('is not tried at one that is to be drained', () => {
    const rig = new Rig();
    rig.list(A, B, C);
    rig.service.settled(rig.begin(A).pool, REFUSED);
    rig.service.setDrained(A, true);
    const tried = [rig.begin(B).pool, rig.begin(C).pool];
    assert.equal(rig.pick(tried), undefined);
    rig.service.close();
  });
});

test('a retry that its budget refuses is announced with its name', () => {
  const { service, refused } = new Rig();
  while (service.budget.tryAcquire()) assert.deepEqual(refused, []);
  assert.deepEqual(refused, [{ service: 'goods' }]);
});

test('a new policy is in force for the next pick and keeps the connections', () => {
  const rig = new Rig();
  rig.list(A, B);
  const request = rig.begin(A);
  request.finish();
  const roundRobin = policy('  balance: round-robin\n');
  rig.service.setPolicy(roundRobin);
  assert.equal(rig.service.policy, roundRobin);
  const turns = Array.from({ length: 6 }, () => rig.pick()?.endpoint.address);
  assert.deepEqual(turns, turns[0] === A ? [A, B, A, B, A, B] : [B, A, B, A, B, A]);
  assert.equal(rig.begin(A).connection, request.connection);
});

test('closing breaks off everything, and leaves no timer behind', () => {
  const rig = new Rig();
  rig.list(A, B);
  const leaving = rig.begin(A);
  rig.list(B);
  const staying = rig.begin(B);
  rig.service.close();
  assert.deepEqual([leaving.broken, staying.broken], [true, true]);
  assert.equal(rig.pick(), undefined);
  assert.deepEqual([rig.service.busy, rig.clock.pending, rig.service.views()], [false, 0, []]);
});
