const SIZE = 64 * 1024;
/** From here on a piece is handed over as it is, and the next one read into another buffer. */
const LARGE = SIZE / 4;

/** Where all connections read to whose responses are small: filled and used up in one go, one after another. */
const shared = Buffer.allocUnsafeSlow(SIZE);

/**
 * Where one connection's socket reads to. Small pieces are copied out of the shared buffer, which is
 * cheaper than a buffer each; large ones go on without a copy.
 */
export class ReadBuffer {
  #current = shared;
  #handedOver = false;

  /** What was read last. */
  get current(): Buffer {
    return this.#current;
  }

  /** Where to read next, after `length` bytes have been read. */
  after(length: number): Buffer {
    if (length < LARGE) this.#current = shared;
    else if (this.#current === shared || this.#handedOver) this.#current = Buffer.allocUnsafeSlow(SIZE);
    this.#handedOver = false;
    return this.#current;
  }

  /** What stands from `from` to `to`, to keep. */
  take(from: number, to: number): Buffer {
    const piece = this.#current.subarray(from, to);
    if (this.#current === shared || piece.length < LARGE) return Buffer.from(piece);
    this.#handedOver = true;
    return piece;
  }
}
