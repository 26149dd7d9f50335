import type { Candidate } from '../core/load.js';
import { type Random, randomBelow } from '../core/random.js';
import { untried, weightedIndex, weightSteps } from './choice.js';
import type { Picker } from './picker.js';

/**
 * The less loaded of two candidates drawn at random (Mitzenmacher, "The Power of Two Choices in
 * Randomized Load Balancing", 2001): close to the true minimum at constant cost, and gateways that
 * cannot see each other's load do not all rush to the same endpoint.
 */
export function leastLoadedPicker<C extends Candidate>(candidates: readonly C[], random: Random): Picker<C> {
  const steps = weightSteps(candidates);
  return {
    pick({ tried }) {
      if (tried.length > 0) return lighterOf(untried(candidates, tried), undefined, random);
      return lighterOf(candidates, steps, random);
    },
  };
}

function lighterOf<C extends Candidate>(
  candidates: readonly C[],
  steps: Float64Array | undefined,
  random: Random,
): C | undefined {
  const count = candidates.length;
  if (count <= 1) return candidates[0];
  const first = steps === undefined ? randomBelow(random, count) : weightedIndex(steps, count, random);
  const second = (first + 1 + randomBelow(random, count - 1)) % count;
  const a = candidates[first];
  const b = candidates[second];
  if (a === undefined || b === undefined) return a ?? b;
  return relativeLoad(b) < relativeLoad(a) ? b : a;
}

/** Requests in flight, counting the one to be sent, per unit of weight. */
export function relativeLoad({ endpoint, load }: Candidate): number {
  return (load.inFlight + 1) / endpoint.weight;
}
