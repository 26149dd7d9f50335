import type { PastEndpoint, PastExplanation } from '../core/explanation.js';
import { pastVerdictOf, retryFacts, sizes, timeouts } from '../core/explanation-words.js';
import { aligned } from './aligned.js';
import {
  joined,
  requestLines,
  routeLines,
  section,
  sizeLines,
  timeoutLines,
  verdictLine,
} from './explanation-text.js';
import { describeEntry } from './journal-text.js';

/** An explanation of a past moment as a person reads it: lines without control characters. */
export function formatPastExplanation(explanation: PastExplanation): string[] {
  const { service, endpoints, policy, retries, routes } = explanation;
  return joined([
    [...momentLines(explanation), ...requestLines(explanation)],
    section('ROUTES', routeLines(routes)),
    section(service === null ? '' : `ENDPOINTS OF ${service}`, endpointLines(endpoints)),
    section('TIMEOUTS', policy === null ? [] : timeoutLines(timeouts(policy, null))),
    section('SIZES', policy === null ? [] : sizeLines(sizes(policy))),
    section(`IF IT FAILS (at most ${policy?.maxAttempts} attempts)`, aligned(retryFacts(retries))),
    [verdictLine(pastVerdictOf(explanation))],
  ]);
}

function momentLines({ at, configuration: { generation, routesSince } }: PastExplanation): string[] {
  return [`AT ${iso(at)}: configuration generation ${generation}, routes in force since ${iso(routesSince)}`];
}

function endpointLines(endpoints: readonly PastEndpoint[]): string[] {
  if (endpoints.length === 0) return [];
  const rows = endpoints.map(({ address, state, tookRequests, last }) => [
    address,
    state,
    tookRequests ? 'yes' : 'no',
    last === null ? '-' : `${iso(last.at)} ${describeEntry(last)}`,
  ]);
  return aligned([['ADDRESS', 'STATE', 'TOOK REQUESTS', 'LAST CHANGE BEFORE'], ...rows]);
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
