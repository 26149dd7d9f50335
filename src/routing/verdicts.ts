import { compileRoutes } from './compile.js';
import type { Matchable, RouteTable } from './table.js';

/**
 * How a route stands to a request: it is the one; it would do, but the one goes before it; or it is
 * for another host or another path.
 */
export type RouteFit = 'matched' | 'outranked' | 'other-host' | 'other-path';

export interface RouteVerdict<R extends Matchable> {
  readonly route: R;
  readonly fit: RouteFit;
}

/**
 * What a table says of each of its routes for one request, in the order of precedence: a route above
 * the one that matched is more specific. Each is asked by itself with the code that matches requests.
 */
export function routeVerdicts<R extends Matchable>(
  table: RouteTable<R>,
  host: string | undefined,
  path: string,
): RouteVerdict<R>[] {
  const matched = table.match(host, path);
  return [...table.routes].sort(byPrecedence).map((route) => ({
    route,
    fit: route === matched ? 'matched' : fitOf(route, host, path),
  }));
}

function fitOf(route: Matchable, host: string | undefined, path: string): RouteFit {
  if (compileRoutes([route]).match(host, path) !== undefined) return 'outranked';
  const anyPath = { prefix: '/', host: route.host };
  return compileRoutes([anyPath]).match(host, path) === undefined ? 'other-host' : 'other-path';
}

function byPrecedence(a: Matchable, b: Matchable): number {
  return (
    hostRank(b.host) - hostRank(a.host) ||
    (b.host ?? '').length - (a.host ?? '').length ||
    segments(b.prefix) - segments(a.prefix)
  );
}

/** An exact name, a wildcard, any host. */
function hostRank(host: string | undefined): number {
  if (host === undefined) return 0;
  return host.startsWith('*.') ? 1 : 2;
}

function segments(prefix: string): number {
  return prefix === '/' ? 0 : prefix.split('/').length - 1;
}
