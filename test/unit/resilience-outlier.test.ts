import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { OutcomeClass } from '../../src/core/outcome.js';
import { seededRandom } from '../../src/core/random.js';
import type { EjectionPolicy } from '../../src/core/route.js';
import { OutlierDetector } from '../../src/resilience/outlier.js';
import { ManualClock } from '../support/manual-clock.js';

const POLICY: EjectionPolicy = {
  enabled: true,
  consecutiveFailures: 5,
  successRateGap: 0.3,
  baseTime: 10_000,
  maxShare: 0.5,
};

/** A detector over endpoints `a`, `b`, … that writes down what it says. */
class Rig {
  readonly clock = new ManualClock();
  /** `out a refused`, `in a`. */
  readonly told: string[] = [];
  /** Milliseconds of each ejection. */
  readonly times: number[] = [];
  readonly detector: OutlierDetector;

  constructor(size: number, policy: Partial<EjectionPolicy> = {}, seed = 1) {
    this.detector = new OutlierDetector({ ...POLICY, ...policy }, this.clock, seededRandom(seed), {
      onEjected: (address, reason, forMs) => {
        this.told.push(`out ${address} ${reason}`);
        this.times.push(forMs);
      },
      onReturned: (address) => this.told.push(`in ${address}`),
    });
    for (const address of 'abcdefghij'.slice(0, size)) this.detector.join(address);
  }

  end(address: string, outcome: OutcomeClass, times = 1, status = 200, reusedConnection = false): void {
    for (let turn = 0; turn < times; turn += 1) {
      this.detector.observe(address, {
        class: outcome,
        status,
        cause: undefined,
        nothingSent: outcome === 'connect-failed',
        reusedConnection,
        answerBegun: false,
        headMs: 1,
      });
    }
  }

  answer(address: string, status: number, times = 1): void {
    this.end(address, status >= 500 ? 'server-error' : 'ok', times, status);
  }

  /** Which of these are out. */
  out(...addresses: readonly string[]): string[] {
    return addresses.filter((address) => this.detector.reasonOf(address) !== undefined);
  }
}

describe('what takes an endpoint out', () => {
  test('a connection that cannot be made does so at once', () => {
    const rig = new Rig(3);
    rig.end('a', 'connect-failed');
    assert.deepEqual(rig.told, ['out a refused']);
    assert.equal(rig.detector.reasonOf('a'), 'refused');
    assert.equal(rig.detector.reasonOf('b'), undefined);
  });

  for (const outcome of ['reset', 'timeout', 'bad-response', 'truncated'] as const) {
    test(`five attempts in a row that end as ${outcome} do so, four do not`, () => {
      const rig = new Rig(3);
      rig.end('a', outcome, 4);
      assert.deepEqual(rig.told, []);
      rig.end('a', outcome);
      assert.deepEqual(rig.told, ['out a consecutive-failures']);
    });
  }

  for (const status of [502, 503, 504]) {
    test(`five answers of ${status} in a row do so, for a gateway behind this one says that it cannot serve`, () => {
      const rig = new Rig(3);
      rig.answer('a', status, 5);
      assert.deepEqual(rig.told, ['out a consecutive-failures']);
    });
  }

  test('failures of different kinds make one run', () => {
    const rig = new Rig(3);
    rig.end('a', 'reset', 2);
    rig.end('a', 'timeout', 2);
    rig.answer('a', 503);
    assert.deepEqual(rig.told, ['out a consecutive-failures']);
  });

  test('the length of the run is a setting', () => {
    const rig = new Rig(3, { consecutiveFailures: 2 });
    rig.end('a', 'reset', 2);
    assert.deepEqual(rig.out('a'), ['a']);
  });
});

describe('what does not take an endpoint out', () => {
  test('a success breaks the run', () => {
    const rig = new Rig(3);
    for (let turn = 0; turn < 5; turn += 1) {
      rig.end('a', 'reset', 4);
      rig.answer('a', 200);
    }
    assert.deepEqual(rig.told, []);
  });

  test('a 500 is an answer: it may be the fault of the request, and breaks the run', () => {
    const rig = new Rig(3);
    rig.answer('a', 500, 50);
    rig.end('a', 'reset', 4);
    rig.answer('a', 500);
    rig.end('a', 'reset', 4);
    assert.deepEqual(rig.told, []);
  });

  test('a client that leaves neither counts as a failure nor breaks the run', () => {
    const rig = new Rig(3);
    rig.end('a', 'abandoned', 50);
    assert.deepEqual(rig.told, []);
    rig.end('a', 'reset', 4);
    rig.end('a', 'abandoned');
    rig.end('a', 'reset');
    assert.deepEqual(rig.told, ['out a consecutive-failures']);
  });

  test('a reset of a connection that had been idle neither counts nor breaks the run', () => {
    const rig = new Rig(3);
    rig.end('a', 'reset', 50, 0, true);
    assert.deepEqual(rig.told, []);
    rig.end('a', 'reset', 4);
    rig.end('a', 'reset', 1, 0, true);
    rig.end('a', 'reset');
    assert.deepEqual(rig.told, ['out a consecutive-failures']);
  });

  test('each endpoint has its own run', () => {
    const rig = new Rig(3);
    rig.end('a', 'reset', 4);
    rig.end('b', 'reset', 4);
    rig.end('c', 'reset', 4);
    assert.deepEqual(rig.told, []);
  });

  test('an attempt at an endpoint that has left', () => {
    const rig = new Rig(3);
    rig.detector.leave('a');
    rig.end('a', 'connect-failed', 5);
    assert.deepEqual(rig.told, []);
  });

  test('anything, when it is turned off', () => {
    const rig = new Rig(3, { enabled: false });
    rig.end('a', 'connect-failed', 5);
    rig.end('b', 'reset', 50);
    assert.deepEqual(rig.told, []);
  });
});

