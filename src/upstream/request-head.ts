import type { UpstreamRequest } from './connection.js';

/** Methods whose requests are expected to have content, so that its absence is said (RFC 9110 section 8.6). */
const WITH_CONTENT = new Set(['POST', 'PUT', 'PATCH']);

/** Anything that would end the request line, or part it anew. */
const NOT_IN_TARGET = /[^\x21-\x7e\x80-\xff]/;

/** How the content of a request is framed. */
export interface RequestFraming {
  /** The head as it is sent, latin-1. */
  readonly head: string;
  readonly chunked: boolean;
}

/**
 * Writes the head of a request (RFC 9112 section 3). Undefined when its target or a field would break out of its
 * line; both have been checked where they came from, and this is where it would do harm.
 */
export function requestHead({ method, target, headers, body }: UpstreamRequest): RequestFraming | undefined {
  if (NOT_IN_TARGET.test(target)) return undefined;
  let head = `${method} ${target} HTTP/1.1\r\n`;
  let sized = false;
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] ?? '';
    if (name.length === 14 && name.toLowerCase() === 'content-length') sized = true;
    head += `${name}: ${headers[index + 1]}\r\n`;
  }
  if (occurrences(head, '\n') !== 1 + headers.length / 2) return undefined;
  const chunked = body !== undefined && !sized;
  if (chunked) head += 'Transfer-Encoding: chunked\r\n';
  if (body === undefined && WITH_CONTENT.has(method)) head += 'Content-Length: 0\r\n';
  return { head: `${head}\r\n`, chunked };
}

function occurrences(text: string, char: string): number {
  let count = 0;
  for (let at = text.indexOf(char); at >= 0; at = text.indexOf(char, at + 1)) count += 1;
  return count;
}
