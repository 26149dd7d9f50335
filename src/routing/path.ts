const SLASH = 0x2f;

/** What a character of a path may mean to the router. */
const PLAIN = 0;
const SEPARATOR = 1;
const DOT = 2;
const SPECIAL = 3;

/** By char code, for the one scan that every request pays for. Anything above ASCII is SPECIAL. */
const KIND = new Uint8Array(128).fill(PLAIN);
KIND.fill(SPECIAL, 0, 0x21);
for (const character of '%\\#?\x7f') KIND[character.charCodeAt(0)] = SPECIAL;
KIND[SLASH] = SEPARATOR;
KIND[0x2e] = DOT;

/**
 * The one spelling of a path that is both routed on and forwarded, so that the gateway and the
 * endpoint cannot disagree about what was asked for. Undefined when the path must be refused (400).
 *
 * `path` is the target up to its query. Its routed part is its first `routedSegments` segments, all
 * that the route table can look at (`RouteTable.depth`); without the number it is the whole path.
 *
 * - Plain `.` and `..` are resolved (RFC 3986 section 5.2.4), as nginx and Envoy do. Climbing above
 *   the root, or out of an empty segment, where servers differ, is refused.
 * - A dot segment in disguise is refused wherever it is: `%2e%2e`, `..%2f`, `..\`, and `..;x`, which
 *   Tomcat takes for `..` (Orange Tsai, "Breaking Parser Logic", 2018).
 * - Refused wherever they are: NUL, control characters, space, `\`, `#`, and `%` without two hex digits.
 * - In the routed part `%2f` and `%5c` are refused, empty segments merged, and the spelling of escapes
 *   made canonical (RFC 3986 section 6.2.2). The rest stays as it came, byte for byte.
 */
export function canonicalPath(path: string, routedSegments = Number.POSITIVE_INFINITY): string | undefined {
  if (path.charCodeAt(0) !== SLASH) return undefined;
  let previous = PLAIN;
  for (let index = 0; index < path.length; index += 1) {
    const kind = KIND[path.charCodeAt(index)] ?? SPECIAL;
    if (kind === SPECIAL || (kind !== PLAIN && previous === SEPARATOR)) {
      return normalized(path, Math.max(1, routedSegments));
    }
    previous = kind;
  }
  return path;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for.
const NEVER_ALLOWED = /[\x00-\x20\x7f\\#?]|[^\x00-\xff]|%(?![0-9A-Fa-f]{2})|%00/;

/** The careful way, for the few paths that have something in them to be careful about. */
function normalized(path: string, routedSegments: number): string | undefined {
  if (NEVER_ALLOWED.test(path)) return undefined;
  const segments = path.split('/');
  const kept: string[] = [];
  for (let index = 1; index < segments.length; index += 1) {
    const segment = segments[index] ?? '';
    const isLast = index === segments.length - 1;
    const isRouted = kept.length < routedSegments;
    if (segment === '.' || segment === '..') {
      // Out of an empty segment: some servers merge slashes first, and would climb one higher.
      if (segment === '..' && !kept.pop()) return undefined;
      if (isLast) kept.push('');
    } else if (segment !== '' || isLast || !isRouted) {
      const canonical = isRouted ? routedSegment(segment) : segment;
      if (canonical === undefined || hidesDotSegment(segment)) return undefined;
      kept.push(canonical);
    }
  }
  const result = `/${kept.join('/')}`;
  return result === path ? path : result;
}

function hidesDotSegment(segment: string): boolean {
  if (!segment.includes('.') && !segment.includes('%')) return false;
  const decoded = segment
    .replaceAll(/%2e/gi, '.')
    .replaceAll(/%(?:2f|5c)/gi, '/')
    .replaceAll(/%3b/gi, ';');
  return /(?:^|\/)\.\.?(?:[;/]|$)/.test(decoded);
}

/** A segment in canonical spelling; undefined when it holds an escaped separator. */
function routedSegment(segment: string): string | undefined {
  if (/%(?:2f|5c)/i.test(segment)) return undefined;
  return segment.replaceAll(/%[0-9A-Fa-f]{2}|[\x80-\xff]/g, (found) => {
    if (found.length === 1) return `%${found.charCodeAt(0).toString(16).toUpperCase()}`;
    const character = String.fromCharCode(Number.parseInt(found.slice(1), 16));
    return /[A-Za-z0-9._~-]/.test(character) ? character : found.toUpperCase();
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
