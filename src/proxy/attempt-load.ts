import { causeRule } from '../core/causes.js';
import { type EndpointLoad, observeFailure, observeLatency } from '../core/load.js';
import type { Outcome } from '../core/outcome.js';

/** Counts an attempt that has settled. `answered`: the head of a response has come. */
export function countAttempt(load: EndpointLoad, outcome: Outcome, answered: boolean, now: number): void {
  load.inFlight -= 1;
  load.requests += 1;
  const blamed = outcome.cause !== undefined && causeRule(outcome.cause).blamesEndpoint;
  if (blamed) load.failures += 1;
  if (blamed || outcome.class === 'server-error') observeFailure(load, now);
  else if (answered) observeLatency(load, outcome.headMs, now);
}
