import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { consistentHashPicker } from '../../src/balancing/consistent-hash.js';
import type { Candidate } from '../../src/core/load.js';
import { seededRandom } from '../../src/core/random.js';
import { hashKeyOf } from '../../src/proxy/hash-key.js';
import { candidate, describePicker, tally, weighted } from '../contract/picker.js';

// The contract's requests carry no key.
describePicker('consistent-hash', consistentHashPicker);

const KEYS = Array.from({ length: 3_000 }, (_, index) => `session-${index}`);

/** Where each key goes while nothing is in flight. */
function homes(candidates: readonly Candidate[], keys = KEYS): Map<string, string | undefined> {
  const picker = consistentHashPicker(candidates, seededRandom(1));
  return new Map(
    keys.map((hashKey) => [hashKey, picker.pick({ tried: [], now: 0, hashKey })?.endpoint.host]),
  );
}

function moved(
  before: ReadonlyMap<string, string | undefined>,
  after: ReadonlyMap<string, string | undefined>,
): string[] {
  return [...before.keys()].filter((key) => before.get(key) !== after.get(key));
}

function fleet(size: number): Candidate[] {
  return weighted(Array(size).fill(1));
}

describe('where a key goes', () => {
  test('to the same endpoint every time, at every gateway, whatever the order of the list and chance', () => {
    const here = homes(fleet(5));
    const there = homes(fleet(5).reverse());
    assert.deepEqual(moved(here, there), []);
  });

  test('keys are spread over the endpoints, by weight', () => {
    for (const weights of [
      [1, 1, 1, 1],
      [10, 10, 30],
    ]) {
      const counts = tally([...homes(weighted(weights)).values()]);
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      weights.forEach((weight, index) => {
        const wanted = (KEYS.length * weight) / total;
        const seen = counts.get(`c${index}`) ?? 0;
        // With 64 places the shares of a ring deviate by about an eighth.
        assert.ok(Math.abs(seen - wanted) < wanted * 0.4, `c${index} has ${seen}, wanted ${wanted}`);
      });
    }
  });

  test('keys that differ in their last character only do not stay together', () => {
    const keys = Array.from({ length: 100 }, (_, index) => `10.0.0.${index}`);
    const counts = tally([...homes(fleet(4), keys).values()]);
    assert.equal(counts.size, 4);
    assert.ok(Math.max(...counts.values()) < 50, `${[...counts]}`);
  });
});

describe('when endpoints come and go', () => {
  test('only the keys of one that leaves move, and not all to the same place', () => {
    const before = homes(fleet(5));
    const after = homes(fleet(5).filter(({ endpoint }) => endpoint.host !== 'c2'));
    const movers = moved(before, after);
    assert.ok(movers.every((key) => before.get(key) === 'c2'));
    assert.ok(new Set(movers.map((key) => after.get(key))).size === 4);
  });

  test('one that joins takes its share, and only it', () => {
    const before = homes(fleet(5));
    const after = homes(fleet(6));
    const movers = moved(before, after);
    assert.ok(movers.every((key) => after.get(key) === 'c5'));
    assert.ok(movers.length > 0 && movers.length < KEYS.length / 4, `${movers.length} moved`);
  });

  test('one that warms up takes its keys step by step, and moves none between the others', () => {
    const steps = [0.1, 0.4, 0.7, 1].map((warmth) =>
      homes([...fleet(3), { ...candidate('warming'), weight: warmth }]),
    );
    const full = steps[3];
    let fewer = homes(fleet(3));
    for (const step of steps) {
      const movers = moved(fewer, step);
      assert.ok(movers.length > 0 && movers.every((key) => step.get(key) === 'warming'));
      fewer = step;
    }
    assert.deepEqual(fewer, full);
  });
});

