import { type Clock, systemClock } from '../../src/core/clock.js';

/** The system's clock, on which a timer of 20 s fires after one: for waits that a test must see pass. */
export const HASTE = 20;

export const hastyClock: Clock = {
  now: () => systemClock.now(),
  monotonic: () => systemClock.monotonic() * HASTE,
  after: (delayMs, task) => systemClock.after(delayMs / HASTE, task),
};
