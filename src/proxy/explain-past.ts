import { causeRule } from '../core/causes.js';
import type { AskedRequest, ExplainedRefusal, PastExplanation, Unknown } from '../core/explanation.js';
import { serviceName } from '../core/route.js';
import type { EndpointView, JournalEntry, JournalView } from '../core/views.js';
import { ask, explainRefusal, explainRoutes } from './explain.js';
import { explainRetries } from './explain-retries.js';
import { endpointsAt, type PastOfService } from './past-endpoints.js';
import { placeRequest } from './placement.js';
import type { RoutingHistory } from './routing-history.js';

/** What is known of the past. */
export interface Past {
  readonly routing: RoutingHistory;
  readonly journal: JournalView;
  /** Endpoints of a service, by its name, as they are now. */
  readonly endpointsOf: (service: string) => readonly EndpointView[];
}

/**
 * What the gateway would have done with a request at a moment: placed by the routes that were in force, among
 * the endpoints that the journal tells of. How busy each was is not known any more, so nothing is picked.
 */
export function explainPast(past: Past, request: AskedRequest, at: number): PastExplanation | Unknown {
  const { routing, journal } = past;
  const known = routing.at(at);
  const reachesTo = Math.max(routing.reachesTo, journal.reachesTo());
  if (known === undefined || at < reachesTo) return { reachesTo };
  const { table, proxies } = known.generation;
  const asked = ask(proxies, request);
  const { read } = asked;
  const placement = placeRequest(read, table, false);
  const { path, route } = placement;
  const entries = journal.entries({ since: routing.startedAt });
  const name = route === undefined ? undefined : serviceName(route);
  const service = name === undefined ? undefined : serviceAt(past, name, entries, at);
  return {
    at,
    configuration: { generation: generationAt(at, entries), routesSince: known.from },
    request: {
      method: asked.method,
      url: request.url,
      host: read.host ?? null,
      client: asked.client,
      assumed: asked.assumed,
    },
    path: path ?? null,
    route: route?.id ?? null,
    routes: path === undefined ? [] : explainRoutes(table, read.host, path),
    policy: route?.policy ?? null,
    service: name ?? null,
    panicking: service?.panicking ?? false,
    endpoints: service?.endpoints ?? [],
    retries: route === undefined ? [] : explainRetries(asked.method, read.head, route.policy),
    refusal:
      placement.refusal === undefined
        ? ((service && unserved(service)) ?? null)
        : explainRefusal(placement.refusal, asked, placement, undefined),
  };
}

function serviceAt(
  { endpointsOf }: Past,
  name: string,
  entries: readonly JournalEntry[],
  at: number,
): PastOfService {
  const own = entries.filter((entry) => 'service' in entry && entry.service === name);
  return endpointsAt(at, endpointsOf(name), own);
}

/** Only newer ones are announced. */
function generationAt(at: number, entries: readonly JournalEntry[]): number {
  const taken = entries.findLast((entry) => entry.kind === 'config' && entry.ok && entry.at <= at);
  return taken?.kind === 'config' ? taken.generation : 1;
}

function unserved({ endpoints }: PastOfService): ExplainedRefusal | undefined {
  if (endpoints.some(({ tookRequests }) => tookRequests)) return undefined;
  const why =
    endpoints.length === 0
      ? 'the registry listed no endpoint of the service'
      : `none of its ${endpoints.length} endpoints took requests`;
  return { code: 'NO_ENDPOINT', status: causeRule('NO_ENDPOINT').status, why };
}
