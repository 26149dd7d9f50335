import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { PickContext, PickerFactory } from '../../src/balancing/picker.js';
import type { Endpoint } from '../../src/core/endpoint.js';
import { type Candidate, newLoad } from '../../src/core/load.js';
import { seededRandom } from '../../src/core/random.js';

const SEEDS = Array.from({ length: 20 }, (_, seed) => seed);

/** Weights that make a picker draw equally, by weight, and by weights that are no whole numbers. */
const WEIGHTINGS = [
  [1, 1, 1, 1],
  [1, 2, 5, 2],
  [0.5, 0.25, 0.1, 3],
];

/** An endpoint called `name` with this many attempts in flight. */
export function candidate(name: string, weight = 1, inFlight = 0): Candidate {
  const endpoint: Endpoint = {
    address: `${name}:80`,
    host: name,
    port: 80,
    weight,
    zone: undefined,
    metadata: {},
    standing: 'listed',
    keys: [`/services/goods/${name}`],
    revision: '1',
    lease: '',
    since: 0,
  };
  const made = { endpoint, weight, load: { ...newLoad(), inFlight } };
  return made;
}

/** Of a request that has been tried at these. */
export function after(...tried: readonly Candidate[]): PickContext<Candidate> {
  const context = { tried, now: 0 };
  return context;
}

/** Idle candidates `c0`, `c1`, … with these weights. */
export function weighted(weights: readonly number[]): Candidate[] {
  return weights.map((weight, index) => candidate(`c${index}`, weight));
}

/** What `factory` picks in a row when nothing has been tried, as hosts. */
export function picks(
  factory: PickerFactory,
  candidates: readonly Candidate[],
  count: number,
  seed = 1,
): (string | undefined)[] {
  const picker = factory(candidates, seededRandom(seed));
  return Array.from({ length: count }, () => picker.pick(after())?.endpoint.host);
}

/** How often each host was picked. */
export function tally(hosts: readonly (string | undefined)[]): Map<string | undefined, number> {
  const counts = new Map<string | undefined, number>();
  for (const host of hosts) counts.set(host, (counts.get(host) ?? 0) + 1);
  return counts;
}

/** What every picker must do, whatever its method. */
export function describePicker(name: string, factory: PickerFactory): void {
  describe(`the ${name} picker`, () => {
    describeChoice(factory);
    describeTried(factory);
    describeShares(factory);
    describeForecast(factory);
  });
}

function describeChoice(factory: PickerFactory): void {
  test('has nothing to give without candidates', () => {
    assert.equal(factory<Candidate>([], seededRandom(1)).pick(after()), undefined);
    assert.equal(factory<Candidate>([], seededRandom(1)).pick(after(candidate('gone'))), undefined);
  });

  test('gives the only candidate every time', () => {
    assert.deepEqual(picks(factory, [candidate('only', 3)], 5), Array(5).fill('only'));
  });

  test('gives every candidate sooner or later, and nothing else', () => {
    for (const weights of WEIGHTINGS) {
      const hosts = new Set(picks(factory, weighted(weights), 1000));
      assert.deepEqual([...hosts].sort(), ['c0', 'c1', 'c2', 'c3'], `weights ${weights}`);
    }
  });

  test('gives the object it was made with, not a copy', () => {
    const candidates = weighted([1, 2]);
    const picked = factory(candidates, seededRandom(1)).pick(after());
    assert.ok(picked !== undefined && candidates.includes(picked));
  });

  test('makes the same choices again from the same seed', () => {
    const candidates = weighted([1, 2, 5]);
    assert.deepEqual(picks(factory, candidates, 50, 7), picks(factory, candidates, 50, 7));
  });
}

function describeTried(factory: PickerFactory): void {
  for (const weights of WEIGHTINGS) {
    test(`never gives one that was tried while another is there, with weights ${weights}`, () => {
      const candidates = weighted(weights);
      for (let mask = 1; mask < 2 ** candidates.length - 1; mask += 1) {
        const tried = candidates.filter((_, index) => (mask >> index) & 1);
        const rest = new Set(candidates.filter((one) => !tried.includes(one)));
        for (const seed of SEEDS) {
          const picker = factory(candidates, seededRandom(seed));
          for (let turn = 0; turn < 8; turn += 1) {
            const picked = picker.pick(after(...tried));
            assert.ok(picked !== undefined && rest.has(picked), `tried ${mask.toString(2)}, seed ${seed}`);
          }
        }
      }
    });
  }

  test('has nothing to give when all were tried, and goes on with the next request', () => {
    for (const weights of [...WEIGHTINGS, [2]]) {
      const candidates = weighted(weights);
      const picker = factory(candidates, seededRandom(3));
      assert.equal(picker.pick(after(...candidates)), undefined, `weights ${weights}`);
      assert.notEqual(picker.pick(after()), undefined, `weights ${weights}`);
    }
  });

  test('is not disturbed by one that was tried and has left since', () => {
    const candidates = weighted([1, 1]);
    const picker = factory(candidates, seededRandom(1));
    const picked = picker.pick(after(candidate('gone')));
    assert.ok(picked !== undefined && candidates.includes(picked));
  });
}

function describeShares(factory: PickerFactory): void {
  for (const weights of [
    [1, 1, 1],
    [1, 3],
    [1, 2, 5],
    [0.5, 0.25, 3],
  ]) {
    test(`shares out requests by weight among idle candidates: ${weights}`, () => {
      const count = 10_000;
      const counts = tally(picks(factory, weighted(weights), count, 11));
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      weights.forEach((weight, index) => {
        const share = weight / total;
        // Five standard deviations of a binomial count: chance does not exceed that in a million runs.
        const tolerance = 5 * Math.sqrt(count * share * (1 - share));
        const seen = counts.get(`c${index}`) ?? 0;
        assert.ok(
          Math.abs(seen - count * share) <= tolerance,
          `c${index} was given ${seen} of ${count}, wanted ${count * share} ± ${tolerance}`,
        );
      });
    });
  }
}

function describeForecast(factory: PickerFactory): void {
  test('forecasts the chances that picks then show, and neither draws nor turns for it', () => {
    for (const weights of WEIGHTINGS) {
      const candidates = weights.map((weight, index) => candidate(`c${index}`, weight, index));
      const counts = new Map<string, number>();
      const expected = new Map<string, number>();
      const runs = 4_000;
      for (let seed = 0; seed < runs; seed += 1) {
        let draws = 0;
        const random = seededRandom(seed);
        const picker = factory(candidates, () => {
          draws += 1;
          return random();
        });
        const drawnBefore = draws;
        const { prospects } = picker.forecast({ now: 0 });
        assert.deepEqual(picker.forecast({ now: 0 }).prospects, prospects);
        assert.equal(draws, drawnBefore);
        for (const { candidate: one, chance } of prospects)
          expected.set(one.endpoint.host, (expected.get(one.endpoint.host) ?? 0) + chance);
        const picked = picker.pick(after())?.endpoint.host ?? '';
        counts.set(picked, (counts.get(picked) ?? 0) + 1);
      }
      for (const { endpoint } of candidates) {
        const mean = expected.get(endpoint.host) ?? 0;
        const seen = counts.get(endpoint.host) ?? 0;
        assert.ok(
          Math.abs(seen - mean) <= 5 * Math.sqrt(runs / 4),
          `${endpoint.host}: forecast ${mean}, seen ${seen}, weights ${weights}`,
        );
      }
    }
  });

  test('forecasts nothing without candidates', () => {
    assert.deepEqual(factory<Candidate>([], seededRandom(1)).forecast({ now: 0 }).prospects, []);
  });
}
