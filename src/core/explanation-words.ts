import type {
  ExplainedRetry,
  ExplainedRoute,
  ExplainedService,
  Explanation,
  PastExplanation,
} from './explanation.js';
import type { RequestPolicy } from './route.js';

// What the terminal and the page say alike of an explanation. How it is laid out is theirs.

/** A term, and what is said of it. */
export type Fact = readonly [term: string, text: string];

/** A term, and a number in the unit of its function; null, which is how JSON writes Infinity, is no limit. */
export type Bound = readonly [term: string, most: number | null];

/** Routes that are for something else are shown up to this many, the most specific first. */
const OTHER_ROUTES_SHOWN = 10;

/** What becomes of the request, in one sentence without its subject. */
export interface Verdict {
  readonly answeredByEndpoint: boolean;
  readonly text: string;
}

export function verdictOf({ pick, refusal, endpoints }: Explanation): Verdict {
  if (refusal !== null) return refused(refusal);
  const likely = endpoints.filter(({ chance }) => chance > 0).length;
  return served(pick === null ? `goes to one of ${likely} endpoints, by chance` : `goes to ${pick}`);
}

export function pastVerdictOf({ refusal, endpoints, panicking }: PastExplanation): Verdict {
  if (refusal !== null) return refused(refusal);
  const taking = endpoints.filter(({ tookRequests }) => tookRequests);
  const where = taking.length === 1 ? `${taking[0]?.address}` : `one of ${taking.length} endpoints`;
  return served(`went to ${where}${panicking ? '; fewer than half were well, so all were used' : ''}`);
}

function served(text: string): Verdict {
  return { answeredByEndpoint: true, text };
}

function refused({ status, code, why }: NonNullable<Explanation['refusal']>): Verdict {
  return { answeredByEndpoint: false, text: `${status} ${code}: ${why}` };
}

export function requestFacts({
  request,
  path,
  route,
}: Pick<Explanation, 'request' | 'path' | 'route'>): Fact[] {
  return [
    ['host', request.host ?? '-'],
    ['client', request.client],
    ['assumed', request.assumed.join('; ') || 'nothing'],
    ['path', path ?? 'refused'],
    ['route', route ?? 'none'],
  ];
}

/** Every route that fits, and of the others as many as are worth reading, in order; and how many are left out. */
export function routesWorthShowing(routes: readonly ExplainedRoute[]): {
  readonly shown: readonly ExplainedRoute[];
  readonly left: number;
} {
  let others = 0;
  const shown = routes.filter(({ fit }) => {
    if (fit === 'matched' || fit === 'outranked') return true;
    others += 1;
    return others <= OTHER_ROUTES_SHOWN;
  });
  return { shown, left: routes.length - shown.length };
}

export function serviceFacts(service: ExplainedService): Fact[] {
  const { balance, compares, key, inFlight, maxInFlight, queued, admission, panicking } = service;
  const limit = maxInFlight === null ? 'no limit' : `of ${maxInFlight}, ${queued} waiting`;
  const admitted = { enters: 'lets it in', waits: 'makes it wait', refused: 'refuses it' }[admission];
  return [
    ['balance', `${balance}: ${compares}`],
    ...(key === null ? [] : [['key', keyText(key)] as const]),
    ['limit', `${admitted}: ${inFlight} in flight, ${limit}`],
    ...(panicking
      ? [['panic', 'fewer than half of the endpoints are well, so all of them are used'] as const]
      : []),
  ];
}

function keyText({ value, place, places, owner }: NonNullable<ExplainedService['key']>): string {
  if (value === null) return 'the request does not carry it; it goes where the load is least';
  return `"${value}" lands on place ${place} of ${places}, which is ${owner}'s`;
}

/** The number that the picker compares, to a thousandth. */
export function scoreText(score: number): string {
  return String(Math.round(score * 1_000) / 1_000);
}

/** Milliseconds. Without the service, those of the route alone. */
export function timeouts(policy: RequestPolicy, service: ExplainedService | null): Bound[] {
  const ofService: Bound[] =
    service === null
      ? []
      : [
          ['connect', service.connectTimeout],
          ['queue', service.queueTimeout],
        ];
  return [
    ...ofService,
    ['try', policy.tryTimeout],
    ['total', policy.totalTimeout],
    ['idle', policy.idleTimeout],
    ['tunnel', policy.tunnelIdleTimeout],
  ];
}

/** Bytes: the largest body, and how much of it is kept for another attempt. */
export function sizes(policy: RequestPolicy): Bound[] {
  return [
    ['body', policy.maxBody],
    ['replay', policy.replayBuffer],
  ];
}

const AGAIN: Readonly<Record<ExplainedRetry['again'], string>> = {
  no: 'not tried again',
  'same-endpoint': 'tried at the same endpoint',
  'another-endpoint': 'tried at another endpoint',
};

export function retryFacts(retries: readonly ExplainedRetry[]): Fact[] {
  return retries.map(({ when, again }) => [when, AGAIN[again]]);
}
