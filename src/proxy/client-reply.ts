import { ServerResponse, STATUS_CODES } from 'node:http';
import type { Turn, Waiting } from '../core/turn.js';
import type { ClientResponse } from './client-side.js';
import type { Problem } from './problem.js';

export interface ReplyHead {
  readonly status: number;
  readonly reason: string;
  /** Flat, for `writeHead`. */
  readonly headers: string[];
}

type Trailers = [string, string][];

/** Up to here one string with the head is cheaper to write than two pieces. */
const SMALL = 4096;

/**
 * The response to one client. The head and the first chunk are held until there is more or the turn
 * ends, so that a small response leaves in one write, and a slow one is not kept waiting.
 */
export class ClientReply implements Waiting {
  readonly #response: ClientResponse;
  readonly #turn: Turn;
  /** Whether the connection must not be used again; asked when the head goes out. */
  readonly #mustClose: () => boolean;
  readonly #onUnsendable: () => Problem;
  #head: ReplyHead | undefined;
  #first: Buffer | undefined;
  #flushed = false;
  #queued = false;
  /** Trailers of a response that is whole and still held. */
  #ended: Trailers | undefined;
  #closes = false;
  /** What was held could not be written, and the gateway's own answer has gone out. */
  #replaced = false;
  #status = 0;
  #bytes = 0;

  /** `onUnsendable`: Node refuses to write what is held, in the middle of whatever was going on. Gives what to answer instead. */
  constructor(response: ClientResponse, turn: Turn, mustClose: () => boolean, onUnsendable: () => Problem) {
    this.#response = response;
    this.#turn = turn;
    this.#mustClose = mustClose;
    this.#onUnsendable = onUnsendable;
  }

  /** Whether anything has been written, so that another answer is no longer possible. */
  get flushed(): boolean {
    return this.#flushed;
  }

  /** Of the head, whether or not it has been written; 0 before there is one. */
  get status(): number {
    return this.#status;
  }

  /** Bytes of body written. */
  get bytes(): number {
    return this.#bytes;
  }

  hold(head: ReplyHead): void {
    this.#head = head;
    this.#status = head.status;
    if (this.#queued) return;
    this.#queued = true;
    this.#turn.add(this);
  }

  atTurnEnd(): void {
    this.#queued = false;
    if (this.#ended === undefined) this.flush();
    else this.#finish(this.#ended);
  }

  /** Forgets a held head; only before it was flushed. */
  drop(): void {
    this.#head = undefined;
    this.#first = undefined;
  }

  /** False when the client is behind: wait for `drain` of the response. */
  write(chunk: Buffer): boolean {
    if (!this.#flushed && this.#first === undefined) {
      this.#first = chunk;
      return true;
    }
    this.flush();
    if (this.#replaced) return true;
    this.#bytes += chunk.length;
    return this.#response.write(chunk);
  }

  /** Writes what is held. */
  flush(): void {
    const first = this.#first;
    if (this.#flushed || this.#head === undefined) return;
    this.#first = undefined;
    try {
      this.#writeHead(this.#head);
      if (first === undefined) this.#response.flushHeaders();
      else this.#response.write(first);
      this.#bytes += first?.length ?? 0;
    } catch {
      this.#replace();
    }
  }

  end(trailers: Trailers): void {
    // Now: a request that is still being sent may have come to its end by the end of the turn.
    if (!this.#flushed) this.#closes = this.#mustClose();
    if (this.#queued && !this.#flushed) this.#ended = trailers;
    else this.#finish(trailers);
  }

  #finish(trailers: Trailers): void {
    const last = this.#first;
    if (this.#replaced) return;
    this.#first = undefined;
    try {
      if (!this.#flushed && this.#head !== undefined) this.#writeHead(this.#head);
      if (trailers.length > 0 && this.#response.chunkedEncoding) this.#response.addTrailers(trailers);
      if (last === undefined) this.#response.end();
      else if (last.length <= SMALL) endSmall(this.#response, last.toString('latin1'));
      else this.#response.end(last);
      this.#bytes += last?.length ?? 0;
    } catch {
      this.#replace();
    }
  }

  /** What an endpoint sends must not end the process, whatever Node may throw for. */
  #replace(): void {
    this.#replaced = true;
    const own = this.#onUnsendable();
    if (this.#response.headersSent) return this.truncate();
    this.#status = own.status;
    this.#closes = true;
    try {
      this.#writeHead(own);
      this.#response.end(own.body);
      this.#bytes += own.body.length;
    } catch {
      this.truncate();
    }
  }

  /**
   * Cuts the response so that the client cannot take it for complete. A reset, because for a
   * response that is delimited by the end of the connection a plain close would look clean.
   */
  truncate(): void {
    const response = this.#response;
    const socket = response instanceof ServerResponse ? response.socket : null;
    // A reset after our FIN would leave the socket open for ever.
    const reset = socket !== null && !socket.writableEnded && !response.chunkedEncoding;
    if (reset && 'resetAndDestroy' in socket) socket.resetAndDestroy();
    response.destroy();
  }

  #writeHead({ status, reason, headers }: ReplyHead): void {
    this.#flushed = true;
    if (this.#closes || this.#mustClose()) headers.push('Connection', 'close');
    this.#response.writeHead(status, relayable(reason, status), headers);
  }
}

/**
 * undici reads the phrase as UTF-8, so one in another encoding is lost. It means nothing (RFC 9112
 * section 4); the standard one takes its place, because Node would throw.
 */
function relayable(reason: string, status: number): string {
  return /^[\t\x20-\x7e]*$/.test(reason) ? reason : (STATUS_CODES[status] ?? '');
}

/**
 * Ends with a body that goes out in one string with the head. `end(text)` alone would put an empty piece
 * after it, and two pieces take the dearer of the system's two calls.
 */
function endSmall(response: ClientResponse, text: string): void {
  if (!(response instanceof ServerResponse) || response.chunkedEncoding || response.socket === null) {
    response.end(text, 'latin1');
    return;
  }
  const { socket } = response;
  socket.cork();
  response.write(text, 'latin1');
  socket.uncork();
  response.end();
}
