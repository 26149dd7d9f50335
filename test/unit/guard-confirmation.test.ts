import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endpoints, GuardRig } from '../support/guarded-source.js';

const told = (rig: GuardRig): string[] => rig.events.map(({ kind, detail }) => `${kind}: ${detail}`);
const degraded = (rig: GuardRig): boolean | undefined => rig.directory.views()[0]?.degraded;

test('a view that was not proved current for 10 s is degraded, told once, and served all the same', async () => {
  const rig = new GuardRig();
  rig.directory.start();
  rig.list({ goods: endpoints(2) });
  rig.confirmedMsAgo = 9_999;
  await rig.clock.advance(1_000);
  assert.deepEqual([degraded(rig), told(rig)], [false, []]);
  rig.confirmedMsAgo = 10_000;
  assert.equal(degraded(rig), true);
  await rig.clock.advance(3_000);
  assert.deepEqual(told(rig), ['degraded: the registry does not confirm its view']);
  assert.equal(rig.inUse().length, 2);
  assert.deepEqual(rig.directory.waitingFor(), [], 'ready');
  await rig.directory.close();
});

test('a view that is proved current again is told with how long it was not', async () => {
  const rig = new GuardRig();
  rig.directory.start();
  rig.list({ goods: endpoints(2) });
  rig.confirmedMsAgo = 10_000;
  await rig.clock.advance(1_000);
  await rig.clock.advance(5_000);
  rig.confirmedMsAgo = 0;
  await rig.clock.advance(1_000);
  assert.equal(degraded(rig), false);
  assert.equal(told(rig)[1], 'confirmed: after 16 s');
  await rig.directory.close();
  assert.equal(rig.clock.pending, 0);
});

test('a registry that has not been heard of for 10 s is degraded too', async () => {
  const rig = new GuardRig();
  rig.directory.start();
  await rig.clock.advance(9_000);
  assert.equal(degraded(rig), false);
  await rig.clock.advance(1_000);
  assert.equal(degraded(rig), true);
  assert.equal(told(rig).length, 1);
  assert.deepEqual(rig.directory.waitingFor(), ['main'], 'and not ready');
  await rig.directory.close();
});
