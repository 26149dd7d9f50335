import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { ClientRequest, ClientSocket } from './client-side.js';

/**
 * A request of HTTP/2 in the words of HTTP/1.1, which the rest of the data path reads: `:authority` is
 * `Host`, and a body of unknown length is `Transfer-Encoding: chunked` (RFC 9113 section 8.3.1 and 8.1).
 */
export class StreamRequest implements ClientRequest {
  readonly httpVersion = '2.0';
  readonly method: string;
  readonly url: string;
  readonly rawHeaders: string[];
  readonly headers: IncomingHttpHeaders;
  readonly socket: ClientSocket;
  readonly stream: ServerHttp2Stream;

  /** `fields` is the flat list that Node gives beside `headers`, pseudo-header fields included. */
  constructor(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    fields: readonly string[],
    socket: ClientSocket,
  ) {
    const { method, path, rawHeaders } = inOldWords(fields, !stream.endAfterHeaders);
    this.stream = stream;
    this.method = method;
    this.url = path;
    this.headers = headers;
    this.rawHeaders = rawHeaders;
    this.socket = socket;
  }

  on(event: 'data' | 'error', listener: (value: Buffer & Error) => void): this {
    this.stream.on(event, listener);
    return this;
  }

  /** Node ends what a client has broken off like any other stream, and half a body must not pass for a whole one. */
  once(event: 'end', listener: () => void): this {
    this.stream.once(event, () => {
      if (!this.stream.aborted) listener();
    });
    return this;
  }

  pause(): void {
    this.stream.pause();
  }

  resume(): void {
    this.stream.resume();
  }
}

interface OldWords {
  readonly method: string;
  /** Empty when there is none, as with CONNECT; the handler refuses that. */
  readonly path: string;
  readonly rawHeaders: string[];
}

/**
 * Cookies that came in pieces are put together again (RFC 9113 section 8.2.3). A `Host` that says other
 * than `:authority` is left in, a second Host, which is refused like any other (section 8.3.1).
 */
function inOldWords(fields: readonly string[], hasBody: boolean): OldWords {
  let method = '';
  let path = '';
  let authority: string | undefined;
  let cookie: string | undefined;
  let lengthKnown = false;
  const rawHeaders: string[] = [];
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] ?? '';
    const value = fields[index + 1] ?? '';
    switch (name) {
      case ':method':
        method = value;
        break;
      case ':path':
        path = value;
        break;
      case ':authority':
        authority = value;
        rawHeaders.push('Host', value);
        break;
      case ':scheme':
        break;
      case 'host':
        if (value !== authority) rawHeaders.push(name, value);
        break;
      case 'cookie':
        cookie = cookie === undefined ? value : `${cookie}; ${value}`;
        break;
      default:
        lengthKnown ||= name === 'content-length';
        rawHeaders.push(name, value);
    }
  }
  if (cookie !== undefined) rawHeaders.push('cookie', cookie);
  if (hasBody && !lengthKnown) rawHeaders.push('Transfer-Encoding', 'chunked');
  return { method, path, rawHeaders };
}