describe('how many may be out', () => {
  for (const [size, most] of [
    [1, 0],
    [2, 1],
    [3, 1],
    [4, 2],
    [5, 2],
    [10, 5],
  ] as const) {
    test(`${most} of ${size}: half, always one, never the last`, () => {
      const rig = new Rig(size);
      for (const address of 'abcdefghij'.slice(0, size)) rig.end(address, 'connect-failed', 5);
      assert.equal(rig.told.length, most);
    });
  }

  test('the share is a setting, and still leaves the last one in', () => {
    for (const [maxShare, most] of [
      [1, 3],
      [0.25, 1],
      [0.01, 1],
    ] as const) {
      const rig = new Rig(4, { maxShare });
      for (const address of 'abcd') rig.end(address, 'connect-failed');
      assert.equal(rig.told.length, most, `share ${maxShare}`);
    }
  });

  test('one that was spared goes out by its next failure once another has come back', () => {
    const rig = new Rig(2);
    rig.end('a', 'connect-failed');
    rig.end('b', 'connect-failed');
    assert.deepEqual(rig.out('a', 'b'), ['a']);
    rig.detector.release('a');
    rig.end('b', 'connect-failed');
    assert.deepEqual(rig.out('a', 'b'), ['b']);
  });

  test('one that is out is not taken out again by what was in flight', () => {
    const rig = new Rig(4);
    rig.end('a', 'reset', 20);
    rig.end('a', 'connect-failed', 20);
    assert.deepEqual(rig.told, ['out a consecutive-failures']);
  });
});

describe('how long it lasts', () => {
  test('ten seconds, give or take a tenth, and by itself', async () => {
    const rig = new Rig(3);
    rig.end('a', 'reset', 5);
    const [forMs = 0] = rig.times;
    assert.ok(forMs >= 9_000 && forMs <= 11_000, `${forMs}`);
    await rig.clock.advance(forMs - 1);
    assert.deepEqual(rig.out('a'), ['a']);
    await rig.clock.advance(1);
    assert.deepEqual(rig.told, ['out a consecutive-failures', 'in a']);
  });

  test('chance moves it, so that endpoints taken out together do not come back together', () => {
    const times = Array.from({ length: 50 }, (_, seed) => {
      const rig = new Rig(3, {}, seed);
      rig.end('a', 'connect-failed');
      return rig.times[0] ?? 0;
    });
    assert.equal(new Set(times).size, 50);
    assert.ok(Math.min(...times) < 9_300 && Math.max(...times) > 10_700);
  });

  test('n times as long the n-th time, and never more than five minutes', async () => {
    const rig = new Rig(3);
    for (let turn = 0; turn < 40; turn += 1) {
      rig.end('a', 'connect-failed');
      await rig.clock.advance(300_000);
    }
    assert.equal(rig.times.length, 40);
    rig.times.forEach((forMs, index) => {
      const wanted = 10_000 * (index + 1);
      assert.ok(forMs <= 300_000 && forMs <= wanted * 1.1, `${index}: ${forMs}`);
      assert.ok(forMs >= Math.min(300_000, wanted * 0.9), `${index}: ${forMs}`);
    });
  });

  test('a time without failures is forgiven step by step', async () => {
    const rig = new Rig(3);
    const goOutAndBack = async (): Promise<void> => {
      rig.end('a', 'connect-failed');
      await rig.clock.advance(rig.times.at(-1) ?? 0);
    };
    for (let turn = 0; turn < 3; turn += 1) await goOutAndBack();
    await rig.clock.advance(60_000);
    rig.answer('a', 200, 3);
    await goOutAndBack();
    assert.ok((rig.times.at(-1) ?? 0) <= 11_000, `${rig.times}`);
  });

  test('one that is seen to work comes back before its time, which then is void', async () => {
    const rig = new Rig(3);
    rig.end('a', 'connect-failed');
    await rig.clock.advance(500);
    rig.detector.release('a');
    assert.deepEqual(rig.told, ['out a refused', 'in a']);
    assert.equal(rig.clock.pending, 0);
    rig.detector.release('a');
    assert.equal(rig.told.length, 2);
  });

  test('one that comes back starts a new run', () => {
    const rig = new Rig(3);
    rig.end('a', 'reset', 5);
    rig.detector.release('a');
    rig.end('a', 'reset', 4);
    assert.deepEqual(rig.out('a'), []);
    rig.end('a', 'reset');
    assert.deepEqual(rig.out('a'), ['a']);
  });
});

