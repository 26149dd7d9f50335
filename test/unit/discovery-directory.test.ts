import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EndpointSet } from '../../src/core/endpoint.js';
import { EventHub, type MembershipChange } from '../../src/core/events.js';
import { Directory } from '../../src/discovery/directory.js';
import { Snapshots } from '../../src/discovery/snapshots.js';
import type { Source, SourceSnapshot } from '../../src/discovery/source.js';
import { createStaticSource, type StaticSource } from '../../src/discovery/static-source.js';
import { ManualClock } from '../support/manual-clock.js';

interface Rig {
  readonly main: StaticSource;
  readonly dc2: StaticSource;
  readonly directory: Directory;
  readonly changes: MembershipChange[];
}

function setUp(): Rig {
  const clock = new ManualClock();
  const hub = new EventHub();
  const changes: MembershipChange[] = [];
  hub.on('membership', (change) => changes.push(change));
  const main = createStaticSource({ name: 'main', clock });
  const dc2 = createStaticSource({ name: 'dc2', clock });
  const directory = new Directory([main, dc2], { announce: hub.announce, clock });
  directory.start();
  return { main, dc2, directory, changes };
}

function addresses(set: EndpointSet): string[] {
  return set.endpoints.map(({ address }) => address);
}

const goods = { service: 'goods', registry: 'main' };

test('a subscriber gets the set at once, and then each change of its service and registry alone', () => {
  const { main, dc2, directory } = setUp();
  const seen: string[][] = [];
  const stop = directory.subscribe(goods, (set) => seen.push(addresses(set)));
  main.setEndpoints('goods', ['10.0.0.2:80', '10.0.0.1:80', '10.0.0.2:80']);
  main.setEndpoints('users', ['10.0.0.3:80']);
  dc2.setEndpoints('goods', ['10.0.0.4:80']);
  main.setEndpoints('goods', []);
  stop();
  main.setEndpoints('goods', ['10.0.0.5:80']);
  assert.deepEqual(seen, [[], ['10.0.0.1:80', '10.0.0.2:80'], []]);
  assert.deepEqual(addresses(directory.get(goods)), ['10.0.0.5:80']);
});

test('a subscriber to the services is told which there are, when that changes and only then', () => {
  const { main, dc2, directory } = setUp();
  main.setEndpoints('goods', ['10.0.0.1:80']);
  const seen: string[] = [];
  const stop = directory.subscribeServices((services) =>
    seen.push(services.map(({ service, registry }) => `${service}@${registry}`).join(' ')),
  );
  dc2.setEndpoints('goods', ['10.0.0.2:80']);
  dc2.setEndpoints('goods', ['10.0.0.2:80', '10.0.0.3:80']);
  main.setEndpoints('goods', []);
  stop();
  dc2.setEndpoints('goods', []);
  assert.deepEqual(seen, ['goods@main', 'goods@main goods@dc2', 'goods@dc2']);
});

test('a service of a registry that does not exist has no endpoint', () => {
  const { directory } = setUp();
  assert.deepEqual(directory.get({ service: 'goods', registry: 'nowhere' }).endpoints, []);
  assert.doesNotThrow(directory.subscribe({ service: 'goods', registry: 'nowhere' }, () => {}));
});

test('who joins and who leaves is announced, with how many are left', () => {
  const { main, changes } = setUp();
  main.setEndpoints('goods', ['10.0.0.1:80', '10.0.0.2:80']);
  main.setEndpoints('goods', ['10.0.0.2:80']);
  assert.deepEqual(
    changes.map(({ change, address, key, state, cause, revision, endpointsLeft }) =>
      [change, address, key, state, cause, revision, endpointsLeft].join(' '),
    ),
    [
      'joined 10.0.0.1:80 10.0.0.1:80 up registered 2 2',
      'joined 10.0.0.2:80 10.0.0.2:80 up registered 2 2',
      'left 10.0.0.1:80 10.0.0.1:80 gone removed 3 1',
    ],
  );
});

