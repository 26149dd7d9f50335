import { causes } from '../core/causes.js';
import type { WhyAnswer, WhyRequest } from '../core/recorded.js';
import { aligned } from './aligned.js';
import { printable } from './endpoint-rows.js';
import { describeEntry } from './journal-text.js';

/** A trace as a person reads it: each request with its attempts, then what happened around it. */
export function formatWhy({ requests, journal }: WhyAnswer): string[] {
  const start = requests[0]?.at ?? 0;
  const around = journal.map((entry) => [signed(entry.at - start), describeEntry(entry)]);
  return [
    ...requests.flatMap((request, index) => [...(index === 0 ? [] : ['']), ...requestLines(request)]),
    '',
    'AROUND IT',
    ...(around.length === 0 ? ['  nothing in the journal'] : aligned(around, [0]).map((line) => `  ${line}`)),
  ].map(printable);
}

/** Failures, one line each. */
export function formatFailures(requests: readonly WhyRequest[]): string[] {
  if (requests.length === 0) return ['no failure is remembered'];
  const rows = requests.map((request) => [
    new Date(request.at).toISOString(),
    request.traceId,
    `${request.status} ${request.cause ?? 'from the endpoint'}`,
    request.service ?? '-',
    request.endpoint ?? '-',
    `${request.method} ${request.path}`,
  ]);
  return aligned([['TIME', 'TRACE', 'STATUS', 'SERVICE', 'ENDPOINT', 'REQUEST'], ...rows]).map(printable);
}

function requestLines(request: WhyRequest): string[] {
  const { method, path, at, route, service, client, durationMs, upstreamMs, bytesIn, bytesOut } = request;
  const facts = aligned([
    ['at', new Date(at).toISOString()],
    ['client', client],
    ['route', route ?? 'none'],
    ['service', service ?? 'none'],
    ['took', `${ms(durationMs)}, ${ms(upstreamMs)} of it at endpoints`],
    ['bytes', `${bytesIn} in, ${bytesOut} out`],
  ]);
  return [
    `${method} ${path} => ${resultOf(request)}`,
    ...facts.map((line) => `  ${line}`),
    ...attemptLines(request),
  ];
}

function resultOf({ status, cause }: WhyRequest): string {
  return cause === null
    ? `${status} from the endpoint`
    : `${status} ${cause}: ${causes[cause]?.detail ?? ''}`;
}

function attemptLines({ attempts }: WhyRequest): string[] {
  if (attempts.length === 0) return ['', 'ATTEMPTS', '  none: it did not get to an endpoint'];
  const rows = attempts.map(({ endpoint, afterMs, durationMs, phase, status, outcome, cause }, index) => [
    String(index + 1),
    ms(afterMs),
    ms(durationMs),
    endpoint,
    phase,
    status === 0 ? '-' : String(status),
    cause === null ? outcome : `${outcome} (${cause})`,
  ]);
  const heading = ['', 'AFTER', 'TOOK', 'ENDPOINT', 'REACHED', 'STATUS', 'OUTCOME'];
  return ['', 'ATTEMPTS', ...aligned([heading, ...rows], [1, 2]).map((line) => `  ${line}`)];
}

function ms(milliseconds: number): string {
  return `${milliseconds.toFixed(milliseconds < 100 ? 1 : 0)}ms`;
}

/** `-3.2s`, `+0.1s`: from the start of the first request. */
function signed(milliseconds: number): string {
  return `${milliseconds < 0 ? '-' : '+'}${(Math.abs(milliseconds) / 1000).toFixed(1)}s`;
}
