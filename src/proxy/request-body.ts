import { Readable } from 'node:stream';
import type { ClientBody } from './client-side.js';

export interface RequestBodyLimits {
  /** Bytes; Infinity when unlimited. */
  readonly max: number;
  /** Bytes kept so that another attempt can send the body from its start. */
  readonly replay: number;
}

/**
 * The body of one request, handed to one attempt after another. Nothing is read from the client
 * before an attempt asks for it; what has been read is kept while it fits the replay buffer.
 */
export class RequestBody {
  readonly #request: ClientBody;
  readonly #limits: RequestBodyLimits;
  readonly #onTooLarge: () => void;
  #kept: Buffer[] | undefined = [];
  #bytes = 0;
  #ended = false;
  #reader: AttemptBody | undefined;
  #listening = false;

  constructor(request: ClientBody, limits: RequestBodyLimits, onTooLarge: () => void) {
    this.#request = request;
    this.#limits = limits;
    this.#onTooLarge = onTooLarge;
  }

  /** Bytes received from the client so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether the client has sent all of it. */
  get complete(): boolean {
    return this.#ended;
  }

  /** Whether all that has been read is still at hand. */
  get replayable(): boolean {
    return this.#kept !== undefined;
  }

  /** A stream of the whole body for one attempt. Takes the body away from the attempt before. */
  open(): Readable {
    this.#reader?.detach();
    const reader = new AttemptBody(this);
    this.#reader = reader;
    for (const chunk of this.#kept ?? []) reader.push(chunk);
    if (this.#ended) reader.push(null);
    this.#listen();
    return reader;
  }

  /** Reads what is left and throws it away, so that the client can finish sending. */
  discard(): void {
    this.#reader?.detach();
    this.#reader = undefined;
    this.#kept = undefined;
    this.#listen();
    this.#request.resume();
  }

  /** @internal An attempt can take more. */
  wanted(reader: AttemptBody): void {
    if (reader === this.#reader && !this.#ended) this.#request.resume();
  }

  /** @internal An attempt will take no more. */
  left(reader: AttemptBody): void {
    if (reader !== this.#reader) return;
    this.#reader = undefined;
    this.#request.pause();
  }

  #listen(): void {
    if (this.#listening) return;
    this.#listening = true;
    this.#request.on('data', (chunk: Buffer) => this.#take(chunk));
    this.#request.once('end', () => {
      this.#ended = true;
      this.#reader?.push(null);
    });
    // The client's own failure; the response's `close` event tells the exchange of it.
    this.#request.on('error', (error) => this.#reader?.destroy(error));
  }

  #take(chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#bytes > this.#limits.max) {
      if (this.#reader !== undefined) this.#onTooLarge();
      return;
    }
    if (this.#kept !== undefined) {
      if (this.#bytes <= this.#limits.replay) this.#kept.push(chunk);
      else this.#kept = undefined;
    }
    if (this.#reader !== undefined && !this.#reader.push(chunk)) this.#request.pause();
  }
}

/** The body as one attempt reads it; ending or breaking it does not touch the client's request. */
class AttemptBody extends Readable {
  readonly #source: RequestBody;

  constructor(source: RequestBody) {
    super();
    this.#source = source;
    // undici destroys it with an error when the attempt fails; the attempt reports that itself.
    this.on('error', () => undefined);
  }

  detach(): void {
    this.#source.left(this);
    this.destroy();
  }

  override _read(): void {
    this.#source.wanted(this);
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#source.left(this);
    callback(error);
  }
}
