import { BadResponse } from '../../src/upstream/response-head.js';
import { ResponseReader, type ResponseSink } from '../../src/upstream/response-reader.js';

/** What a ResponseReader made of some bytes. */
export interface ReadBack {
  readonly verdict: 'complete' | 'incomplete' | 'refused';
  /** Statuses and fields of the 1xx before it. */
  readonly interim: readonly (readonly [status: number, fields: readonly string[]])[];
  readonly status: number | undefined;
  readonly reason: string | undefined;
  readonly fields: readonly string[] | undefined;
  readonly content: string;
  readonly trailers: readonly string[] | undefined;
  /** Of a complete response. */
  readonly keepsForMs: number | undefined;
}

export interface ReadBackOptions {
  readonly method?: string;
  /** Bytes. */
  readonly maxHead?: number;
  /** Whether a FIN comes after the last piece. */
  readonly ended?: boolean;
}

/**
 * Gives the pieces to a reader one by one, as a socket would: all in the same buffer, which is
 * overwritten after each, so that whatever was kept of it shows. What is no BadResponse is thrown.
 */
export function readBack(pieces: readonly Buffer[], options: ReadBackOptions = {}): ReadBack {
  const { method = 'GET', maxHead = 16 * 1024, ended = false } = options;
  const buffer = Buffer.alloc(Math.max(1, ...pieces.map((piece) => piece.length)));
  const recorder = new Recorder(buffer);
  const reader = new ResponseReader(recorder, maxHead);
  reader.expect(method);
  try {
    for (const piece of pieces) {
      piece.copy(buffer);
      reader.read(buffer, piece.length);
      buffer.fill(0);
    }
    if (ended) reader.end();
  } catch (error) {
    if (!(error instanceof BadResponse)) throw error;
    return recorder.outcome('refused');
  }
  return recorder.outcome(recorder.complete ? 'complete' : 'incomplete');
}

/** Text as bytes, cut at these places. */
export function cut(text: string, ...places: readonly number[]): Buffer[] {
  const bytes = Buffer.from(text, 'latin1');
  const edges = [0, ...places, bytes.length];
  return edges.slice(1).map((end, index) => bytes.subarray(edges[index], end));
}

class Recorder implements ResponseSink {
  readonly #buffer: Buffer;
  readonly #interim: [number, readonly string[]][] = [];
  #head: { status: number; reason: string; fields: readonly string[] } | undefined;
  #content = '';
  #trailers: readonly string[] | undefined;
  #keepsForMs: number | undefined;

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
  }

  get complete(): boolean {
    return this.#trailers !== undefined;
  }

  onInformation({ status, fields }: { status: number; fields: readonly string[] }): void {
    this.#inOrder(this.#head === undefined);
    this.#interim.push([status, fields]);
  }

  onHead(head: { status: number; reason: string; fields: readonly string[] }): void {
    this.#inOrder(this.#head === undefined);
    this.#head = head;
  }

  onContent(from: number, to: number): void {
    this.#inOrder(this.#head !== undefined && !this.complete && from < to);
    this.#content += this.#buffer.toString('latin1', from, to);
  }

  onComplete(trailers: readonly string[], keepsForMs: number): void {
    this.#inOrder(this.#head !== undefined && !this.complete);
    this.#trailers = trailers;
    this.#keepsForMs = keepsForMs;
  }

  outcome(verdict: ReadBack['verdict']): ReadBack {
    return {
      verdict,
      interim: this.#interim,
      status: this.#head?.status,
      reason: this.#head?.reason,
      fields: this.#head?.fields,
      content: this.#content,
      trailers: this.#trailers,
      keepsForMs: this.#keepsForMs,
    };
  }

  #inOrder(right: boolean): void {
    if (!right) throw new Error('the reader told of things out of their order');
  }
}
