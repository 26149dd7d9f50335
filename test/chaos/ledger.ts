import type { ChaosEndpoint, Fleet } from './fleet.js';
import type { Asked } from './load.js';

/** What the gateway's access log says of a request that failed. */
export interface LoggedFailure {
  readonly id: string;
  /** Address of the endpoint that it was sent to last. */
  readonly endpoint: string | null;
  readonly code: string | null;
}

export interface Ledger {
  readonly requests: Readonly<Record<'GET' | 'POST', number>>;
  /** POSTs that failed in flight at an endpoint that broke, by code. */
  readonly excused: Readonly<Record<string, number>>;
  /** GETs that were executed more than once, and all the same answered once. */
  readonly repeatedGets: number;
  /** Each is a request lost, doubled or mixed up. */
  readonly broken: readonly string[];
}

/**
 * Slack for what is seen by two processes: a busy gateway learns of a connection's end when it next
 * looks, and what it sent meanwhile was in flight.
 */
const SKEW_MS = 250;

/** Accounts for every request. */
export function account(asked: readonly Asked[], fleet: Fleet, logged: readonly LoggedFailure[]): Ledger {
  const executed = executions(fleet);
  const failures = new Map(logged.map((failure) => [failure.id, failure]));
  const broken: string[] = [];
  const excused: Record<string, number> = {};
  const requests = { GET: 0, POST: 0 };
  let repeatedGets = 0;
  for (const request of asked) {
    requests[request.method] += 1;
    const times = executed.get(request.id) ?? [];
    const failure = failures.get(request.id);
    const endpoint = fleet.all.find(({ address }) => address !== undefined && address === failure?.endpoint);
    const story = `${request.id}: ${request.status} ${request.error.slice(0, 200)}, executed ${times.join(' ')}`;
    if (request.answers !== 1) broken.push(`answered ${request.answers} times: ${story}`);
    if (request.method === 'POST' && times.length > 1) broken.push(`executed twice: ${story}`);
    if (request.method === 'GET' && times.length > 1) repeatedGets += 1;
    if (request.status === 200) {
      if (!request.right) broken.push(`another's answer: ${story}`);
      if (times.length === 0) broken.push(`answered by nobody: ${story}`);
    } else if (request.method === 'POST' && inFlightWhereItBroke(request, times, endpoint)) {
      const code = failure?.code ?? 'none';
      excused[code] = (excused[code] ?? 0) + 1;
    } else broken.push(`failed: ${story} ${failure?.code}, ${historyOf(endpoint, request)}`);
  }
  return { requests, excused, repeatedGets, broken };
}

/** How each execution of each request went on. */
function executions(fleet: Fleet): Map<string, string[]> {
  const byId = new Map<string, string[]>();
  for (const endpoint of fleet.all) {
    for (const [id, as] of endpoint.executed()) {
      byId.set(id, [...(byId.get(id) ?? []), `at ${endpoint.name} (${as})`]);
    }
  }
  return byId;
}

/** Whether the endpoint that had the request last broke off, was killed or stood still meanwhile. */
function inFlightWhereItBroke(
  { sentAt, answeredAt }: Asked,
  executed: readonly string[],
  endpoint: ChaosEndpoint | undefined,
): boolean {
  if (executed.some((times) => /\((reset|garbage|half-close)\)$/.test(times))) return true;
  return (endpoint?.outages ?? []).some(
    ({ from, until = from }) => from <= answeredAt + SKEW_MS && until >= sentAt - SKEW_MS,
  );
}

/** When it was out, counted from when the request was sent. */
function historyOf(endpoint: ChaosEndpoint | undefined, { sentAt, answeredAt }: Asked): string {
  if (endpoint === undefined) return 'at no endpoint known';
  const outages = endpoint.outages.map(
    ({ from, until }) =>
      `${Math.round(from - sentAt)}…${until === undefined ? '' : Math.round(until - sentAt)}`,
  );
  return `at ${endpoint.name} for ${Math.round(answeredAt - sentAt)} ms, out at ${outages.join(' ') || 'no time'} ms`;
}

/** A few lines for people. */
export function ledgerText({ requests, excused, repeatedGets, broken }: Ledger): string {
  const failed = Object.values(excused).reduce((sum, count) => sum + count, 0);
  const kinds = Object.entries(excused).map(([code, count]) => `${code} ${count}`);
  return [
    `${requests.GET} GETs, all answered; ${repeatedGets} of them executed more than once`,
    `${requests.POST} POSTs, none executed twice; ${failed} failed in flight at an endpoint that broke${failed > 0 ? ` (${kinds.join(', ')})` : ''}`,
    broken.length === 0
      ? 'every request is accounted for'
      : `${broken.length} REQUESTS ARE NOT ACCOUNTED FOR`,
    ...broken.slice(0, 20).map((line) => `  ${line}`),
  ].join('\n');
}
