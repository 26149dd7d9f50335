import type { Candidate } from '../core/load.js';
import { type Random, randomBelow } from '../core/random.js';
import { certain } from './forecast.js';
import type { Picker } from './picker.js';

interface Turn<C> {
  readonly candidate: C;
  /** Grows by the weight each turn and falls by the total when picked. */
  credit: number;
}

/**
 * Each candidate in turn; with unequal weights nginx's smooth weighted round robin, which spreads
 * a heavy candidate's turns out instead of giving them in a row. Starts at a random place, so that
 * ten gateways that see the same change do not all send their next request to the same endpoint.
 */
export function roundRobinPicker<C extends Candidate>(candidates: readonly C[], random: Random): Picker<C> {
  const equal = candidates.every(({ weight }) => weight === candidates[0]?.weight);
  return equal ? plainTurns(candidates, random) : weightedTurns(candidates, random);
}

function plainTurns<C extends Candidate>(candidates: readonly C[], random: Random): Picker<C> {
  let next = randomBelow(random, Math.max(1, candidates.length));
  return {
    pick({ tried }) {
      for (let step = 0; step < candidates.length; step += 1) {
        const candidate = candidates[next];
        next = next + 1 >= candidates.length ? 0 : next + 1;
        if (candidate !== undefined && !tried.includes(candidate)) return candidate;
      }
      return undefined;
    },
    forecast: () => ({
      compares: 'turns until its own',
      prospects: certain(
        candidates,
        candidates[next],
        (_, index) => (index - next + candidates.length) % candidates.length,
      ),
    }),
  };
}

function weightedTurns<C extends Candidate>(candidates: readonly C[], random: Random): Picker<C> {
  const total = candidates.reduce((sum, { weight }) => sum + weight, 0);
  const turns: Turn<C>[] = candidates.map((candidate) => ({ candidate, credit: random() * total }));
  return {
    pick({ tried }) {
      let best: Turn<C> | undefined;
      for (const turn of turns) {
        turn.credit += turn.candidate.weight;
        if (tried.includes(turn.candidate)) continue;
        if (best === undefined || turn.credit > best.credit) best = turn;
      }
      if (best !== undefined) best.credit -= total;
      return best?.candidate;
    },
    forecast() {
      const credits = turns.map(({ candidate, credit }) => credit + candidate.weight);
      const next = turns[credits.indexOf(Math.max(...credits))]?.candidate;
      const prospects = certain(candidates, next, (_, index) => credits[index] ?? 0);
      return { compares: 'credit, which grows with the weight each turn; the largest', prospects };
    },
  };
}
