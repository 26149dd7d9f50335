import { type Candidate, failurePressure } from '../core/load.js';
import type { Random } from '../core/random.js';
import type { Picker } from './picker.js';
import { twoChoices } from './two-choices.js';

/**
 * The one of two drawn at random that has fewer requests in flight. Recent failures count like
 * requests in flight: an endpoint that fails fast would otherwise look idle and attract traffic.
 */
export function leastLoadedPicker<C extends Candidate>(candidates: readonly C[], random: Random): Picker<C> {
  return twoChoices(
    candidates,
    random,
    relativeLoad,
    'requests in flight and recent failures, per unit of weight',
  );
}

/**
 * Requests in flight per unit of weight. The one to be sent is not counted: among idle endpoints that
 * would let the heavier win every time, though the draw has given it its share already.
 */
export function relativeLoad({ load, weight }: Candidate, now: number): number {
  return (load.inFlight + failurePressure(load, now)) / weight;
}
