import { setTimeout as pause } from 'node:timers/promises';
import { type Random, randomBelow } from '../../src/core/random.js';
import type { ChaosEndpoint, Fleet } from './fleet.js';

/** What chaos may do besides what it does to endpoints. */
export interface Surroundings {
  readonly fleet: Fleet;
  readonly random: Random;
  /** Gives the gateway another configuration. */
  reload(): Promise<void>;
  readonly say: (line: string) => void;
}

/** Endpoints in trouble at once. With three attempts, a GET then finds one that is not. */
const MOST_TROUBLED = 2;
/** Endpoints that must be well besides the one that is hit. */
const SPARED = 2;
const LARGEST = 8;

/** One fault: hits `endpoint`, and resolves when it is over. */
type Fault = (endpoint: ChaosEndpoint, random: Random) => Promise<void> | void;

const between = (random: Random, least: number, most: number): number =>
  least + randomBelow(random, most - least);

const FAULTS: Readonly<Record<string, Fault>> = {
  kill: (endpoint) => endpoint.kill(),
  freeze: (endpoint, random) => endpoint.freeze(between(random, 200, 3_000)),
  slow: (endpoint, random) => endpoint.misbehave('slow', between(random, 300, 1_500)),
  reset: (endpoint, random) => endpoint.misbehave('reset', between(random, 50, 500)),
  garbage: (endpoint, random) => endpoint.misbehave('garbage', between(random, 50, 500)),
  'half-close': (endpoint, random) => endpoint.misbehave('half-close', between(random, 50, 500)),
};

const DECK = [...Object.keys(FAULTS), 'scale', 'scale', 'reload'];

/**
 * Does something bad every few hundred milliseconds until `signal` aborts, each thing once before any
 * is done again; resolves to how often it did what, when all of it is over.
 */
export async function wreakHavoc(around: Surroundings, signal: AbortSignal): Promise<Record<string, number>> {
  const { random, fleet } = around;
  const counts: Record<string, number> = {};
  const underWay: Promise<void>[] = [];
  let deck: string[] = [];
  while (!signal.aborted) {
    if (deck.length === 0) deck = shuffled(DECK, random);
    const [next = ''] = deck;
    const did = doOne(next, around, underWay);
    if (did) {
      deck.shift();
      counts[next] = (counts[next] ?? 0) + 1;
    } else if (fleet.wanted.length <= SPARED + 1) scale(around, underWay, SPARED + 2);
    await pause(between(random, 100, 400));
  }
  await Promise.all(underWay);
  return counts;
}

/** Whether it could be done now. */
function doOne(what: string, around: Surroundings, underWay: Promise<void>[]): boolean {
  if (what === 'scale') scale(around, underWay, 1);
  else if (what === 'reload') {
    around.say('reload');
    underWay.push(around.reload());
  } else return hit(what, around, underWay);
  return true;
}

function hit(name: string, { fleet, random, say }: Surroundings, underWay: Promise<void>[]): boolean {
  const { clean } = fleet;
  const endpoint = clean[randomBelow(random, clean.length)];
  if (endpoint === undefined || clean.length <= SPARED || fleet.troubled >= MOST_TROUBLED) return false;
  say(`${name} ${endpoint.name}`);
  underWay.push(Promise.resolve(FAULTS[name]?.(endpoint, random)));
  // What was killed is started again, as an orchestrator would.
  if (name === 'kill') fleet.start();
  return true;
}

/** To a random size from `least` to 8; one that is well stays, more while others are in trouble. */
function scale({ fleet, random, say }: Surroundings, underWay: Promise<void>[], least: number): void {
  const size = between(random, least, LARGEST + 1);
  say(`scale to ${size}`);
  for (let missing = size - fleet.wanted.length; missing > 0; missing -= 1) fleet.start();
  const surplus = Math.max(0, fleet.wanted.length - size);
  const mayLeave = fleet.clean.slice(fleet.troubled > 0 ? SPARED : 1);
  for (const endpoint of mayLeave.slice(0, surplus)) underWay.push(endpoint.leave());
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  return items
    .map((item) => ({ item, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
