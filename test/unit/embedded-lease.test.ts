import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock } from '../../src/core/clock.js';
import { seededRandom } from '../../src/core/random.js';
import { Leases } from '../../src/embedded/lease.js';
import { Store } from '../../src/embedded/store.js';
import { ManualClock } from '../support/manual-clock.js';

const DAY_MS = 86_400_000;

function setup(clock: Clock) {
  const store = new Store(1000);
  const leases = new Leases(store, clock, seededRandom(1), 2);
  const hold = (key: string, lease: string): void =>
    void store.transact(() => store.put(key, Buffer.from('v'), lease));
  return { store, leases, hold };
}

test('a lease ends when its TTL has passed since the last renewal, not before', async () => {
  const clock = new ManualClock();
  const { store, leases, hold } = setup(clock);
  const { id, ttl } = leases.grant('0', 3);
  hold('k', id);
  assert.equal(ttl, 3);
  await clock.advance(2900);
  assert.equal(leases.renew(id), 3);
  await clock.advance(2900);
  assert.deepEqual(leases.state(id), { remaining: 0, granted: 3, keys: ['k'] });
  await clock.advance(200);
  assert.equal(leases.state(id), undefined);
  assert.equal(store.get('k'), undefined);
  assert.equal(leases.renew(id), 0);
  assert.equal(clock.pending, 0);
});

test('the shortest lease is two seconds, as an etcd with default settings has it', () => {
  const { leases } = setup(new ManualClock());
  assert.equal(leases.grant('0', 1).ttl, 2);
  assert.equal(leases.grant('0', -1).ttl, 2);
});

test('a TTL longer than a timer can wait for is kept all the same', async () => {
  const clock = new ManualClock();
  const asked: number[] = [];
  const { leases } = setup({
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    after(delayMs, task) {
      asked.push(delayMs);
      return clock.after(delayMs, task);
    },
  });
  const { id } = leases.grant('0', 60 * 86_400);
  await clock.advance(59 * DAY_MS);
  assert.equal(leases.has(id), true);
  await clock.advance(2 * DAY_MS);
  assert.equal(leases.has(id), false);
  assert.ok(Math.max(...asked) < 2 ** 31);
});

test('after this process was held up, silence proves nothing: every lease gets its TTL again', async () => {
  const manual = new ManualClock();
  let heldUpMs = 0;
  const clock: Clock = {
    now: () => manual.now(),
    monotonic: () => manual.monotonic() + heldUpMs,
    after: (delayMs, task) => manual.after(delayMs, task),
  };
  const { leases } = setup(clock);
  const { id } = leases.grant('0', 3);
  heldUpMs = 20_000;
  await manual.advance(3000);
  assert.deepEqual(leases.state(id)?.remaining, 3);
  await manual.advance(3000);
  assert.equal(leases.has(id), false);
});

test('a key is let go of by its old lease when it is put under another, or deleted', () => {
  const { store, leases, hold } = setup(new ManualClock());
  const [first, second] = [leases.grant('0', 60).id, leases.grant('0', 60).id];
  hold('moved', first);
  hold('gone', first);
  hold('moved', second);
  store.transact(() => store.deleteKey('gone'));
  assert.deepEqual(leases.state(first)?.keys, []);
  leases.revoke(first);
  assert.deepEqual(store.get('moved')?.lease, second);
});

test('ids are positive 63-bit numbers and differ', () => {
  const { leases } = setup(new ManualClock());
  const ids = Array.from({ length: 200 }, () => leases.grant('0', 60).id);
  assert.equal(new Set(ids).size, 200);
  assert.ok(ids.every((id) => BigInt(id) > 0n && BigInt(id) < 2n ** 63n));
});

test('closing leaves no timer', () => {
  const clock = new ManualClock();
  const { leases } = setup(clock);
  leases.grant('0', 60);
  leases.close();
  assert.equal(clock.pending, 0);
});
