import type { UpstreamRequest } from './connection.js';

/** Methods whose requests are expected to have content, so that its absence is said (RFC 9110 section 8.6). */
const WITH_CONTENT = new Set(['POST', 'PUT', 'PATCH']);

/** Anything that would end the request line, or part it anew. */
const NOT_IN_TARGET = /[^\x21-\x7e\x80-\xff]/;

/** What is more than one byte in latin-1 would be cut to one, which may be any. */
const NOT_LATIN1 = /[\u0100-\uffff]/;

/** How the content of a request is framed. */
export interface RequestFraming {
  /** The head as it is sent, latin-1. */
  readonly head: string;
  /** Bytes of content that it announces; undefined when it announces chunks. */
  readonly length: number | undefined;
}

/**
 * Writes the head of a request (RFC 9112 section 3). Undefined when its target or a field would break out of its
 * line, or when it would announce two lengths, or content that there is not; all of it has been checked where it came
 * from, and this is where it would do harm.
 */
export function requestHead({ method, target, headers, body }: UpstreamRequest): RequestFraming | undefined {
  if (NOT_IN_TARGET.test(target) || NOT_IN_TARGET.test(method)) return undefined;
  let head = `${method} ${target} HTTP/1.1\r\n`;
  let length: number | undefined;
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] ?? '';
    const value = headers[index + 1] ?? '';
    if (name.length === 14 && name.toLowerCase() === 'content-length') {
      if (length !== undefined) return undefined;
      length = Number(value);
    }
    head += `${name}: ${value}\r\n`;
  }
  if (occurrences(head, '\n') !== 1 + headers.length / 2 || NOT_LATIN1.test(head)) return undefined;
  if (body !== undefined) {
    if (length === undefined) head += 'Transfer-Encoding: chunked\r\n';
    return { head: `${head}\r\n`, length };
  }
  if (length === undefined && WITH_CONTENT.has(method)) head += 'Content-Length: 0\r\n';
  return (length ?? 0) === 0 ? { head: `${head}\r\n`, length: 0 } : undefined;
}

function occurrences(text: string, char: string): number {
  let count = 0;
  for (let at = text.indexOf(char); at >= 0; at = text.indexOf(char, at + 1)) count += 1;
  return count;
}