describe('a success rate far below that of the others', () => {
  /** Ten seconds of traffic in which each endpoint fails with this share of 500s, one after another. */
  async function window(rig: Rig, shares: Readonly<Record<string, number>>, requests = 100): Promise<void> {
    for (const [address, share] of Object.entries(shares)) {
      rig.answer(address, 500, Math.round(requests * share));
      rig.answer(address, 200, requests - Math.round(requests * share));
    }
    await rig.clock.advance(10_000);
    rig.answer(Object.keys(shares).at(-1) ?? '', 200);
  }

  test('takes an endpoint out', async () => {
    const rig = new Rig(3);
    await window(rig, { a: 0.4, b: 0.05, c: 0.05 });
    assert.deepEqual(rig.told, ['out a success-rate']);
  });

  test('counts what cannot be a run: failures with successes between them', async () => {
    const rig = new Rig(3);
    for (let turn = 0; turn < 50; turn += 1) {
      rig.end('a', 'reset');
      for (const address of 'abc') rig.answer(address, 200);
    }
    assert.deepEqual(rig.told, []);
    await rig.clock.advance(10_000);
    rig.answer('b', 200);
    assert.deepEqual(rig.told, ['out a success-rate']);
  });

  test('is a matter of the gap: as bad as the others is not bad', async () => {
    const rig = new Rig(3);
    await window(rig, { a: 0.5, b: 0.5, c: 0.45 });
    await window(rig, { a: 0.29, b: 0, c: 0 });
    assert.deepEqual(rig.told, []);
  });

  test('needs enough requests, at the endpoint and at the others', async () => {
    const quiet = new Rig(3);
    await window(quiet, { a: 1, b: 0, c: 0 }, 19);
    const alone = new Rig(3);
    await window(alone, { a: 0.9 }, 100);
    assert.deepEqual([...quiet.told, ...alone.told], []);
  });

  test('is judged anew in each window', async () => {
    const rig = new Rig(3);
    await window(rig, { a: 0.2, b: 0, c: 0 });
    await window(rig, { a: 0.2, b: 0, c: 0 });
    await window(rig, { a: 0.2, b: 0, c: 0 });
    assert.deepEqual(rig.told, []);
  });

  test('may be turned off by a gap that nothing reaches', async () => {
    const rig = new Rig(3, { successRateGap: 1.01 });
    await window(rig, { a: 1, b: 0, c: 0 });
    assert.deepEqual(rig.told, []);
  });
});

describe('coming and going', () => {
  test('one that leaves while it is out says nothing more, and starts afresh if it joins again', async () => {
    const rig = new Rig(3);
    rig.end('a', 'connect-failed');
    rig.detector.leave('a');
    assert.equal(rig.clock.pending, 0);
    rig.detector.join('a');
    assert.deepEqual(rig.out('a'), []);
    rig.end('a', 'connect-failed');
    assert.ok((rig.times[1] ?? 0) <= 11_000, 'as long as the first time');
  });

  test('joining twice forgets nothing', () => {
    const rig = new Rig(3);
    rig.end('a', 'reset', 4);
    rig.detector.join('a');
    rig.end('a', 'reset');
    assert.deepEqual(rig.out('a'), ['a']);
  });

  test('turned off while some are out, they come back at once', () => {
    const rig = new Rig(4);
    rig.end('a', 'connect-failed');
    rig.end('b', 'connect-failed');
    rig.detector.setPolicy({ ...POLICY, enabled: false });
    assert.deepEqual(rig.told.slice(2), ['in a', 'in b']);
    assert.equal(rig.clock.pending, 0);
  });

  test('a newer policy holds from the next failure on', () => {
    const rig = new Rig(3);
    rig.end('a', 'reset', 3);
    rig.detector.setPolicy({ ...POLICY, consecutiveFailures: 4 });
    rig.end('a', 'reset');
    assert.deepEqual(rig.out('a'), ['a']);
  });

  test('closing leaves no timer behind', () => {
    const rig = new Rig(10);
    for (const address of 'abcdefghij') rig.end(address, 'connect-failed');
    assert.equal(rig.clock.pending, 5);
    rig.detector.close();
    assert.equal(rig.clock.pending, 0);
  });
});
