import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock } from '../../src/core/clock.js';
import { LoopLag } from '../../src/proxy/loop-lag.js';

/** Fires the one timer there is when told to, at the time given. */
class LateClock implements Clock {
  #now = 0;
  #task: () => void = () => undefined;

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  after(_delayMs: number, task: () => void): { cancel(): void } {
    this.#task = task;
    return { cancel: () => undefined };
  }

  fireAfter(ms: number): void {
    this.#now += ms;
    this.#task();
  }
}

test('a loop whose timers fire late again and again is overloaded', () => {
  const clock = new LateClock();
  const lag = new LoopLag(clock, 1000);
  clock.fireAfter(1200);
  assert.equal(lag.overloaded, false, 'once may be a pause of the machine');
  clock.fireAfter(1200);
  assert.equal(lag.overloaded, true);
});

test('one timer in time ends it', () => {
  const clock = new LateClock();
  const lag = new LoopLag(clock, 1000);
  for (const ms of [1200, 1200, 100]) clock.fireAfter(ms);
  assert.equal(lag.overloaded, false);
});

test('without a limit nothing is measured', () => {
  const clock = new LateClock();
  const lag = new LoopLag(clock, Number.POSITIVE_INFINITY);
  for (const ms of [9000, 9000, 9000]) clock.fireAfter(ms);
  assert.equal(lag.overloaded, false);
});
