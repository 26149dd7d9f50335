import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { EndpointSet } from '../../src/core/endpoint.js';
import { EventHub } from '../../src/core/events.js';
import { seededRandom } from '../../src/core/random.js';
import { createAddressPolicy } from '../../src/discovery/address-policy.js';
import { Directory } from '../../src/discovery/directory.js';
import { HeldEndpoints } from '../../src/discovery/held-endpoints.js';
import { ReflectedSource } from '../../src/discovery/reflected-source.js';
import { Registrations } from '../../src/discovery/registrations.js';
import { plainSchema } from '../../src/discovery/schemas/plain.js';
import { Snapshots } from '../../src/discovery/snapshots.js';
import type { Source, SourceSnapshot } from '../../src/discovery/source.js';
import { createStaticSource } from '../../src/discovery/static-source.js';
import { endpoints } from '../support/guarded-source.js';
import { settle } from '../support/manual-clock.js';
import { ScriptedRegistry } from '../support/scripted-registry.js';
import { WorkingClock } from '../support/working-clock.js';

interface Rig {
  readonly clock: WorkingClock;
  readonly registry: ScriptedRegistry;
  readonly snapshots: SourceSnapshot[];
}

async function follow(t: TestContext): Promise<Rig> {
  const clock = new WorkingClock();
  const registry = new ScriptedRegistry();
  const policy = createAddressPolicy();
  const registrations = new Registrations({ schema: plainSchema, prefix: '', policy, clock });
  const random = seededRandom(1);
  const announce = new EventHub().announce;
  const common = { client: registry, registrations, clock, random, announce };
  const source = new ReflectedSource({ name: 'main', type: 'scripted', ...common });
  t.after(() => source.close());
  const snapshots: SourceSnapshot[] = [];
  source.subscribe((snapshot) => snapshots.push(snapshot));
  source.start();
  await settle();
  registry.watch.created();
  return { clock, registry, snapshots };
}

/** Endpoints of all services together. */
function size({ services }: SourceSnapshot): number {
  return [...services.values()].reduce((sum, { endpoints }) => sum + endpoints.length, 0);
}

function putMany({ registry }: Rig, from: number, count: number): void {
  const events = Array.from({ length: count }, (_, index) => {
    const at = from + index;
    return registry.put(`/service-${at % 100}/host-${at}`, `10.0.${at >> 8}.${at & 255}:80`);
  });
  registry.watch.events(events);
}

test('thousands of changes are worked through in slices, and told in one whole snapshot', async (t) => {
  const rig = await follow(t);
  putMany(rig, 0, 1_000);
  await settle();
  assert.deepEqual(rig.snapshots.map(size), [0], 'work has paused, with nothing told of its half');
  await rig.clock.advance(1_000);
  assert.deepEqual(rig.snapshots.map(size), [0, 1_000]);
  assert.equal(rig.snapshots[1]?.changed?.size, 100);
});

test('what comes in while a snapshot is worked on is in the next one', async (t) => {
  const rig = await follow(t);
  putMany(rig, 0, 1_000);
  await settle();
  putMany(rig, 1_000, 500);
  await rig.clock.advance(1_000);
  assert.deepEqual(rig.snapshots.map(size), [0, 1_000, 1_500]);
  const revisions = rig.snapshots.map(({ revision }) => Number(revision));
  assert.deepEqual(
    revisions,
    revisions.toSorted((a, b) => a - b),
  );
});

test('a single change does not wait for a timer', async (t) => {
  const rig = await follow(t);
  putMany(rig, 0, 1);
  await settle();
  assert.deepEqual(rig.snapshots.map(size), [0, 1]);
});

test('the first list is told without a pause, however long it is', async (t) => {
  const clock = new WorkingClock();
  const source = createStaticSource({ name: 'main', clock });
  const directory = new Directory([source], { announce: new EventHub().announce, clock });
  t.after(() => directory.close());
  for (let at = 0; at < 1_000; at += 1) source.setEndpoints(`service-${at}`, ['10.0.0.1:80']);
  directory.start();
  assert.deepEqual(directory.waitingFor(), []);
});

/** A source of which the test says what it has. */
function scripted(clock: WorkingClock): {
  source: Source;
  publish: (sets: Readonly<Record<string, string[]>>) => void;
} {
  const snapshots = new Snapshots();
  const made = createStaticSource({ name: 'main', clock });
  const known = new Map<string, EndpointSet>();
  const source: Source = {
    ...made,
    snapshot: () => snapshots.current,
    subscribe: (listener) => snapshots.subscribe(listener),
  };
  return {
    source,
    publish(sets) {
      for (const [service, addresses] of Object.entries(sets)) {
        made.setEndpoints(service, addresses);
        known.set(service, made.snapshot()?.services.get(service) ?? { service, endpoints: [] });
      }
      const changed = new Set(Object.keys(sets));
      snapshots.publish({ services: new Map(known), revision: '1', changed });
    },
  };
}

test('of changes not told yet a subscriber gets the newest set alone, and the journal each of them', async (t) => {
  const clock = new WorkingClock();
  const hub = new EventHub();
  const changes: string[] = [];
  hub.on('membership', ({ service, change, address, endpointsLeft }) => {
    if (service === 'goods') changes.push(`${change} ${address} ${endpointsLeft}`);
  });
  const { source, publish } = scripted(clock);
  publish({});
  const directory = new Directory([source], { announce: hub.announce, clock });
  t.after(() => directory.close());
  directory.start();
  const seen: EndpointSet[] = [];
  const goods = { service: 'goods', registry: 'main' };
  directory.subscribe(goods, (set) => seen.push(set));
  const others = Array.from({ length: 20 }, (_, at) => [`other-${at}`, ['10.1.0.1:80']]);
  publish({ ...Object.fromEntries(others), goods: ['10.0.0.1:80'] });
  publish({ goods: ['10.0.0.2:80'] });
  publish({ goods: ['10.0.0.2:80', '10.0.0.3:80'] });
  assert.equal(seen.length, 1, 'only the empty one of the beginning: the others are told first');
  assert.equal(directory.get(goods).endpoints.length, 2, 'whoever asks gets the newest all the same');
  await clock.advance(1_000);
  const addresses = seen.map(({ endpoints }) => endpoints.map(({ address }) => address));
  assert.deepEqual(addresses, [[], ['10.0.0.2:80', '10.0.0.3:80']]);
  assert.deepEqual(changes, [
    'joined 10.0.0.1:80 1',
    'joined 10.0.0.2:80 1',
    'left 10.0.0.1:80 1',
    'joined 10.0.0.3:80 2',
  ]);
});

test('of lost endpoints some are asked about, and then requests have their turn', async () => {
  const clock = new WorkingClock();
  let probes = 0;
  const held = new HeldEndpoints({
    clock,
    probe: async () => {
      probes += 1;
      return true;
    },
    leaseLives: async () => false,
    staleTtl: 60_000,
    onChange: () => {},
    onRelease: () => {},
  });
  const order = {
    service: 'goods',
    reason: 'lost much of the registry',
    shown: undefined,
    lease: undefined,
  } as const;
  held.hold(endpoints(20).map((endpoint) => ({ ...order, endpoint })));
  await settle();
  assert.ok(probes > 0 && probes < 20, `${probes} of 20`);
  await clock.advance(100);
  assert.equal(probes, 20);
  held.close();
});
