import assert from 'node:assert/strict';
import { test } from 'node:test';
import { leastLoadedPicker } from '../../src/balancing/least-loaded.js';
import { type Candidate, observeFailure } from '../../src/core/load.js';
import { seededRandom } from '../../src/core/random.js';
import { after, candidate, picks, tally, weighted } from '../contract/picker.js';

function loaded(...inFlight: readonly number[]): Candidate[] {
  return inFlight.map((count, index) => candidate(`c${index}`, 1, count));
}

test('of two candidates the one with fewer requests in flight is picked, every time', () => {
  assert.deepEqual([...tally(picks(leastLoadedPicker, loaded(3, 2), 200))], [['c1', 200]]);
});

test('of three candidates, too, the one with the fewest is picked, every time', () => {
  assert.deepEqual([...tally(picks(leastLoadedPicker, loaded(3, 4, 2), 200))], [['c2', 200]]);
});

test('of three candidates, those with as many share out the requests alike', () => {
  const counts = tally(picks(leastLoadedPicker, loaded(2, 5, 2), 2000));
  assert.equal(counts.get('c1'), undefined);
  assert.ok(Math.abs((counts.get('c0') ?? 0) - 1000) < 150, `${[...counts]}`);
});

test('a heavy candidate may have more in flight, in proportion to its weight', () => {
  const light = candidate('light', 1, 2);
  assert.deepEqual(
    [...tally(picks(leastLoadedPicker, [light, candidate('heavy', 4, 4)], 100)).keys()],
    ['heavy'],
  );
  assert.deepEqual(
    [...tally(picks(leastLoadedPicker, [light, candidate('heavy', 4, 16)], 100)).keys()],
    ['light'],
  );
});

test('the busiest of many is never picked, for one of two drawn is always less busy', () => {
  const counts = tally(picks(leastLoadedPicker, loaded(1, 9, 2, 0, 3, 1), 2000));
  assert.equal(counts.get('c1'), undefined);
  assert.ok((counts.get('c3') ?? 0) > (counts.get('c4') ?? 0));
});

test('the least busy is not the only one picked, so that many gateways do not all rush to it', () => {
  const counts = tally(picks(leastLoadedPicker, loaded(0, 1, 1, 1, 1, 1, 1, 1), 1000));
  assert.ok((counts.get('c0') ?? 0) < 500, `${counts.get('c0')} of 1000 went to the least busy`);
});

test('the load counts as it is at the moment of the pick', () => {
  const candidates = loaded(1, 0);
  const [first, second] = candidates;
  const picker = leastLoadedPicker(candidates, seededRandom(1));
  assert.equal(picker.pick(after()), second);
  if (second !== undefined) second.load.inFlight = 5;
  assert.equal(picker.pick(after()), first);
});

test('a retry goes to the less busy of the candidates that are left', () => {
  const candidates = loaded(0, 7, 4);
  const [first, , third] = candidates;
  assert.ok(first !== undefined);
  const picker = leastLoadedPicker(candidates, seededRandom(1));
  for (let turn = 0; turn < 50; turn += 1) assert.equal(picker.pick(after(first)), third);
});

test('what is in flight ends up spread by weight', () => {
  const candidates = weighted([1, 2, 4]);
  const picker = leastLoadedPicker(candidates, seededRandom(5));
  for (let request = 0; request < 700; request += 1) {
    const picked = picker.pick(after());
    if (picked !== undefined) picked.load.inFlight += 1;
  }
  for (const { endpoint, load } of candidates) {
    const wanted = 100 * endpoint.weight;
    assert.ok(
      Math.abs(load.inFlight - wanted) <= 0.1 * wanted,
      `${endpoint.host} has ${load.inFlight}, wanted about ${wanted}`,
    );
  }
});

test('a failure of long ago does not decide between endpoints that are idle', () => {
  const candidates = loaded(0, 0, 0);
  const [failed] = candidates;
  assert.ok(failed !== undefined);
  observeFailure(failed.load, -60_000);
  const counts = tally(picks(leastLoadedPicker, candidates, 300));
  assert.ok((counts.get('c0') ?? 0) > 60, `${[...counts]}`);
});
