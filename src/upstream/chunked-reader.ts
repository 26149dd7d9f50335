import { BadResponse, checkLines, parseFields } from './response-head.js';

/** Takes the content from `from` to `to` in the piece being read. */
export type TakeContent = (from: number, to: number) => void;

const TAB = 9;
const LF = 10;
const CR = 13;
const SPACE = 32;
const SEMICOLON = 59;
const DELETE = 127;
/** Digits of a chunk's size; more would not fit a number. */
const MAX_DIGITS = 12;
/** Bytes of one chunk's extensions, which mean nothing to us. */
const MAX_EXTENSION = 1024;
/** Extensions without end must not make a stream of work out of nothing. */
const MAX_EXTENSIONS = 16 * 1024;

type State = 'size' | 'extension' | 'size-lf' | 'content' | 'content-cr' | 'content-lf' | 'trailers' | 'done';

/**
 * Reads a chunked body (RFC 9112 section 7.1) piece by piece. Strict: sizes in hexadecimal digits
 * alone, every line ended by CR LF, extensions and trailers bounded.
 */
export class ChunkedReader {
  readonly #maxTrailers: number;
  #state: State = 'size';
  #size = 0;
  #digits = 0;
  #extension = 0;
  #extensions = 0;
  #trailerText = '';
  #trailers: string[] = [];

  constructor(maxTrailers: number) {
    this.#maxTrailers = maxTrailers;
  }

  get done(): boolean {
    return this.#state === 'done';
  }

  /** Flat, once `done`. */
  get trailers(): readonly string[] {
    return this.#trailers;
  }

  /** Reads from `from` on; the index of the first byte that is not of the body. Throws BadResponse. */
  read(buffer: Buffer, from: number, to: number, take: TakeContent): number {
    let at = from;
    while (at < to && this.#state !== 'done') {
      if (this.#state === 'content') {
        const end = Math.min(to, at + this.#size);
        this.#size -= end - at;
        if (this.#size === 0) this.#state = 'content-cr';
        take(at, end);
        at = end;
      } else if (this.#state === 'trailers') at = this.#readTrailers(buffer, at, to);
      else {
        this.#readLine(buffer[at] ?? 0);
        at += 1;
      }
    }
    return at;
  }

  /** One byte of what stands around the content. */
  #readLine(byte: number): void {
    switch (this.#state) {
      case 'size':
        this.#readSize(byte);
        break;
      case 'extension':
        this.#readExtension(byte);
        break;
      case 'size-lf':
        if (byte !== LF) throw new BadResponse('bad end of chunk size');
        this.#state = this.#size === 0 ? 'trailers' : 'content';
        break;
      case 'content-cr':
        if (byte !== CR) throw new BadResponse('chunk longer than its size');
        this.#state = 'content-lf';
        break;
      case 'content-lf':
        if (byte !== LF) throw new BadResponse('bad end of chunk');
        this.#state = 'size';
        this.#digits = 0;
        break;
    }
  }

  #readSize(byte: number): void {
    const digit = hexDigit(byte);
    if (digit >= 0 && this.#digits < MAX_DIGITS) {
      this.#size = this.#size * 16 + digit;
      this.#digits += 1;
    } else if (this.#digits === 0) throw new BadResponse('bad chunk size');
    else if (byte === CR) this.#state = 'size-lf';
    else if (byte === SEMICOLON) {
      this.#state = 'extension';
      this.#extension = 0;
    } else throw new BadResponse('bad chunk size');
  }

  #readExtension(byte: number): void {
    if (byte === CR) {
      this.#state = 'size-lf';
      return;
    }
    this.#extension += 1;
    this.#extensions += 1;
    const tooLong = this.#extension > MAX_EXTENSION || this.#extensions > MAX_EXTENSIONS;
    const control = (byte < SPACE && byte !== TAB) || byte === DELETE;
    if (tooLong || control) throw new BadResponse('bad chunk extension');
  }

  #readTrailers(buffer: Buffer, from: number, to: number): number {
    const before = this.#trailerText.length;
    // One more than allowed is enough to know that it is too much.
    const until = Math.min(to, from + this.#maxTrailers + 1 - before);
    const text = this.#trailerText + buffer.toString('latin1', from, until);
    const end = text.startsWith('\r\n') ? 2 : text.indexOf('\r\n\r\n', Math.max(0, before - 3)) + 4;
    const whole = end !== 3;
    if ((whole ? end : text.length) > this.#maxTrailers) throw new BadResponse('trailers too large');
    if (!whole) {
      checkLines(text, before);
      this.#trailerText = text;
      return until;
    }
    this.#trailers = parseFields(text.slice(0, end), 0);
    this.#trailerText = '';
    this.#state = 'done';
    return from + end - before;
  }
}

/** Value of a hexadecimal digit's byte; -1 when it is none. */
function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 0x20;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}
