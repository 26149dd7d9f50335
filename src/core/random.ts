/** A number in [0, 1). Passed in wherever chance decides, so that a seed replays a run. */
export type Random = () => number;

export const systemRandom: Random = Math.random;

/** Deterministic generator (mulberry32). The same seed gives the same sequence. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** An integer in [0, bound). */
export function randomBelow(random: Random, bound: number): number {
  return Math.floor(random() * bound);
}

/** `value` moved by up to ±`share` of itself: `jittered(r, 10_000, 0.1)` is 9,000 – 11,000. */
export function jittered(random: Random, value: number, share: number): number {
  return value * (1 + share * (2 * random() - 1));
}
