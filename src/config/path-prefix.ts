const ESCAPE = /%([0-9A-Fa-f]{2})/g;
const UNRESERVED = /^[A-Za-z0-9._~-]$/;
/** RFC 3986 section 3.3: the characters of a path. */
const NOT_PATH = /[^A-Za-z0-9._~!$&'()*+,;=:@/%-]/u;

/**
 * What is wrong with a path prefix, or undefined. A prefix must be written as the gateway's
 * canonical paths are, since it is compared with them as text: another spelling would never match.
 */
export function pathPrefixProblem(prefix: string): string | undefined {
  if (!prefix.startsWith('/')) return `must start with "/"`;
  if (/[?#]/.test(prefix)) return 'must not have a query or fragment';
  return segmentProblem(prefix) ?? spellingProblem(prefix);
}

function segmentProblem(prefix: string): string | undefined {
  if (prefix.includes('//')) return 'must not have an empty segment ("//")';
  if (prefix.includes('*')) {
    return 'must not have "*": a prefix already matches everything below it';
  }
  if (prefix !== '/' && prefix.endsWith('/')) {
    return `must not end in "/": ${prefix.slice(0, -1)} matches everything below it`;
  }
  const segments = prefix.replaceAll(/%2e/gi, '.').split('/');
  if (segments.some((segment) => /^\.\.?(?:;|$)/.test(segment))) {
    return 'must not have "." or ".." segments';
  }
  return undefined;
}

function spellingProblem(prefix: string): string | undefined {
  if (/\\|%2f|%5c|%00/i.test(prefix)) return `must not have "\\", %2F, %5C or %00`;
  if (/%(?![0-9A-Fa-f]{2})/.test(prefix)) return 'has a "%" that two hex digits do not follow';
  const canonical = prefix.replaceAll(ESCAPE, (triplet, hex: string) => {
    const character = String.fromCharCode(Number.parseInt(hex, 16));
    return UNRESERVED.test(character) ? character : triplet.toUpperCase();
  });
  if (canonical !== prefix) return `must be written ${canonical}`;
  const [character] = NOT_PATH.exec(prefix) ?? [];
  return character === undefined
    ? undefined
    : `must have "${character}" written as ${encodeURIComponent(character)}`;
}
