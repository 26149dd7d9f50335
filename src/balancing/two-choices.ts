import type { Candidate } from '../core/load.js';
import { type Random, randomBelow } from '../core/random.js';
import { untried, weightedIndex, weightSteps } from './choice.js';
import { bestOfAllProspects, twoChoicesProspects } from './forecast.js';
import type { Picker } from './picker.js';

/** What two candidates are compared by; the smaller wins. `now` in milliseconds, monotonic. */
export type Score = (candidate: Candidate, now: number) => number;

/**
 * Up to so many candidates are all compared. Of three, two draws leave out one, and a third of the time it
 * is a better one than both: with one of three 20 times slower, that costs 5 % of the requests.
 */
const FEW = 3;

/**
 * The better of two candidates drawn at random (Mitzenmacher, "The Power of Two Choices in
 * Randomized Load Balancing", 2001): close to the true best at constant cost, and gateways that
 * cannot see each other's load do not all rush to the same endpoint. `scored` tells what the score is.
 */
export function twoChoices<C extends Candidate>(
  candidates: readonly C[],
  random: Random,
  score: Score,
  scored: string,
): Picker<C> {
  const steps = weightSteps(candidates);
  return {
    pick({ tried, now }) {
      if (tried.length > 0) return better(untried(candidates, tried), undefined, random, score, now);
      return better(candidates, steps, random, score, now);
    },
    forecast({ now }) {
      const few = candidates.length <= FEW;
      const prospects = few ? bestOfAllProspects : twoChoicesProspects;
      return {
        compares: `${scored}; ${few ? 'the smallest' : 'the smaller of two drawn at random'}`,
        prospects: prospects(candidates, (candidate) => score(candidate, now)),
      };
    },
  };
}

function better<C extends Candidate>(
  candidates: readonly C[],
  steps: Float64Array | undefined,
  random: Random,
  score: Score,
  now: number,
): C | undefined {
  const count = candidates.length;
  if (count <= 1) return candidates[0];
  const first = steps === undefined ? randomBelow(random, count) : weightedIndex(steps, count, random);
  const turn = randomBelow(random, count - 1);
  let best = candidates[first];
  for (let place = 0; place < (count <= FEW ? count - 1 : 1); place += 1) {
    const other = candidates[(first + 1 + ((turn + place) % (count - 1))) % count];
    if (best === undefined || other === undefined) return best ?? other;
    if (score(other, now) < score(best, now)) best = other;
  }
  return best;
}
