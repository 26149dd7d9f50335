import type { PastEndpoint, PastExplanation } from '../core/explanation.js';
import { aligned } from './aligned.js';
import { joined, requestLines, retryLines, routeLines, section, timeoutLines } from './explanation-text.js';
import { describeEntry } from './journal-text.js';

/** An explanation of a past moment as a person reads it: lines without control characters. */
export function formatPastExplanation(explanation: PastExplanation): string[] {
  const { service, endpoints, policy, retries, routes } = explanation;
  return joined([
    [...momentLines(explanation), ...requestLines(explanation)],
    section('ROUTES', routeLines(routes)),
    section(service === null ? '' : `ENDPOINTS OF ${service}`, endpointLines(endpoints)),
    section('TIMEOUTS', policy === null ? [] : timeoutLines(policy, null)),
    section(`IF IT FAILS (at most ${policy?.maxAttempts} attempts)`, retryLines(retries)),
    [verdict(explanation)],
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

function verdict({ refusal, endpoints, panicking }: PastExplanation): string {
  if (refusal !== null) return `=> ${refusal.status} ${refusal.code}: ${refusal.why}`;
  const taking = endpoints.filter(({ tookRequests }) => tookRequests);
  const why = panicking ? '; fewer than half were well, so all were used' : '';
  const where = taking.length === 1 ? `${taking[0]?.address}` : `one of ${taking.length} endpoints`;
  return `=> went to ${where}${why}`;
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
