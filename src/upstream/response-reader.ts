import { ChunkedReader, type TakeContent } from './chunked-reader.js';
import { framingOf } from './response-framing.js';
import { BadResponse, checkBeginning, parseResponseHead, type ResponseHead } from './response-head.js';

/** Told what a reader reads, in order. */
export interface ResponseSink {
  onInformation(head: ResponseHead): void;
  onHead(head: ResponseHead): void;
  /** Content from `from` to `to` in the piece being read. */
  onContent(from: number, to: number): void;
  /** `keepsForMs`: how long the endpoint keeps the connection; 0 when it does not, Infinity when it does not say. */
  onComplete(trailers: readonly string[], keepsForMs: number): void;
}

type State = 'idle' | 'head' | 'length' | 'chunked' | 'until-close';

const HEAD_END = '\r\n\r\n';
const NO_FIELDS: readonly string[] = [];

/**
 * Reads the responses of one connection, one request at a time, from whatever pieces they come in.
 * Strict: what RFC 9112 refuses is thrown as BadResponse, and the connection is of no more use then.
 */
export class ResponseReader {
  readonly #sink: ResponseSink;
  readonly #maxHead: number;
  readonly #take: TakeContent;
  #state: State = 'idle';
  #method = '';
  /** The beginning of a head that has not come whole. */
  #held = '';
  /** Bytes of interim responses. */
  #interim = 0;
  /** Bytes of content still to come, for `length`. */
  #left = 0;
  #keepsForMs = 0;
  #chunked: ChunkedReader | undefined;

  constructor(sink: ResponseSink, maxHead: number) {
    this.#sink = sink;
    this.#maxHead = maxHead;
    this.#take = (from, to) => sink.onContent(from, to);
  }

  /** Bytes of content still announced; 0 when unknown. */
  get left(): number {
    return this.#left;
  }

  /** Whether anything has come of a response whose final head has not. */
  get partial(): boolean {
    return this.#state === 'head' && (this.#interim > 0 || this.#held !== '');
  }

  /** A request with this method goes out. */
  expect(method: string): void {
    this.#method = method;
    this.#state = 'head';
    this.#interim = 0;
  }

  /** Forgets what it was at; everything further is unexpected. */
  stop(): void {
    this.#state = 'idle';
    this.#held = '';
    this.#chunked = undefined;
  }

  /** Reads one piece. Throws BadResponse; for bytes that nobody asked for, too. */
  read(piece: Buffer, length: number): void {
    let at = 0;
    while (at < length) {
      switch (this.#state) {
        case 'head':
          at = this.#readHead(piece, at, length);
          break;
        case 'length':
          at = this.#readLength(at, length);
          break;
        case 'chunked':
          at = this.#readChunked(piece, at, length);
          break;
        case 'until-close':
          this.#sink.onContent(at, length);
          return;
        case 'idle':
          throw new BadResponse('more than was asked for');
      }
    }
  }

  /** The endpoint has ended the connection. Whether that completes the response. */
  end(): boolean {
    if (this.#state !== 'until-close') return false;
    this.#complete(NO_FIELDS, false);
    return true;
  }

  #readHead(piece: Buffer, from: number, to: number): number {
    const before = this.#held.length;
    // One more than allowed is enough to know that it is too much.
    const until = Math.min(to, from + this.#maxHead + 1 - before);
    const text = this.#held + piece.toString('latin1', from, until);
    const found = text.indexOf(HEAD_END, Math.max(0, before - 3));
    const end = found < 0 ? text.length : found + HEAD_END.length;
    if (end > this.#maxHead) throw new BadResponse('head too large');
    if (found < 0) {
      checkBeginning(text, before);
      this.#held = text;
      return until;
    }
    this.#held = '';
    const at = from + end - before;
    const head = parseResponseHead(text.slice(0, end));
    if (head.status < 200) this.#inform(head, end);
    else this.#begin(head, at < to);
    return at;
  }

  /** Interim responses are relayed as they come: all of them together may take no more than one head. */
  #inform(head: ResponseHead, bytes: number): void {
    this.#interim += bytes;
    if (this.#interim > this.#maxHead) throw new BadResponse('too many interim responses');
    this.#sink.onInformation(head);
  }

  #begin(head: ResponseHead, more: boolean): void {
    const { kind, length, persistent, keepsFor } = framingOf(head, this.#method);
    this.#keepsForMs = persistent ? (keepsFor ?? Number.POSITIVE_INFINITY) * 1000 : 0;
    this.#left = length;
    if (kind === 'chunked') this.#chunked = new ChunkedReader(this.#maxHead);
    this.#state = kind === 'none' ? 'head' : kind;
    this.#sink.onHead(head);
    // The receiver may have had enough of it.
    if (kind === 'none' && this.#state === 'head') this.#complete(NO_FIELDS, more);
  }

  #readLength(from: number, to: number): number {
    const end = Math.min(to, from + this.#left);
    this.#left -= end - from;
    this.#sink.onContent(from, end);
    if (this.#left === 0 && this.#state === 'length') this.#complete(NO_FIELDS, end < to);
    return end;
  }

  #readChunked(piece: Buffer, from: number, to: number): number {
    const reader = this.#chunked;
    if (reader === undefined) return to;
    const at = reader.read(piece, from, to, this.#take);
    if (reader.done && this.#state === 'chunked') this.#complete(reader.trailers, at < to);
    return at;
  }

  /** `more`: the endpoint sent further bytes, which are part of no response. */
  #complete(trailers: readonly string[], more: boolean): void {
    this.stop();
    this.#sink.onComplete(trailers, more ? 0 : this.#keepsForMs);
  }
}