test('an endpoint that says it is draining is announced as such, not as updated', () => {
  const { source, publish, changes } = scripted();
  const [before, after] = [snapshotWith('listed'), snapshotWith('draining')];
  publish(before);
  publish(after);
  assert.equal(source.name, 'scripted');
  assert.deepEqual(
    changes.map(({ change, state, cause }) => [change, state, cause]),
    [
      ['joined', 'up', 'registered'],
      ['changed', 'draining', 'draining'],
    ],
  );
});

test('what a list found is announced as relisted', () => {
  const { publish, changes } = scripted();
  publish({ ...snapshotWith('listed'), relisted: true });
  publish({ services: new Map(), revision: '9', relisted: true });
  assert.deepEqual(
    changes.map(({ change, cause, revision }) => [change, cause, revision]),
    [
      ['joined', 'relisted', '5'],
      ['left', 'relisted', '9'],
    ],
  );
});

test('a set that is the same object is no change', () => {
  const { directory, publish, changes } = scripted();
  let told = 0;
  directory.subscribe({ service: 'goods', registry: 'scripted' }, () => told++);
  const snapshot = snapshotWith('listed');
  publish(snapshot);
  publish({ ...snapshot, revision: '6', changed: new Set(['goods']) });
  assert.equal(told, 2, 'at once, and when it appeared');
  assert.equal(changes.length, 1);
});

test('what a source had before the directory started is all there, however it came', () => {
  const clock = new ManualClock();
  const source = createStaticSource({ name: 'main', clock });
  source.setEndpoints('goods', ['10.0.0.1:80']);
  source.setEndpoints('users', ['10.0.0.2:80']);
  const directory = new Directory([source], { announce: () => {}, clock });
  const seen: string[][] = [];
  directory.subscribeServices((services) => seen.push(services.map(({ service }) => service)));
  directory.start();
  assert.deepEqual(seen, [[], ['goods', 'users']]);
});

test('a source without its first list is waited for', () => {
  const { directory, publish } = scripted();
  assert.deepEqual(directory.waitingFor(), ['scripted']);
  publish({ services: new Map(), revision: '1' });
  assert.deepEqual(directory.waitingFor(), []);
});

test('a static source refuses what is no address, and then keeps what it had', () => {
  const { main, directory } = setUp();
  main.setEndpoints('goods', ['10.0.0.1:80']);
  assert.throws(() => main.setEndpoints('goods', ['10.0.0.2:80', 'nonsense']), { code: 'CONFIG_INVALID' });
  assert.deepEqual(addresses(directory.get(goods)), ['10.0.0.1:80']);
});

test('a static source keeps the endpoint objects that did not change', () => {
  const { main, directory } = setUp();
  main.setEndpoints('goods', ['10.0.0.1:80']);
  const [before] = directory.get(goods).endpoints;
  main.setEndpoints('goods', ['10.0.0.1:80', '10.0.0.2:80']);
  assert.equal(directory.get(goods).endpoints[0], before);
});

function scripted(): {
  source: Source;
  directory: Directory;
  publish: (snapshot: SourceSnapshot) => void;
  changes: MembershipChange[];
} {
  const clock = new ManualClock();
  const hub = new EventHub();
  const changes: MembershipChange[] = [];
  hub.on('membership', (change) => changes.push(change));
  const snapshots = new Snapshots();
  const source: Source = {
    ...createStaticSource({ name: 'scripted', clock }),
    snapshot: () => snapshots.current,
    subscribe: (listener) => snapshots.subscribe(listener),
  };
  const directory = new Directory([source], { announce: hub.announce, clock });
  directory.start();
  return { source, directory, publish: (snapshot) => snapshots.publish(snapshot), changes };
}

function snapshotWith(standing: 'listed' | 'draining'): SourceSnapshot {
  const endpoint = {
    address: '10.0.0.1:80',
    host: '10.0.0.1',
    port: 80,
    weight: 1,
    zone: undefined,
    metadata: {},
    standing,
    keys: ['/p/goods/a'],
    revision: '5',
    lease: '',
    since: 0,
  };
  return { services: new Map([['goods', { service: 'goods', endpoints: [endpoint] }]]), revision: '5' };
}
