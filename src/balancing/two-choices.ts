import type { Candidate } from '../core/load.js';
import { type Random, randomBelow } from '../core/random.js';
import { untried, weightedIndex, weightSteps } from './choice.js';
import { twoChoicesProspects } from './forecast.js';
import type { Picker } from './picker.js';

/** What two candidates are compared by; the smaller wins. `now` in milliseconds, monotonic. */
export type Score = (candidate: Candidate, now: number) => number;

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
    forecast: ({ now }) => ({
      compares: `${scored}; the smaller of two drawn at random`,
      prospects: twoChoicesProspects(candidates, (candidate) => score(candidate, now)),
    }),
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
  const second = (first + 1 + randomBelow(random, count - 1)) % count;
  const a = candidates[first];
  const b = candidates[second];
  if (a === undefined || b === undefined) return a ?? b;
  return score(b, now) < score(a, now) ? b : a;
}
