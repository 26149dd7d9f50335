import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Admission, InFlightLimit, type InFlightLimits } from '../../src/resilience/limit.js';
import { ManualClock } from '../support/manual-clock.js';

const LIMITS: InFlightLimits = { maxInFlight: 2, maxQueue: 2, queueTimeout: 1_000 };

/** A limit, and who entered or gave up waiting, by name, in order. */
class Rig {
  readonly clock = new ManualClock();
  readonly told: string[] = [];
  readonly limit: InFlightLimit;

  constructor(limits: Partial<InFlightLimits> = {}) {
    this.limit = new InFlightLimit({ ...LIMITS, ...limits }, this.clock);
  }

  admit(name: string): Admission {
    return this.limit.admit(
      () => this.told.push(`${name} entered`),
      () => this.told.push(`${name} expired`),
    );
  }

  /** How each of these was answered at once. */
  answers(...names: readonly string[]): string[] {
    return names.map((name) => {
      const admission = this.admit(name);
      return typeof admission === 'string' ? admission : 'waiting';
    });
  }
}

test('as many enter as may, then as many wait as may, and the rest is refused', () => {
  const rig = new Rig();
  assert.deepEqual(rig.answers('a', 'b', 'c', 'd', 'e'), [
    'entered',
    'entered',
    'waiting',
    'waiting',
    'refused',
  ]);
  assert.deepEqual([rig.limit.inFlight, rig.limit.queued], [2, 2]);
  assert.deepEqual(rig.told, [], 'who entered at once is not told again');
});

test('each one that leaves lets one in, first come first served', () => {
  const rig = new Rig();
  rig.answers('a', 'b', 'c', 'd');
  rig.limit.leave();
  assert.deepEqual(rig.told, ['c entered']);
  rig.limit.leave();
  assert.deepEqual(rig.told, ['c entered', 'd entered']);
  assert.deepEqual([rig.limit.inFlight, rig.limit.queued], [2, 0]);
});

test('who has waited as long as allowed is told so, once, and its place in the queue is free', async () => {
  const rig = new Rig();
  rig.answers('a', 'b', 'c');
  await rig.clock.advance(999);
  assert.deepEqual(rig.told, []);
  await rig.clock.advance(1);
  assert.deepEqual(rig.told, ['c expired']);
  assert.deepEqual(rig.answers('d', 'e', 'f'), ['waiting', 'waiting', 'refused']);
  rig.limit.leave();
  assert.deepEqual(rig.told, ['c expired', 'd entered']);
});

test('who has been let in does not expire', async () => {
  const rig = new Rig();
  rig.answers('a', 'b', 'c');
  rig.limit.leave();
  await rig.clock.advance(10_000);
  assert.deepEqual(rig.told, ['c entered']);
  assert.equal(rig.clock.pending, 0);
});

test('who gives up hears nothing more and is passed over', async () => {
  const rig = new Rig();
  rig.answers('a', 'b');
  const admission = rig.admit('c');
  assert.ok(typeof admission !== 'string');
  rig.answers('d');
  admission.cancel();
  rig.limit.leave();
  assert.deepEqual(rig.told, ['d entered']);
  await rig.clock.advance(10_000);
  assert.deepEqual(rig.told, ['d entered']);
  admission.cancel();
  assert.deepEqual([rig.limit.inFlight, rig.limit.queued], [2, 0]);
});

test('without a queue one too many is refused at once', () => {
  const rig = new Rig({ maxQueue: 0 });
  assert.deepEqual(rig.answers('a', 'b', 'c'), ['entered', 'entered', 'refused']);
  rig.limit.leave();
  assert.deepEqual(rig.answers('d'), ['entered']);
});

test('without a limit nobody waits', () => {
  const rig = new Rig({ maxInFlight: Number.POSITIVE_INFINITY });
  assert.deepEqual(new Set(rig.answers(...Array(5_000).fill('x'))), new Set(['entered']));
});

test('a higher limit lets in who waits; a lower one breaks nobody off', () => {
  const rig = new Rig();
  rig.answers('a', 'b', 'c', 'd');
  rig.limit.setLimits({ ...LIMITS, maxInFlight: 3 });
  assert.deepEqual(rig.told, ['c entered']);
  rig.limit.setLimits({ ...LIMITS, maxInFlight: 1 });
  assert.equal(rig.limit.inFlight, 3);
  rig.limit.leave();
  rig.limit.leave();
  assert.deepEqual(rig.told, ['c entered']);
  rig.limit.leave();
  assert.deepEqual(rig.told, ['c entered', 'd entered']);
});

test('one that leaves again as it is let in lets in the next', () => {
  const clock = new ManualClock();
  const limit = new InFlightLimit({ ...LIMITS, maxInFlight: 1, maxQueue: 100 }, clock);
  limit.admit(
    () => undefined,
    () => undefined,
  );
  const order: number[] = [];
  for (let index = 0; index < 100; index += 1) {
    const enter = (): void => {
      order.push(index);
      limit.leave();
    };
    limit.admit(enter, () => assert.fail('expired'));
  }
  limit.leave();
  assert.deepEqual(
    order,
    Array.from({ length: 100 }, (_, index) => index),
  );
  assert.deepEqual([limit.inFlight, limit.queued, clock.pending], [0, 0, 0]);
});
