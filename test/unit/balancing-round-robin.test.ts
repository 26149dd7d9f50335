import assert from 'node:assert/strict';
import { test } from 'node:test';
import { roundRobinPicker } from '../../src/balancing/round-robin.js';
import { seededRandom } from '../../src/core/random.js';
import { after, picks, tally, weighted } from '../contract/picker.js';

const SEEDS = Array.from({ length: 100 }, (_, seed) => seed);

test('equal candidates take turns in their order, round after round', () => {
  for (const seed of SEEDS) {
    const [first, ...rest] = picks(roundRobinPicker, weighted([1, 1, 1, 1]), 12, seed);
    const start = Number(first?.slice(1));
    const wanted = Array.from({ length: 11 }, (_, turn) => `c${(start + turn + 1) % 4}`);
    assert.deepEqual(rest, wanted, `seed ${seed}`);
  }
});

test('a gateway starts anywhere, so that many of them do not all begin with the same endpoint', () => {
  for (const weights of [
    [1, 1, 1, 1],
    [2, 1, 1, 2],
  ]) {
    const first = new Set(SEEDS.map((seed) => picks(roundRobinPicker, weighted(weights), 1, seed)[0]));
    assert.equal(first.size, 4, `weights ${weights}`);
  }
});

test('with weights every full round is shared out exactly', () => {
  const weights = [5, 1, 3];
  for (const seed of SEEDS) {
    const counts = tally(picks(roundRobinPicker, weighted(weights), 9 * 10, seed));
    weights.forEach((weight, index) => {
      const difference = Math.abs((counts.get(`c${index}`) ?? 0) - weight * 10);
      // The random start may put one turn on the other side of the end.
      assert.ok(difference <= 1, `c${index} is ${difference} turns off with seed ${seed}`);
    });
  }
});

test('the turns of a heavy candidate are spread out, not taken in a row', () => {
  const round = 7;
  for (const seed of SEEDS) {
    const hosts = picks(roundRobinPicker, weighted([5, 1, 1]), round * 20, seed);
    for (let start = 0; start + round <= hosts.length; start += 1) {
      const heavy = tally(hosts.slice(start, start + round)).get('c0') ?? 0;
      assert.ok(heavy >= 4 && heavy <= 6, `${heavy} of ${round} turns from ${start} on, seed ${seed}`);
    }
  }
});

test("a retry takes the next turn and leaves the others' order as it was", () => {
  const candidates = weighted([1, 1, 1]);
  const picker = roundRobinPicker(candidates, seededRandom(1));
  const first = picker.pick(after());
  assert.ok(first !== undefined);
  const at = candidates.indexOf(first);
  const turn = (steps: number) => candidates[(at + steps) % 3];
  assert.equal(picker.pick(after(first)), turn(1));
  assert.equal(picker.pick(after()), turn(2));
  assert.equal(picker.pick(after(first)), turn(1), 'the turn of one that was tried is passed over');
});
