import type { ExplainedEndpoint, ExplainedRoute, Explanation } from '../core/explanation.js';
import {
  type Bound,
  requestFacts,
  retryFacts,
  routesWorthShowing,
  scoreText,
  serviceFacts,
  sizes,
  timeouts,
  type Verdict,
  verdictOf,
} from '../core/explanation-words.js';
import { aligned } from './aligned.js';
import { printable } from './endpoint-rows.js';
import type { Style } from './paint.js';

/** An explanation as a person reads it: lines without control characters. */
export function formatExplanation(explanation: Explanation): string[] {
  const { service, endpoints, forwarded, policy, retries, routes } = explanation;
  const sections = [
    requestLines(explanation),
    section('ROUTES', routeLines(routes)),
    ...(service === null ? [] : [section(`SERVICE ${service.name}`, aligned(serviceFacts(service)))]),
    section('ENDPOINTS', endpointLines(endpoints)),
    section('FORWARDED', forwarded === null ? [] : forwardedLines(explanation.request.method, forwarded)),
    section('TIMEOUTS', policy === null ? [] : timeoutLines(timeouts(policy, service))),
    section('SIZES', policy === null ? [] : sizeLines(sizes(policy))),
    section(`IF IT FAILS (at most ${policy?.maxAttempts} attempts)`, aligned(retryFacts(retries))),
    [verdictLine(verdictOf(explanation))],
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

export function requestLines(explanation: Pick<Explanation, 'request' | 'path' | 'route'>): string[] {
  const { method, url } = explanation.request;
  return section(`${method} ${url}`, aligned(requestFacts(explanation)));
}

export function routeLines(routes: readonly ExplainedRoute[]): string[] {
  const { shown, left } = routesWorthShowing(routes);
  const rows = shown.map(({ id, fit, why }) => [id, fit === 'matched' ? 'YES' : 'no', why]);
  return [...aligned(rows), ...(left > 0 ? [`… and ${left} more that do not fit`] : [])];
}

function endpointLines(endpoints: readonly ExplainedEndpoint[]): string[] {
  if (endpoints.length === 0) return [];
  const rows = endpoints.map(({ address, state, score, chance, connection, notEligible }) => [
    address,
    state,
    score === null ? '-' : scoreText(score),
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

export function timeoutLines(bounds: readonly Bound[]): string[] {
  return aligned(bounds.map(([term, ms]) => [term, duration(ms)]));
}

/** As routes.yaml has it. A gateway of before may not send one of them. */
function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return 'none';
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}

export function sizeLines(bounds: readonly Bound[]): string[] {
  return aligned(bounds.map(([term, bytes]) => [term, size(bytes)]));
}

const UNITS = [
  ['GiB', 1024 ** 3],
  ['MiB', 1024 ** 2],
  ['KiB', 1024],
] as const;

/** As routes.yaml has it. */
function size(bytes: number | null): string {
  if (bytes === null) return 'none';
  const [unit, factor] = UNITS.find(([, factor]) => bytes >= factor && bytes % factor === 0) ?? ['B', 1];
  return `${bytes / factor}${unit}`;
}

export function verdictLine({ text }: Verdict): string {
  return `=> ${text}`;
}

/** The last line is what was asked for: where it goes, or the status of its refusal. */
export function styleOfExplanation(line: string): Style | undefined {
  if (!line.startsWith('=> ')) return undefined;
  return /^=> \d/.test(line) ? 'red' : 'bold';
}
