/** Finds anything to be careful about, in the one scan that every request pays for. */
const CAREFUL = /[^!-~]|[%\\#?]|\/[/.]/;

/**
 * The one spelling of a path that is both routed on and forwarded, so that the gateway and the
 * endpoint cannot disagree about what was asked for. Undefined when the path must be refused (400).
 *
 * `path` is the target up to its query. `depth` is how many segments the route table can look at
 * (`RouteTable.depth`).
 *
 * - Plain `.` and `..` are resolved (RFC 3986 section 5.2.4), as nginx and Envoy do. Climbing above
 *   the root, or out of an empty segment, where servers differ, is refused.
 * - Refused: `%2f`, `%5c`, `\`, NUL, control characters, space, `#`, `%` without two hex digits, and
 *   dot segments in disguise: `%2e%2e`, and `..;x`, which Tomcat takes for `..` (Orange Tsai,
 *   "Breaking Parser Logic", 2018).
 * - Within `depth`, empty segments are merged and escapes spelt canonically (RFC 3986 section 6.2.2),
 *   or `//admin` and `/%61dmin` would slip past the route of `/admin`. The rest stays byte for byte.
 */
export function canonicalPath(path: string, depth: number): string | undefined {
  if (!path.startsWith('/')) return undefined;
  return CAREFUL.test(path) ? normalized(path, Math.max(1, depth)) : path;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for.
const REFUSED = /[\x00-\x20\x7f\\#?]|[^\x00-\xff]|%(?![0-9A-Fa-f]{2})|%(?:00|2f|5c)/i;

/** A dot segment that some reader would see and `normalized` would not. */
const DISGUISED = /^(?:\.|%2e){1,2}(?:;|%3b|$)/i;

/** The careful way, for the few paths that have something in them to be careful about. */
function normalized(path: string, depth: number): string | undefined {
  if (REFUSED.test(path)) return undefined;
  const segments = withoutDots(path.split('/').slice(1));
  if (segments === undefined) return undefined;
  const last = segments.length - 1;
  const kept: string[] = [];
  for (const [index, segment] of segments.entries()) {
    const isRouted = kept.length < depth;
    if (segment === '' && isRouted && index < last) continue;
    kept.push(isRouted ? canonicalSegment(segment) : segment);
  }
  return `/${kept.join('/')}`;
}

/** Undefined when it climbs where servers differ, or hides a dot segment. */
function withoutDots(segments: readonly string[]): readonly string[] | undefined {
  const last = segments.length - 1;
  const kept: string[] = [];
  for (const [index, segment] of segments.entries()) {
    if (segment === '.' || segment === '..') {
      // Out of an empty segment: servers that merge slashes first would climb one segment higher.
      if (segment === '..' && !kept.pop()) return undefined;
      if (index === last) kept.push('');
    } else if (DISGUISED.test(segment)) return undefined;
    else kept.push(segment);
  }
  return kept;
}

function canonicalSegment(segment: string): string {
  return segment.replaceAll(/%[0-9A-Fa-f]{2}/g, (triplet) => {
    const character = String.fromCharCode(Number.parseInt(triplet.slice(1), 16));
    return /[A-Za-z0-9._~-]/.test(character) ? character : triplet.toUpperCase();
  });
}

/** The parts of a rule that say what is forwarded. */
export interface PathRewrite {
  readonly prefix: string;
  readonly replacePrefix: string | undefined;
}

/** The path that the endpoint is sent: `path`, which the rule matched, with its prefix replaced if the rule says so. */
export function forwardedPath({ prefix, replacePrefix }: PathRewrite, path: string): string {
  if (replacePrefix === undefined) return path;
  const rest = prefix === '/' ? path : path.slice(prefix.length);
  if (replacePrefix !== '/') return replacePrefix + rest;
  // Were `//host` let through, an endpoint that builds URLs from the path would be led to that host.
  const start = rest.search(/[^/]/);
  return start < 0 ? '/' : `/${rest.slice(start)}`;
}
