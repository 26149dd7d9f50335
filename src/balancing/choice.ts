import type { Candidate } from '../core/load.js';
import { type Random, randomBelow } from '../core/random.js';

/** Only on the retry path, which may allocate. */
export function untried<C extends Candidate>(candidates: readonly C[], tried: readonly C[]): readonly C[] {
  return candidates.filter((candidate) => !tried.includes(candidate));
}

/** Cumulative weights, or undefined when all are equal and a plain draw does. */
export function weightSteps(candidates: readonly Candidate[]): Float64Array | undefined {
  const first = candidates[0]?.weight;
  if (candidates.every(({ weight }) => weight === first)) return undefined;
  const steps = new Float64Array(candidates.length);
  let sum = 0;
  candidates.forEach(({ weight }, index) => {
    sum += weight;
    steps[index] = sum;
  });
  return steps;
}

/** An index below `count`, drawn in proportion to the weights that `steps` adds up. */
export function weightedIndex(steps: Float64Array | undefined, count: number, random: Random): number {
  if (steps === undefined) return randomBelow(random, count);
  const mark = random() * (steps[count - 1] ?? 0);
  let low = 0;
  let high = count - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((steps[middle] ?? 0) <= mark) low = middle + 1;
    else high = middle;
  }
  return low;
}
