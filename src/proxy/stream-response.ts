import { constants, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { ClientResponse } from './client-side.js';
import { fieldsOf } from './http2-fields.js';

/**
 * A response of HTTP/2, told like one of HTTP/1.1. The head waits for the first byte of the body, or for the end,
 * so that a response without a body is a single frame.
 */
export class StreamResponse implements ClientResponse {
  statusCode = 200;
  readonly chunkedEncoding = true;
  readonly useChunkedEncodingByDefault = true;
  readonly #stream: ServerHttp2Stream;
  readonly #takesTrailers: boolean;
  #head: OutgoingHttpHeaders | undefined;
  #trailers: OutgoingHttpHeaders = {};
  #ended = false;
  #waitsForTrailers = false;

  /** `takesTrailers`: whether `addTrailers` may be called; it costs a frame at the end. */
  constructor(stream: ServerHttp2Stream, takesTrailers: boolean) {
    this.#stream = stream;
    this.#takesTrailers = takesTrailers;
  }

  get headersSent(): boolean {
    return this.#stream.headersSent;
  }

  /** Node ends a stream that the client has reset, so that its own word for this is not enough. */
  get writableFinished(): boolean {
    return this.#ended && this.#stream.writableFinished;
  }

  /** There is no reason phrase in HTTP/2 (RFC 9113 section 8.3.2). */
  writeHead(status: number, _reason: string, headers: readonly string[]): void {
    this.statusCode = status;
    this.#head = fieldsOf(headers, { ':status': status });
    // Node ends it with its head (RFC 9110 section 15.3.6), whatever an endpoint adds.
    if (status === constants.HTTP_STATUS_RESET_CONTENT) delete this.#head['content-length'];
  }

  flushHeaders(): void {
    this.#respond(false);
  }

  write(chunk: Buffer): boolean {
    this.#respond(false);
    // What comes for a client that has left is dropped until the endpoint hears of it.
    return this.#gone || this.#stream.writableEnded || this.#stream.write(chunk);
  }

  addTrailers(trailers: readonly [string, string][]): void {
    this.#trailers = fieldsOf(trailers.flat());
  }

  end(last?: Buffer | string, encoding: BufferEncoding = 'latin1'): void {
    this.#respond(last === undefined && !this.#hasTrailers());
    const stream = this.#stream;
    if (this.#gone) return;
    this.#ended = true;
    if (!this.#waitsForTrailers) stream.once('finish', () => this.#dismissRequest());
    if (stream.writableEnded) stream.end();
    else if (typeof last === 'string') stream.end(last, encoding);
    else stream.end(last);
  }

  /** The whole answer in one HEADERS frame that ends the stream, as gRPC calls it. */
  endWithHead(status: number, headers: readonly string[]): void {
    this.statusCode = status;
    this.#head = fieldsOf(headers, { ':status': status });
    this.#ended = true;
    this.#respond(true);
    this.#dismissRequest();
  }

  writeContinue(): void {
    this.inform(constants.HTTP_STATUS_CONTINUE, []);
  }

  /** An interim response; ignored when it comes too late, or Node will not have it. */
  inform(status: number, fields: readonly [string, string][]): void {
    if (this.#stream.headersSent || this.#gone) return;
    try {
      this.#stream.additionalHeaders(fieldsOf(fields.flat(), { ':status': status }));
    } catch {
      // The final response says all that matters.
    }
  }

  /** Not `close`, which would end the body in good order before it resets the stream. */
  destroy(): void {
    this.#stream.destroy(new Error('cut short'));
  }

  once(event: 'drain' | 'close', listener: () => void): this {
    this.#stream.once(event, listener);
    return this;
  }

  off(event: 'close', listener: () => void): this {
    this.#stream.off(event, listener);
    return this;
  }

  /** Whether nothing more reaches the client. */
  get #gone(): boolean {
    return this.#stream.closed || this.#stream.destroyed;
  }

  #sendTrailers(): void {
    if (this.#gone) return;
    try {
      this.#stream.sendTrailers(this.#trailers);
    } catch {
      this.destroy();
    }
    this.#dismissRequest();
  }

  #hasTrailers(): boolean {
    return Object.keys(this.#trailers).length > 0;
  }

  #respond(endStream: boolean): void {
    const head = this.#head;
    if (head === undefined || this.#gone || this.#stream.headersSent) return;
    const waitForTrailers = this.#takesTrailers && !endStream;
    this.#waitsForTrailers = waitForTrailers;
    if (waitForTrailers) this.#stream.once('wantTrailers', () => this.#sendTrailers());
    this.#stream.respond(head, { endStream, waitForTrailers });
  }

  /**
   * All is said, so nobody waits for the rest of the request; the client is told to stop sending
   * (RFC 9113 section 8.1).
   */
  #dismissRequest(): void {
    const stream = this.#stream;
    const over = (): boolean => stream.endAfterHeaders || stream.readableEnded || stream.destroyed;
    if (over()) return;
    setImmediate(() => {
      if (!over()) stream.close(constants.NGHTTP2_NO_ERROR);
    });
  }
}
