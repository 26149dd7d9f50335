import { type Matchable, type PrefixTree, RouteTable } from './table.js';

interface GrowingTree<R> extends PrefixTree<R> {
  route: R | undefined;
  children: Map<string, GrowingTree<R>> | undefined;
}

/**
 * Compiles routes into a table. Prefixes and hosts must be canonical, as the configuration makes
 * them. Of two routes with the same host and prefix the first one wins.
 */
export function compileRoutes<R extends Matchable>(routes: readonly R[]): RouteTable<R> {
  const exact = new Map<string, GrowingTree<R>>();
  const wildcard = new Map<string, GrowingTree<R>>();
  const any = newTree<R>();
  let depth = 0;
  for (const route of routes) {
    const segments = segmentsOf(route.prefix);
    depth = Math.max(depth, segments.length);
    const tree = descend(treeFor(route.host), segments);
    tree.route ??= route;
  }
  return new RouteTable([...routes], depth, { exact, wildcard, any });

  function treeFor(host: string | undefined): GrowingTree<R> {
    if (host === undefined) return any;
    return host.startsWith('*.') ? childOf(wildcard, host.slice(2)) : childOf(exact, host);
  }
}

function segmentsOf(prefix: string): string[] {
  return prefix === '/' ? [] : prefix.slice(1).split('/');
}

function descend<R>(root: GrowingTree<R>, segments: readonly string[]): GrowingTree<R> {
  return segments.reduce((tree, segment) => {
    tree.children ??= new Map();
    return childOf(tree.children, segment);
  }, root);
}

function childOf<R>(children: Map<string, GrowingTree<R>>, key: string): GrowingTree<R> {
  const existing = children.get(key);
  if (existing !== undefined) return existing;
  const created = newTree<R>();
  children.set(key, created);
  return created;
}

function newTree<R>(): GrowingTree<R> {
  return { route: undefined, children: undefined };
}
