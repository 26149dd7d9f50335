/** What the table needs to know of a route. */
export interface Matchable {
  /** Canonical; `/` matches every path. */
  readonly prefix: string;
  /** Exact name, or `*.` and a domain, in lower case; undefined matches any host. */
  readonly host: string | undefined;
}

/** The routes of one host below one path segment. */
export interface PrefixTree<R> {
  /** What the path so far matches. */
  readonly route: R | undefined;
  /** Undefined when no prefix goes on from here. */
  readonly children: ReadonlyMap<string, PrefixTree<R>> | undefined;
}

export interface HostTrees<R> {
  readonly exact: ReadonlyMap<string, PrefixTree<R>>;
  /** By the domain after `*.`. */
  readonly wildcard: ReadonlyMap<string, PrefixTree<R>>;
  readonly any: PrefixTree<R>;
}

/** RFC 1035 section 2.3.4. A longer name matches no rule, which bounds the work a client can cause. */
const LONGEST_NAME = 253;

/**
 * All routes, compiled; immutable. The cost of a match grows with the segments of the path and the
 * labels of the host, not with the number of routes.
 */
export class RouteTable<R extends Matchable> {
  /** In the order in which they were given. */
  readonly routes: readonly R[];
  /** Most segments that any prefix has: how far into a path a match can look; `canonicalPath` asks for it. */
  readonly depth: number;
  readonly #hosts: HostTrees<R>;
  readonly #hasHosts: boolean;

  constructor(routes: readonly R[], depth: number, hosts: HostTrees<R>) {
    this.routes = routes;
    this.depth = depth;
    this.#hosts = hosts;
    this.#hasHosts = hosts.exact.size + hosts.wildcard.size > 0;
  }

  /**
   * The route for a request: an exact host before a wildcard, the longer wildcard before the shorter,
   * any host last; within a host the longest prefix. A host without a matching prefix falls through.
   * `host` is the Host field as it came; case, port and a final dot do not matter. `path` is canonical.
   */
  match(host: string | undefined, path: string): R | undefined {
    const route = this.#hasHosts && host !== undefined ? this.#matchHost(hostName(host), path) : undefined;
    return route ?? longestPrefix(this.#hosts.any, path);
  }

  #matchHost(name: string, path: string): R | undefined {
    if (name.length > LONGEST_NAME) return undefined;
    const exact = this.#hosts.exact.get(name);
    const route = exact && longestPrefix(exact, path);
    if (route !== undefined || this.#hosts.wildcard.size === 0) return route;
    for (let dot = name.indexOf('.'); dot > 0; dot = name.indexOf('.', dot + 1)) {
      const tree = this.#hosts.wildcard.get(name.slice(dot + 1));
      const found = tree && longestPrefix(tree, path);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

function longestPrefix<R>(root: PrefixTree<R>, path: string): R | undefined {
  let tree = root;
  let best = root.route;
  let start = 1;
  while (tree.children !== undefined) {
    const slash = path.indexOf('/', start);
    const child = tree.children.get(slash < 0 ? path.slice(start) : path.slice(start, slash));
    if (child === undefined) break;
    tree = child;
    best = child.route ?? best;
    if (slash < 0) break;
    start = slash + 1;
  }
  return best;
}

/** The name in a Host field, without port and final dot, in lower case. `[::1]:80` gives `[::1]`. */
function hostName(host: string): string {
  const colon = host.lastIndexOf(':');
  let end = colon > host.lastIndexOf(']') ? colon : host.length;
  if (host.charCodeAt(end - 1) === 0x2e) end -= 1;
  return host.slice(0, end).toLowerCase();
}
