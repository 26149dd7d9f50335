import type { RememberedConnection } from './client-connection.js';
import type { UnderWay } from './context.js';

/**
 * What the gateway remembers of a connection is on its socket under these. In a WeakMap it would outlive it: V8's frequent
 * collections, of young objects, take the values of an old map for alive, and a request leads to all that it was made of.
 */
export const CONNECTION: unique symbol = Symbol('connection');
export const UNDER_WAY: unique symbol = Symbol('under way');
export const NEWEST: unique symbol = Symbol('newest');

/** The connection that a request came in on. */
export interface ClientSocket {
  [CONNECTION]?: RememberedConnection;
  /** The request that it is busy with; undefined when the newest was refused. */
  [UNDER_WAY]?: UnderWay | undefined;
  /** The request that came last, until its response has closed. */
  [NEWEST]?: ClientRequest | undefined;
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  readonly localPort?: number | undefined;
  /** True with TLS. */
  readonly encrypted?: boolean | undefined;
}

/** The body of a request, as it comes in. */
export interface ClientBody {
  on(event: 'data', listener: (chunk: Buffer) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  once(event: 'end', listener: () => void): unknown;
  pause(): unknown;
  resume(): unknown;
}

/** What is needed of a request: Node's `IncomingMessage` has it, and so has a `StreamRequest` of HTTP/2. */
export interface ClientRequest extends ClientBody {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  /** Flat, names as sent. */
  readonly rawHeaders: string[];
  readonly headers: {
    readonly 'content-type'?: string | undefined;
    readonly 'user-agent'?: string | undefined;
  };
  /** `1.0`, `1.1` or `2.0`. */
  readonly httpVersion: string;
  readonly socket: ClientSocket;
}

/** What is needed of a response: Node's `ServerResponse` has it, and so has a `StreamResponse` of HTTP/2. */
export interface ClientResponse {
  readonly statusCode: number;
  readonly headersSent: boolean;
  /** Whether all of it has been handed to the connection. */
  readonly writableFinished: boolean;
  /** Whether trailers may follow its body. */
  readonly chunkedEncoding: boolean;
  /** Whether a body of unknown length will be such. HTTP/1.0 knows none. */
  readonly useChunkedEncodingByDefault: boolean;
  writeHead(status: number, reason: string, headers: string[]): unknown;
  flushHeaders(): void;
  write(chunk: Buffer): boolean;
  addTrailers(trailers: [string, string][]): void;
  end(last?: Buffer): unknown;
  end(last: string, encoding: BufferEncoding): unknown;
  writeContinue(): void;
  /** Cuts it short. */
  destroy(): unknown;
  once(event: 'drain' | 'close', listener: () => void): unknown;
  off(event: 'close', listener: () => void): unknown;
}