describe('bounded load', () => {
  test('no endpoint has more than a quarter over its share in flight, however popular one key is', () => {
    const candidates = fleet(4);
    const picker = consistentHashPicker(candidates, seededRandom(1));
    const hashKey = 'popular';
    for (let sent = 1; sent <= 1_000; sent += 1) {
      const picked = picker.pick({ tried: [], now: 0, hashKey });
      assert.ok(picked !== undefined);
      picked.load.inFlight += 1;
      const most = Math.max(...candidates.map(({ load }) => load.inFlight));
      assert.ok(most <= Math.ceil((1.25 * sent) / 4), `${most} of ${sent}`);
    }
  });

  test('in proportion to weight', () => {
    const candidates = weighted([1, 3]);
    const picker = consistentHashPicker(candidates, seededRandom(1));
    for (let sent = 0; sent < 400; sent += 1) {
      const picked = picker.pick({ tried: [], now: 0, hashKey: `key-${sent % 2}` });
      if (picked !== undefined) picked.load.inFlight += 1;
    }
    const [light, heavy] = candidates.map(({ load }) => load.inFlight);
    assert.ok((light ?? 0) <= 125 && (heavy ?? 0) <= 375, `${light} and ${heavy}`);
  });

  test('what is too much goes to the next on the ring, always the same', () => {
    const candidates = fleet(4);
    const picker = consistentHashPicker(candidates, seededRandom(1));
    const pick = (hashKey: string) => picker.pick({ tried: [], now: 0, hashKey });
    const home = pick('key');
    assert.ok(home !== undefined);
    home.load.inFlight = 50;
    const next = pick('key');
    assert.ok(next !== undefined && next !== home);
    for (let turn = 0; turn < 20; turn += 1) assert.equal(pick('key'), next);
    home.load.inFlight = 0;
    assert.equal(pick('key'), home);
  });

  test('a retry goes to the next on the ring too, though it be over its share', () => {
    const candidates = fleet(2);
    const picker = consistentHashPicker(candidates, seededRandom(1));
    const home = picker.pick({ tried: [], now: 0, hashKey: 'key' });
    const other = candidates.find((one) => one !== home);
    assert.ok(home !== undefined && other !== undefined);
    other.load.inFlight = 1_000;
    assert.equal(picker.pick({ tried: [home], now: 0, hashKey: 'key' }), other);
  });
});

describe('what requests are told apart by', () => {
  const RAW = ['Host', 'a', 'X-User', 'ann', 'Cookie', 'theme=dark; sid=42; sid2=43', 'x-user', 'bob'];

  test('the address of the client', () => {
    assert.equal(hashKeyOf({ from: 'client' }, RAW, '10.0.0.9'), '10.0.0.9');
  });

  test('a header, whatever its case; the first of several', () => {
    assert.equal(hashKeyOf({ from: 'header', name: 'x-user' }, RAW, '10.0.0.9'), 'ann');
    assert.equal(hashKeyOf({ from: 'header', name: 'x-other' }, RAW, '10.0.0.9'), undefined);
  });

  test('a cookie, by its whole name', () => {
    assert.equal(hashKeyOf({ from: 'cookie', name: 'sid' }, RAW, '10.0.0.9'), '42');
    assert.equal(hashKeyOf({ from: 'cookie', name: 'id' }, RAW, '10.0.0.9'), undefined);
    assert.equal(hashKeyOf({ from: 'cookie', name: 'sid' }, ['Host', 'a'], '10.0.0.9'), undefined);
  });
});

describe('the forecast for a key', () => {
  test('names its place on the ring, whose that is, and the endpoint that takes it', () => {
    const candidates = fleet(5);
    const picker = consistentHashPicker(candidates, seededRandom(1));
    for (const hashKey of KEYS.slice(0, 200)) {
      const { prospects, key } = picker.forecast({ now: 0, hashKey });
      const next = prospects.filter(({ chance }) => chance === 1).map(({ candidate: one }) => one);
      assert.deepEqual(next, [picker.pick({ tried: [], now: 0, hashKey })]);
      assert.equal(key?.owner, next[0]);
      assert.ok(key !== undefined);
      assert.ok(key.place >= 0 && key.place < key.places && key.places === 5 * 64);
    }
  });

  test('tells the owner from the endpoint that the key is passed on to', () => {
    const candidates = fleet(3);
    const picker = consistentHashPicker(candidates, seededRandom(1));
    const owner = picker.forecast({ now: 0, hashKey: 'session-1' }).key?.owner;
    assert.ok(owner);
    owner.load.inFlight = 50;
    const { prospects, key } = picker.forecast({ now: 0, hashKey: 'session-1' });
    assert.equal(key?.owner, owner);
    const next = prospects.find(({ chance }) => chance === 1)?.candidate;
    assert.notEqual(next, owner);
    assert.equal(next, picker.pick({ tried: [], now: 0, hashKey: 'session-1' }));
    assert.ok((prospects.find(({ candidate: one }) => one === owner)?.score ?? 1) <= 0);
  });
});
