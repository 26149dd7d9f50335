import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ThriftyClock } from '../../src/core/thrifty-clock.js';
import { ManualClock } from '../support/manual-clock.js';

class Rig {
  readonly below = new ManualClock();
  readonly clock = new ThriftyClock(this.below);
  /** What ran, and when. */
  readonly ran: string[] = [];

  set(name: string, delayMs: number) {
    return this.clock.after(delayMs, () => this.ran.push(`${name} at ${this.below.monotonic()}`));
  }
}

describe('a clock whose timers are used again', () => {
  test('runs each task once, at its time', async () => {
    const rig = new Rig();
    rig.set('late', 300);
    rig.set('early', 100);
    await rig.below.advance(1_000);
    assert.deepEqual(rig.ran, ['early at 100', 'late at 300']);
  });

  test('lets a cancelled timer run for the next, which is still on time', async () => {
    const rig = new Rig();
    rig.set('first', 100).cancel();
    await rig.below.advance(60);
    rig.set('second', 100);
    assert.equal(rig.below.pending, 1);
    await rig.below.advance(1_000);
    assert.deepEqual(rig.ran, ['second at 160']);
  });

  test('needs as many as are set at once, however many follow one another', () => {
    const rig = new Rig();
    for (let round = 0; round < 1_000; round += 1) {
      const both = [rig.set('a', 30_000), rig.set('b', 30_000)];
      for (const timer of both) timer.cancel();
    }
    assert.equal(rig.below.pending, 2);
  });

  test('has another for what is due before the spare one runs out', async () => {
    const rig = new Rig();
    rig.set('long', 30_000).cancel();
    rig.set('short', 50);
    await rig.below.advance(100);
    assert.deepEqual(rig.ran, ['short at 50']);
  });

  test('cancels one of them, and only once', async () => {
    const rig = new Rig();
    const first = rig.set('first', 100);
    first.cancel();
    rig.set('second', 100);
    first.cancel();
    await rig.below.advance(1_000);
    assert.deepEqual(rig.ran, ['second at 100']);
  });

  test('forgets a spare one that has run out', async () => {
    const rig = new Rig();
    rig.set('a', 100).cancel();
    await rig.below.advance(1_000);
    assert.equal(rig.below.pending, 0);
    rig.set('b', 100);
    await rig.below.advance(1_000);
    assert.deepEqual(rig.ran, ['b at 1100']);
  });

  test('keeps no more than 256 of them', () => {
    const rig = new Rig();
    const timers = Array.from({ length: 1_000 }, () => rig.set('a', 100));
    for (const timer of timers) timer.cancel();
    assert.equal(rig.below.pending, 256);
  });

  test('lets a task set the next', async () => {
    const rig = new Rig();
    rig.clock.after(100, () => rig.set('next', 100));
    await rig.below.advance(1_000);
    assert.deepEqual(rig.ran, ['next at 200']);
  });

  test('leaves nothing running once it is closed but what is in use', async () => {
    const rig = new Rig();
    rig.set('cancelled', 100).cancel();
    rig.clock.close();
    assert.equal(rig.below.pending, 0);
  });
});
