import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAddressPolicy } from '../../src/discovery/address-policy.js';
import { SnapshotFile, type StoredSnapshot } from '../../src/discovery/snapshot-file.js';
import { endpointAt, endpoints, GuardRig, setsOf } from '../support/guarded-source.js';
import { ManualClock, settle } from '../support/manual-clock.js';

/** A snapshot in memory. */
class KnownFile extends SnapshotFile {
  stored: StoredSnapshot | undefined;
  saves = 0;

  constructor(stored: StoredSnapshot | undefined) {
    const policy = createAddressPolicy();
    const clock = new ManualClock();
    super({ path: '', source: 'main', registry: '', maxAge: 1, policy, clock, announce: () => {} });
    this.stored = stored;
  }

  override async load(): Promise<StoredSnapshot | undefined> {
    return this.stored;
  }

  override async save(stored: StoredSnapshot): Promise<void> {
    this.saves += 1;
    this.stored = stored;
  }
}

/** A gateway that starts with three endpoints of goods on disk, confirmed a minute ago. */
function rigWithFile(): { rig: GuardRig; file: KnownFile } {
  const confirmedAt = new ManualClock().now() - 60_000;
  const file = new KnownFile({ services: setsOf({ goods: endpoints(3) }), confirmedAt });
  return { rig: new GuardRig({ file }), file };
}

test('a registry that lists in time is all there is: the file is not even read', async () => {
  const { rig, file } = rigWithFile();
  rig.directory.start();
  await rig.clock.advance(999);
  rig.list({ goods: endpoints(1) });
  await rig.clock.advance(5_000);
  assert.deepEqual(rig.inUse(), ['10.0.0.1:80']);
  assert.deepEqual(rig.probes, []);
  assert.deepEqual(file.stored?.services, setsOf({ goods: endpoints(1) }));
  await rig.directory.close();
});

test('without a list in the first second, those on disk that answer are used, as stale, and it is told', async () => {
  const { rig, file } = rigWithFile();
  rig.dead.add('10.0.0.2:80');
  rig.directory.start();
  await rig.clock.advance(1_000);
  assert.deepEqual(rig.inUse(), ['10.0.0.1:80*', '10.0.0.3:80*']);
  assert.deepEqual(rig.announced(), [
    'joined 10.0.0.1:80 held: cold start',
    'joined 10.0.0.3:80 held: cold start',
  ]);
  assert.deepEqual(
    rig.events.map(({ kind, detail }) => `${kind}: ${detail}`),
    [
      'cold-start: 2 of 3 endpoints answer, as of 61 s ago',
      'degraded: the registry does not confirm its view',
    ],
  );
  const [view] = rig.directory.views();
  assert.deepEqual([view?.ready, view?.degraded], [false, true]);
  assert.deepEqual(rig.directory.waitingFor(), [], 'requests can be served: ready');
  await rig.clock.advance(300_000);
  assert.equal(rig.inUse().length, 2, 'for as long as the registry is away');
  assert.equal(file.saves, 0, 'what was read is not written back as if it were new');
  await rig.directory.close();
});

test('of thousands in the snapshot nobody waits for a turn: nothing is served yet', async () => {
  const { rig, file } = rigWithFile();
  const goods = Array.from({ length: 1_000 }, (_, i) => ({ ...endpointAt(1), address: `10.0.1.1:${i + 1}` }));
  file.stored = { services: setsOf({ goods }), confirmedAt: rig.clock.now() };
  rig.directory.start();
  await rig.clock.advance(1_000);
  assert.equal(rig.probes.length, 1_000);
  assert.deepEqual(rig.directory.waitingFor(), []);
  await rig.directory.close();
});

test('while nothing of the snapshot answers the gateway is not ready', async () => {
  const { rig } = rigWithFile();
  for (const { address } of endpoints(3)) rig.dead.add(address);
  rig.directory.start();
  await rig.clock.advance(2_000);
  assert.deepEqual(rig.directory.waitingFor(), ['main']);
  rig.dead.delete('10.0.0.1:80');
  await rig.clock.advance(1_000);
  assert.deepEqual(rig.directory.waitingFor(), []);
  assert.deepEqual(rig.inUse(), ['10.0.0.1:80*']);
  await rig.directory.close();
});

