import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { systemClock } from '../../src/core/clock.js';
import { EventHub } from '../../src/core/events.js';
import type { SourceSnapshot } from '../../src/discovery/source.js';
import { createStaticSource } from '../../src/discovery/static-source.js';
import { DrainedEndpoints } from '../../src/workers/drained-endpoints.js';
import { EndpointFeed } from '../../src/workers/endpoint-feed.js';
import { mergeServices } from '../../src/workers/merged-services.js';
import type { SourceChange } from '../../src/workers/messages.js';
import { newsReader } from '../../src/workers/news-reader.js';
import { RelayedSource } from '../../src/workers/relayed-source.js';
import { endpointView, membershipChange, serviceView } from '../support/fake-gateway.js';

describe('what the primary tells of a registry', () => {
  /** A source, what is told of it, and a worker's source that is told. */
  function relay() {
    const source = createStaticSource({ name: 'main', clock: systemClock });
    const told: SourceChange[] = [];
    const feed = new EndpointFeed([source], (change) => told.push(structuredClone(change)));
    const begin = (dead: string[] = []): RelayedSource => {
      const [state] = structuredClone(feed.states());
      assert.ok(state);
      return new RelayedSource(state, (service, address) => dead.push(`${service} ${address}`));
    };
    return { source, told, feed, begin };
  }

  const addresses = (snapshot: SourceSnapshot | undefined, service: string) =>
    snapshot?.services.get(service)?.endpoints.map(({ address }) => address);

  test('a worker that begins is told all, and then only what changes', () => {
    const { source, told, begin } = relay();
    source.setEndpoints('goods', ['10.0.0.1:80']);
    source.setEndpoints('orders', ['10.0.0.2:80']);
    const worker = begin();
    const before = worker.snapshot();
    assert.deepEqual(addresses(before, 'goods'), ['10.0.0.1:80']);
    source.setEndpoints('goods', ['10.0.0.1:80', '10.0.0.3:80']);
    const change = told.at(-1);
    assert.ok(change);
    assert.deepEqual(
      change.sets.map(({ service }) => service),
      ['goods'],
    );
    worker.take(change);
    assert.deepEqual(addresses(worker.snapshot(), 'goods'), ['10.0.0.1:80', '10.0.0.3:80']);
    // Services that did not change stay the same object, by which followers know it.
    assert.equal(worker.snapshot()?.services.get('orders'), before?.services.get('orders'));
    assert.deepEqual(worker.snapshot()?.changed, new Set(['goods']));
  });

  test('a service without endpoints is gone', () => {
    const { source, told, begin } = relay();
    source.setEndpoints('goods', ['10.0.0.1:80']);
    const worker = begin();
    source.setEndpoints('goods', []);
    for (const change of told) worker.take(change);
    assert.deepEqual([...(worker.snapshot()?.services.keys() ?? [])], []);
  });

  test('what a worker knows already is nothing new, and a missing change is noticed', () => {
    const { source, told, begin } = relay();
    source.setEndpoints('goods', ['10.0.0.1:80']);
    const worker = begin();
    let published = 0;
    worker.subscribe(() => {
      published += 1;
    });
    for (const change of told) worker.take(change);
    assert.equal(published, 1);
    source.setEndpoints('goods', ['10.0.0.2:80']);
    source.setEndpoints('goods', ['10.0.0.3:80']);
    const last = told.at(-1);
    assert.ok(last);
    assert.throws(() => worker.take(last), /change 4 follows on 2/);
  });

  test('a registry that has not been listed is not taken for an empty one', () => {
    const never = new RelayedSource({ source: 'main', version: 0, revision: '', sets: [] }, () => {});
    assert.equal(never.snapshot(), undefined);
    never.take({ source: 'main', version: 1, revision: '7', sets: [] });
    assert.equal(never.snapshot()?.services.size, 0);
  });

  test('only of an endpoint that is held is it told that it is dead', () => {
    const { source, feed } = relay();
    source.setEndpoints('goods', ['10.0.0.1:80', '10.0.0.2:80']);
    const [state] = feed.states();
    const [set] = state?.sets ?? [];
    const [first, second] = set?.endpoints ?? [];
    assert.ok(state && set && first && second);
    const held = [first, { ...second, standing: 'stale' as const }];
    const dead: string[] = [];
    const worker = new RelayedSource({ ...state, sets: [{ ...set, endpoints: held }] }, (service, address) =>
      dead.push(`${service} ${address}`),
    );
    worker.reportDead('goods', '10.0.0.1:80');
    worker.reportDead('goods', '10.0.0.2:80');
    assert.deepEqual(dead, ['goods 10.0.0.2:80']);
  });
});

describe('the views of several workers as one', () => {
  const ADDRESS = '10.0.0.5:80';
  const merged = (...endpoints: Parameters<typeof endpointView>[1][]) =>
    mergeServices(endpoints.map((over) => [serviceView('goods', [endpointView(ADDRESS, over)])])).get('goods')
      ?.endpoints[0];

  test('counts are summed, and the latency is the mean by requests', () => {
    const view = merged(
      { inFlight: 1, requests: 30, failures: 2, latencyEwmaMs: 10 },
      { inFlight: 4, requests: 10, failures: 1, latencyEwmaMs: 50 },
    );
    assert.deepEqual([view?.inFlight, view?.requests, view?.failures, view?.latencyEwmaMs], [5, 40, 3, 20]);
    assert.equal(merged({ requests: 0 }, { requests: 0 })?.latencyEwmaMs, 0);
  });

  test('an endpoint that one of them has ejected is shown so, with how many have', () => {
    const ejected = { state: 'ejected', notEligible: 'ejected: refused' } as const;
    const partly = merged({}, ejected, {});
    assert.equal(partly?.state, 'ejected');
    assert.equal(partly?.notEligible, 'ejected: refused, by 1 of 3 workers');
    assert.equal(merged(ejected, ejected)?.notEligible, 'ejected: refused');
  });

  test('an endpoint that not all of them know yet is there', () => {
    const services = mergeServices([
      [serviceView('goods', [])],
      [serviceView('goods', [endpointView(ADDRESS)])],
    ]);
    assert.equal(services.get('goods')?.endpoints.length, 1);
  });
});

test('a drained endpoint that leaves is forgotten, as a worker forgets it', () => {
  const hub = new EventHub();
  const drained = new DrainedEndpoints(hub);
  drained.set({ service: 'goods', address: '10.0.0.5:80' }, true);
  drained.set({ service: 'goods', address: '10.0.0.6:80' }, true);
  drained.set({ service: 'goods', address: '10.0.0.6:80' }, false);
  assert.deepEqual(drained.all(), [{ service: 'goods', address: '10.0.0.5:80' }]);
  hub.announce('membership', membershipChange({ change: 'left' }));
  assert.deepEqual(drained.all(), []);
});

test('a certificate that every worker reads is told of once', () => {
  const hub = new EventHub();
  let told = 0;
  hub.on('certificate', () => {
    told += 1;
  });
  const read = newsReader({ announce: hub.announce, take: () => {}, reportDead: () => {} });
  const event = { at: 1, ok: true, detail: 'example.com', expiresAt: 9 };
  read(1, { kind: 'certificate', event });
  read(2, { kind: 'certificate', event: { ...event, at: 2 } });
  assert.equal(told, 1);
  read(1, { kind: 'certificate', event: { ...event, ok: false, detail: 'cannot be read' } });
  assert.equal(told, 2);
});
