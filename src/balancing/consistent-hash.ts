import type { Candidate } from '../core/load.js';
import type { Random } from '../core/random.js';
import { certain } from './forecast.js';
import { leastLoadedPicker } from './least-loaded.js';
import type { Picker } from './picker.js';

/** Places of an endpoint of weight 1 on the ring; more spread more evenly and cost more to sort. */
const PLACES = 64;
/** No candidate takes more than this times its share of the requests in flight. */
const LOAD_BOUND = 1.25;

interface Place<C> {
  readonly hash: number;
  readonly candidate: C;
}

/**
 * The same key goes to the same endpoint for as long as it is there, and few keys move when one
 * comes or goes (Karger et al., 1997). With bounded loads (Mirrokni, Thorup, Zadimoghaddam, 2016):
 * a candidate that has more than its share of the requests in flight passes the key on to the next
 * on the ring. A request without a key has no place on it, and goes where the load is least.
 */
export function consistentHashPicker<C extends Candidate>(
  candidates: readonly C[],
  random: Random,
): Picker<C> {
  let built: readonly Place<C>[] | undefined;
  /** Of many changes in a burst, only the last one's picker is asked, and a ring of many endpoints takes a while. */
  const placesOnRing = (): readonly Place<C>[] => {
    built ??= buildRing(candidates);
    return built;
  };
  const totalWeight = candidates.reduce((sum, { weight }) => sum + weight, 0);
  const keyless = leastLoadedPicker(candidates, random);
  /** Requests that a candidate may have in flight when one more is to be sent. */
  const shareOf = ({ weight }: C, inFlight: number): number =>
    Math.ceil((LOAD_BOUND * (inFlight + 1) * weight) / totalWeight);
  const inFlightOfAll = (): number => candidates.reduce((sum, { load }) => sum + load.inFlight, 0);
  const walk = (ring: readonly Place<C>[], start: number, tried: readonly C[]): C | undefined => {
    const inFlight = inFlightOfAll();
    let fallback: C | undefined;
    for (let step = 0; step < ring.length; step += 1) {
      const candidate = ring[(start + step) % ring.length]?.candidate;
      if (candidate === undefined || tried.includes(candidate)) continue;
      fallback ??= candidate;
      if (candidate.load.inFlight + 1 <= shareOf(candidate, inFlight)) return candidate;
    }
    return fallback;
  };
  return {
    pick(context) {
      if (context.hashKey === undefined) return keyless.pick(context);
      const ring = placesOnRing();
      return walk(ring, placeOf(ring, hash(context.hashKey)), context.tried);
    },
    forecast(request) {
      if (request.hashKey === undefined) return keyless.forecast(request);
      const ring = placesOnRing();
      const mark = hash(request.hashKey);
      const place = placeOf(ring, mark);
      const owner = ring[place]?.candidate;
      const inFlight = inFlightOfAll();
      return {
        compares: 'places left in its share of the requests in flight; the first on the ring that has one',
        prospects: certain(
          candidates,
          walk(ring, place, []),
          (candidate) => shareOf(candidate, inFlight) - candidate.load.inFlight,
        ),
        ...(owner !== undefined && { key: { hash: mark, place, places: ring.length, owner } }),
      };
    },
  };
}

/**
 * Places by weight. The smallest registered weight is the measure, not the smallest now: an endpoint
 * that warms up must not move the keys of the others.
 */
function buildRing<C extends Candidate>(candidates: readonly C[]): Place<C>[] {
  const smallest = Math.min(...candidates.map(({ endpoint }) => endpoint.weight));
  return candidates
    .flatMap((candidate) => {
      const places = Math.max(1, Math.round((PLACES * candidate.weight) / smallest));
      return Array.from({ length: Math.min(places, PLACES * 100) }, (_, index) => ({
        hash: hash(`${candidate.endpoint.address}#${index}`),
        candidate,
      }));
    })
    .sort((a, b) => a.hash - b.hash);
}

/** Index of the first place at or after `mark`, round the ring. */
function placeOf(ring: readonly Place<unknown>[], mark: number): number {
  let low = 0;
  let high = ring.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ring[middle]?.hash ?? 0) < mark) low = middle + 1;
    else high = middle;
  }
  return low % ring.length;
}

/** FNV-1a with murmur3's finalizer, which spreads keys that differ only at the end. 32 bits, unsigned. */
export function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}
