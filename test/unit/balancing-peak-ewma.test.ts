import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { expectedWait, peakEwmaPicker } from '../../src/balancing/peak-ewma.js';
import {
  type Candidate,
  expectedLatency,
  newLoad,
  observeFailure,
  observeLatency,
} from '../../src/core/load.js';
import { seededRandom } from '../../src/core/random.js';
import { candidate, describePicker, tally } from '../contract/picker.js';
import { type SimulatedEndpoint, simulate } from '../support/simulated-traffic.js';

describePicker('peak-ewma', peakEwmaPicker);

describe('what an endpoint is expected to take', () => {
  test('one slow answer counts in full at once', () => {
    const load = newLoad();
    observeLatency(load, 5, 1_000);
    assert.equal(expectedLatency(load, 1_000), 5);
    observeLatency(load, 400, 1_001);
    assert.equal(expectedLatency(load, 1_001), 400);
  });

  test('quick answers lower it by the time that has passed, however many they are', () => {
    const few = newLoad();
    const many = newLoad();
    for (const load of [few, many]) observeLatency(load, 400, 0);
    for (let at = 1_000; at <= 10_000; at += 1_000) observeLatency(few, 5, at);
    for (let at = 1; at <= 10_000; at += 1) observeLatency(many, 5, at);
    for (const load of [few, many]) {
      // After one time constant 1/e of the difference is left.
      assert.ok(Math.abs(load.latencyEwmaMs - (5 + 395 / Math.E)) < 1, `${load.latencyEwmaMs}`);
    }
  });

  test('without answers it fades, so that an endpoint that was slow once is tried again', () => {
    const load = newLoad();
    observeLatency(load, 400, 0);
    assert.ok(expectedLatency(load, 5_000) > 200);
    assert.ok(expectedLatency(load, 60_000) <= 1);
  });
});

describe('which of two endpoints is expected to answer sooner', () => {
  /** An endpoint that has answered in this many milliseconds, just now. */
  function measured(name: string, ms: number, inFlight = 0, weight = 1): Candidate {
    const one = candidate(name, weight, inFlight);
    observeLatency(one.load, ms, 0);
    return one;
  }

  function winner(...candidates: readonly Candidate[]): string {
    const picker = peakEwmaPicker(candidates, seededRandom(1));
    const hosts = Array.from({ length: 50 }, () => picker.pick({ tried: [], now: 0 })?.endpoint.host);
    return [...tally(hosts).keys()].sort().join(' and ');
  }

  test('the quicker one', () => {
    assert.equal(winner(measured('quick', 5), measured('slow', 6)), 'quick');
  });

  test('the slower one, when the quicker one has so much to do that it is not', () => {
    assert.equal(winner(measured('quick', 5, 18), measured('slow', 100)), 'quick');
    assert.equal(winner(measured('quick', 5, 20), measured('slow', 100)), 'slow');
  });

  test('a heavy one may have more to do, whatever numbers the registry uses for weights', () => {
    for (const unit of [0.1, 1, 100]) {
      assert.equal(winner(measured('light', 5, 4, unit), measured('heavy', 5, 11, 3 * unit)), 'heavy');
      assert.equal(winner(measured('light', 5, 4, unit), measured('heavy', 5, 13, 3 * unit)), 'light');
    }
  });

  test('a new one is tried at once, with one request until it has answered', () => {
    assert.equal(winner(measured('known', 5), candidate('new')), 'new');
    assert.equal(winner(measured('known', 5, 100), candidate('new', 1, 1)), 'known');
  });

  test('one that fails fast is not quick', () => {
    const failing = candidate('failing');
    for (let failure = 0; failure < 10; failure += 1) observeFailure(failing.load, 0);
    assert.equal(winner(measured('working', 5), failing), 'working');
    assert.ok(expectedWait(failing, 20_000, 1) < 1.01, 'and is tried again later');
  });
});

describe('one of three endpoints is twenty times slower, 32 clients', () => {
  const FLEET: readonly SimulatedEndpoint[] = [
    { name: 'a', latencyMs: 5 },
    { name: 'b', latencyMs: 5 },
    { name: 'slow', latencyMs: 100 },
  ];

  for (const seed of [1, 2, 3]) {
    test(`least-loaded answers at least four times the requests of random, seed ${seed}`, () => {
      const random = simulate('random', FLEET, { seed });
      const leastLoaded = simulate('least-loaded', FLEET, { seed });
      const ratio = leastLoaded.answered / random.answered;
      assert.ok(ratio >= 4, `${ratio}`);
    });

    test(`the p99 of peak-ewma is at most a fifth of that of random, seed ${seed}`, () => {
      const random = simulate('random', FLEET, { seed });
      const peakEwma = simulate('peak-ewma', FLEET, { seed });
      assert.ok(peakEwma.p99Ms <= random.p99Ms / 5, `${peakEwma.p99Ms} of ${random.p99Ms}`);
      assert.ok((peakEwma.sent['slow'] ?? 0) > 0, 'and the slow one is still tried');
    });
  }

  test('an endpoint that becomes quick again is used again', () => {
    const [a, b] = FLEET;
    assert.ok(a !== undefined && b !== undefined);
    const recovering = { name: 'slow', latencyMs: 100, recoversAt: 2_000, recoveredMs: 5 };
    const before = simulate('peak-ewma', [a, b, recovering], { forMs: 2_000 });
    const after = simulate('peak-ewma', [a, b, recovering], { forMs: 40_000 });
    const share =
      ((after.sent['slow'] ?? 0) - (before.sent['slow'] ?? 0)) / (after.answered - before.answered);
    // None for the seconds in which its bad name fades, a third from then on.
    assert.ok(share > 0.1, `${share * 100} %`);
  });
});

describe('an endpoint that fails at once does not attract traffic', () => {
  const FLEET: readonly SimulatedEndpoint[] = [
    { name: 'a', latencyMs: 20 },
    { name: 'b', latencyMs: 20 },
    { name: 'failing', latencyMs: 0.5, failing: true },
  ];

  for (const method of ['least-loaded', 'peak-ewma'] as const) {
    test(method, () => {
      const { sent, answered } = simulate(method, FLEET);
      const share = (sent['failing'] ?? 0) / (answered + (sent['failing'] ?? 0));
      assert.ok(share < 0.05, `${method} sent it ${share * 100} %`);
    });
  }
});
