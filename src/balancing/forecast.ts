import type { Candidate } from '../core/load.js';
import type { PickContext } from './picker.js';

/** A request that has not been tried anywhere yet. */
export type FirstPick = Omit<PickContext<Candidate>, 'tried'>;

/** How a candidate stands with a picker. */
export interface Prospect<C extends Candidate> {
  readonly candidate: C;
  /** The number that the picker compares it by; undefined when it compares nothing. */
  readonly score: number | undefined;
  /** Probability that the next pick is this one, 0 to 1. */
  readonly chance: number;
}

/** Where a key is on the ring of `consistent-hash`. */
export interface KeyPlace<C extends Candidate> {
  /** 0 to 2^32 - 1. */
  readonly hash: number;
  /** Of `places`, from 0. */
  readonly place: number;
  readonly places: number;
  /** Whose place it is. Another is picked when this one has more than its share in flight. */
  readonly owner: C;
}

/** What the next pick would come to, worked out without picking. */
export interface Forecast<C extends Candidate> {
  /** What the scores are, and which of them wins. */
  readonly compares: string;
  /** One for each candidate. */
  readonly prospects: readonly Prospect<C>[];
  readonly key?: KeyPlace<C>;
}

/** Of a picker that has made up its mind. */
export function certain<C extends Candidate>(
  candidates: readonly C[],
  next: C | undefined,
  score: (candidate: C, index: number) => number,
): Prospect<C>[] {
  return candidates.map((candidate, index) => ({
    candidate,
    score: score(candidate, index),
    chance: candidate === next ? 1 : 0,
  }));
}

/** Chances of a draw in proportion to the weights. */
export function weightedProspects<C extends Candidate>(candidates: readonly C[]): Prospect<C>[] {
  const total = candidates.reduce((sum, { weight }) => sum + weight, 0);
  return candidates.map((candidate) => ({
    candidate,
    score: undefined,
    chance: candidate.weight / total,
  }));
}

/**
 * Chances in the better of two draws, the first by weight and the second among the others alike; the
 * smaller score wins, and the first on a tie. A candidate wins when it is drawn first and the other
 * is not better, or drawn second and is better than the first.
 */
export function twoChoicesProspects<C extends Candidate>(
  candidates: readonly C[],
  score: (candidate: C) => number,
): Prospect<C>[] {
  const firsts = weightedProspects(candidates);
  const scored = firsts.map(({ candidate, chance: first }) => ({
    candidate,
    first,
    score: score(candidate),
  }));
  if (scored.length === 1)
    return scored.map(({ candidate, score: own }) => ({ candidate, score: own, chance: 1 }));
  const worseThan = countWorse(scored);
  return scored.map(({ candidate, first, score: own }) => {
    const { worse, worseFirst, ties } = worseThan(own);
    const chance = (first * (worse + ties - 1) + worseFirst) / (scored.length - 1);
    return { candidate, score: own, chance };
  });
}

/**
 * Chances when all are compared: the smallest score wins; on a tie the one that was drawn first, by weight, if
 * it is among them, else any of them alike.
 */
export function bestOfAllProspects<C extends Candidate>(
  candidates: readonly C[],
  score: (candidate: C) => number,
): Prospect<C>[] {
  const firsts = weightedProspects(candidates);
  const scores = candidates.map(score);
  const smallest = Math.min(...scores);
  const tied = firsts.filter((_, index) => scores[index] === smallest);
  const noneFirst = 1 - tied.reduce((sum, { chance }) => sum + chance, 0);
  return firsts.map(({ candidate, chance }, index) => ({
    candidate,
    score: scores[index],
    chance: scores[index] === smallest ? chance + noneFirst / tied.length : 0,
  }));
}

interface Rank {
  /** How many have a larger score, and the probability that one of them is drawn first. */
  readonly worse: number;
  readonly worseFirst: number;
  /** How many have this score. */
  readonly ties: number;
}

function countWorse(
  scored: readonly { readonly first: number; readonly score: number }[],
): (score: number) => Rank {
  const ranks = new Map<number, Rank>();
  const worstFirst = [...scored].sort((a, b) => b.score - a.score);
  let worse = 0;
  let worseFirst = 0;
  for (let start = 0; start < worstFirst.length; ) {
    const own = worstFirst[start]?.score ?? 0;
    let end = start;
    let tiesFirst = 0;
    while (end < worstFirst.length && worstFirst[end]?.score === own) {
      tiesFirst += worstFirst[end]?.first ?? 0;
      end += 1;
    }
    ranks.set(own, { worse, worseFirst, ties: end - start });
    worse = end;
    worseFirst += tiesFirst;
    start = end;
  }
  return (score) => ranks.get(score) ?? { worse: 0, worseFirst: 0, ties: 1 };
}
