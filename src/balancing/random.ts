import type { Candidate } from '../core/load.js';
import { type Random, randomBelow } from '../core/random.js';
import { untried, weightedIndex, weightSteps } from './choice.js';
import { weightedProspects } from './forecast.js';
import type { Picker } from './picker.js';

/** Any candidate, in proportion to its weight. */
export function randomPicker<C extends Candidate>(candidates: readonly C[], random: Random): Picker<C> {
  const steps = weightSteps(candidates);
  return {
    pick({ tried }) {
      if (tried.length > 0) {
        const rest = untried(candidates, tried);
        return rest[randomBelow(random, rest.length)];
      }
      return candidates[weightedIndex(steps, candidates.length, random)];
    },
    forecast: () => ({
      compares: 'nothing: drawn in proportion to the weights',
      prospects: weightedProspects(candidates),
    }),
  };
}
