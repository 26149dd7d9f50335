import type { Candidate } from '../core/load.js';
import { expectedLatency, failurePressure } from '../core/load.js';
import type { Random } from '../core/random.js';
import type { Picker } from './picker.js';
import { twoChoices } from './two-choices.js';

/** What an endpoint that was asked and has never answered is expected to take: longer than any other. */
const UNANSWERED_MS = 60_000;

/** Below one request in flight, above what is left of a failure some seconds ago. */
const HARDLY_BUSY = 0.5;

/**
 * The one of two drawn at random that is expected to answer sooner (Finagle's Peak EWMA): mean
 * latency, which a slow answer raises at once and quick ones lower over seconds, times the requests
 * in flight. Recent failures count like requests in flight: to fail fast is not to answer soon.
 */
export function peakEwmaPicker<C extends Candidate>(candidates: readonly C[], random: Random): Picker<C> {
  const meanWeight = candidates.reduce((sum, { weight }) => sum + weight, 0) / candidates.length;
  return twoChoices(
    candidates,
    random,
    (candidate, now) => expectedWait(candidate, now, meanWeight),
    'expected wait in milliseconds',
  );
}

/**
 * Milliseconds until an answer to one more request. Those in flight weigh less at a heavy endpoint;
 * `meanWeight` is what counts as neither heavy nor light, whatever numbers a registry uses. A new
 * endpoint is tried at once, with one request: nothing says yet that it answers at all.
 */
export function expectedWait({ load, weight }: Candidate, now: number, meanWeight: number): number {
  const busy = load.inFlight + failurePressure(load, now);
  const unanswered = load.latencyEwmaMs === 0 && busy > HARDLY_BUSY;
  const latencyMs = unanswered ? UNANSWERED_MS : expectedLatency(load, now);
  return latencyMs * (1 + (busy * meanWeight) / weight);
}
