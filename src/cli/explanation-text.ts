import type {
  ExplainedEndpoint,
  ExplainedRetry,
  ExplainedRoute,
  ExplainedService,
  Explanation,
} from '../core/explanation.js';
import type { RequestPolicy } from '../core/route.js';
import { aligned } from './aligned.js';
import { printable } from './endpoint-rows.js';

/** Routes that are for something else are shown up to this many, the most specific first. */
const OTHER_ROUTES_SHOWN = 10;

/** An explanation as a person reads it: lines without control characters. */
export function formatExplanation(explanation: Explanation): string[] {
  const { service, endpoints, forwarded, policy, retries, routes } = explanation;
  const sections = [
    requestLines(explanation),
    section('ROUTES', routeLines(routes)),
    ...(service === null ? [] : [section(`SERVICE ${service.name}`, serviceLines(service))]),
    section('ENDPOINTS', endpointLines(endpoints)),
    section('FORWARDED', forwarded === null ? [] : forwardedLines(explanation.request.method, forwarded)),
    section('TIMEOUTS', policy === null ? [] : timeoutLines(policy, service)),
    section(`IF IT FAILS (at most ${policy?.maxAttempts} attempts)`, retryLines(retries)),
    [verdict(explanation)],
  ];
  return joined(sections);
}

/** Sections with an empty line between them, those without lines left out. */
export function joined(sections: readonly (readonly string[])[]): string[] {
  return sections
    .filter((lines) => lines.length > 0)
    .flatMap((lines, index) => (index === 0 ? lines : ['', ...lines]))
    .map(printable);
}

export function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [title, ...lines.map((line) => `  ${line}`)];
}

export function requestLines({
  request,
  path,
  route,
}: Pick<Explanation, 'request' | 'path' | 'route'>): string[] {
  const facts = [
    ['host', request.host ?? '-'],
    ['client', request.client],
    ['assumed', request.assumed.join('; ') || 'nothing'],
    ['path', path ?? 'refused'],
    ['route', route ?? 'none'],
  ];
  return [`${request.method} ${request.url}`, ...aligned(facts).map((line) => `  ${line}`)];
}

export function routeLines(routes: readonly ExplainedRoute[]): string[] {
  const fitting = routes.filter(({ fit }) => fit === 'matched' || fit === 'outranked');
  const others = routes.filter((route) => !fitting.includes(route));
  const shown = new Set([...fitting, ...others.slice(0, OTHER_ROUTES_SHOWN)]);
  const rows = routes
    .filter((route) => shown.has(route))
    .map(({ id, fit, why }) => [id, fit === 'matched' ? 'YES' : 'no', why]);
  const left = routes.length - shown.size;
  return [...aligned(rows), ...(left > 0 ? [`… and ${left} more that do not fit`] : [])];
}

function serviceLines(service: ExplainedService): string[] {
  const { balance, compares, key, inFlight, maxInFlight, queued, admission, panicking } = service;
  const limit = maxInFlight === null ? 'no limit' : `of ${maxInFlight}, ${queued} waiting`;
  const admitted = { enters: 'lets it in', waits: 'makes it wait', refused: 'refuses it' }[admission];
  const rows = [
    ['balance', `${balance}: ${compares}`],
    ...(key === null ? [] : [['key', keyText(key)]]),
    ['limit', `${admitted}: ${inFlight} in flight, ${limit}`],
    ...(panicking ? [['panic', 'fewer than half of the endpoints are well, so all of them are used']] : []),
  ];
  return aligned(rows);
}

function keyText(key: NonNullable<ExplainedService['key']>): string {
  if (key.value === null) return 'the request does not carry it; it goes where the load is least';
  return `"${key.value}" lands on place ${key.place} of ${key.places}, which is ${key.owner}'s`;
}

function endpointLines(endpoints: readonly ExplainedEndpoint[]): string[] {
  if (endpoints.length === 0) return [];
  const rows = endpoints.map(({ address, state, score, chance, connection, notEligible }) => [
    address,
    state,
    score === null ? '-' : String(Math.round(score * 1000) / 1000),
    `${(chance * 100).toFixed(1)}%`,
    connection ?? '-',
    notEligible ?? '',
  ]);
  return aligned([['ADDRESS', 'STATE', 'SCORE', 'CHANCE', 'CONNECTION', 'WHY NOT'], ...rows], [2, 3]);
}

function forwardedLines(
  method: string,
  { target, headers }: NonNullable<Explanation['forwarded']>,
): string[] {
  return [`${method} ${target}`, ...headers.map(({ name, value }) => `${name}: ${value}`)];
}

/** Without the service, those of the route alone. */
export function timeoutLines(policy: RequestPolicy, service: ExplainedService | null): string[] {
  return aligned([
    ...(service === null
      ? []
      : [
          ['connect', duration(service.connectTimeout)],
          ['queue', duration(service.queueTimeout)],
        ]),
    ['try', duration(policy.tryTimeout)],
    ['total', duration(policy.totalTimeout)],
    ['idle', duration(policy.idleTimeout)],
    ['tunnel', duration(policy.tunnelIdleTimeout)],
  ]);
}

/** JSON has no Infinity: without a limit it is null. */
function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return 'none';
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}

export function retryLines(retries: readonly ExplainedRetry[]): string[] {
  const outcomes = {
    no: 'not tried again',
    'same-endpoint': 'tried at the same endpoint',
    'another-endpoint': 'tried at another endpoint',
  };
  return aligned(retries.map(({ when, again }) => [when, outcomes[again]]));
}

function verdict({ pick, refusal, endpoints }: Explanation): string {
  if (refusal !== null) return `=> ${refusal.status} ${refusal.code}: ${refusal.why}`;
  if (pick !== null) return `=> goes to ${pick}`;
  return `=> goes to one of ${endpoints.filter(({ chance }) => chance > 0).length} endpoints, by chance`;
}