test('one that answered and died while the others were asked makes nothing ready', async () => {
  const { file } = rigWithFile();
  let firstLives = true;
  let answerOfSecond: (alive: boolean) => void = () => {};
  const rig = new GuardRig({
    file,
    probe: async (_, { address }) =>
      address === '10.0.0.1:80' ? firstLives : new Promise((resolve) => (answerOfSecond = resolve)),
  });
  file.stored = { services: setsOf({ goods: endpoints(2) }), confirmedAt: rig.clock.now() };
  rig.directory.start();
  await rig.clock.advance(1_000);
  firstLives = false;
  await rig.clock.advance(2_000);
  answerOfSecond(false);
  await settle();
  assert.deepEqual(rig.directory.waitingFor(), ['main']);
  await rig.directory.close();
});

test('an endpoint that fails is not used until it answers again: it may have started as we did', async () => {
  const { rig } = rigWithFile();
  rig.directory.start();
  await rig.clock.advance(1_000);
  rig.announced();
  rig.dead.add('10.0.0.1:80');
  await rig.clock.advance(1_000);
  assert.deepEqual(rig.inUse(), ['10.0.0.2:80*', '10.0.0.3:80*']);
  assert.deepEqual(rig.announced(), ['left 10.0.0.1:80 released: a probe failed']);
  rig.dead.clear();
  await rig.clock.advance(1_000);
  assert.equal(rig.inUse().length, 3);
  await rig.directory.close();
});

test('the first list replaces the snapshot, and the guard judges the difference', async () => {
  const { rig, file } = rigWithFile();
  rig.directory.start();
  await rig.clock.advance(20_000);
  rig.announced();
  rig.list({ goods: [endpointAt(1), endpointAt(9)] }, {}, true);
  await settle();
  assert.deepEqual(rig.inUse(), ['10.0.0.1:80', '10.0.0.2:80*', '10.0.0.3:80*', '10.0.0.9:80']);
  const [view] = rig.directory.views();
  assert.deepEqual([view?.ready, view?.degraded], [true, false]);
  assert.deepEqual(rig.announced(), ['joined 10.0.0.9:80 relisted', 'changed 10.0.0.1:80 relisted']);
  assert.equal(
    rig.directory.get({ service: 'goods', registry: 'main' }).endpoints[1]?.held?.reason,
    'lost much of the registry',
  );
  await rig.clock.advance(60_000);
  assert.deepEqual(rig.inUse(), ['10.0.0.1:80', '10.0.0.9:80'], 'from now on staleTtl counts');
  assert.ok(file.saves > 0);
  await rig.directory.close();
});

test('a small difference to the first list is believed at once', async () => {
  const { rig, file } = rigWithFile();
  file.stored = { services: setsOf({ goods: endpoints(10) }), confirmedAt: rig.clock.now() };
  rig.directory.start();
  await rig.clock.advance(1_000);
  rig.announced();
  rig.list({ goods: endpoints(10).slice(1) });
  await settle();
  assert.equal(rig.inUse().length, 9);
  assert.ok(rig.announced().includes('left 10.0.0.1:80 released: the registry does not list it'));
  await rig.directory.close();
});

test('a file of no use leaves the gateway waiting for its registry', async () => {
  const { rig, file } = rigWithFile();
  file.stored = undefined;
  rig.directory.start();
  await rig.clock.advance(5_000);
  assert.deepEqual(rig.directory.waitingFor(), ['main']);
  rig.list({ goods: endpoints(1) });
  assert.deepEqual(rig.inUse(), ['10.0.0.1:80']);
  await rig.directory.close();
});

test('a list that comes while the snapshot is being probed wins', async () => {
  const { file } = rigWithFile();
  let answer: (alive: boolean) => void = () => {};
  const rig = new GuardRig({ file, probe: () => new Promise((resolve) => (answer = resolve)) });
  file.stored = { services: setsOf({ goods: endpoints(1) }), confirmedAt: rig.clock.now() };
  rig.directory.start();
  await rig.clock.advance(1_000);
  rig.list({ goods: [endpointAt(9)] });
  answer(true);
  await settle();
  assert.deepEqual(rig.inUse(), ['10.0.0.9:80']);
  assert.ok(!rig.events.some(({ kind }) => kind === 'cold-start'));
  await rig.directory.close();
});
