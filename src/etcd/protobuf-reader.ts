/** Bytes that are not the message which they should be, and where. It becomes the fault of the call that they came on. */
export class ProtobufError extends Error {
  override readonly name = 'ProtobufError';
}

/** How a field's value is laid out (protobuf.dev/programming-guides/encoding). Groups are of proto2. */
const VARINT = 0;
const EIGHT_BYTES = 1;
const LENGTH_DELIMITED = 2;
const FOUR_BYTES = 5;

const MOST_VARINT_BYTES = 10;
/** Bytes of a varint that a number holds without loss: 49 bits. */
const SAFE_VARINT_BYTES = 7;

/**
 * Reads one message of proto3, field by field: `while (reader.next())`, and for each `reader.field` its value is read
 * or skipped. It is stricter than it must be: what no encoder writes throws, rather than being read as one
 * of the things that it could mean.
 */
export class ProtobufReader {
  readonly #bytes: Buffer;
  #at = 0;
  /** Where the message ends that is being read, which may lie within another. */
  #end: number;
  #field = 0;
  #wireType = VARINT;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#end = bytes.length;
  }

  /** Number of the field whose value comes next. */
  get field(): number {
    return this.#field;
  }

  /** Goes on to the next field; answers whether there is one. */
  next(): boolean {
    if (this.#at === this.#end) return false;
    const tag = this.#uint32();
    this.#field = tag >>> 3;
    this.#wireType = tag & 7;
    if (this.#field === 0) throw this.problem('a field has the number 0');
    return true;
  }

  /** To be thrown: what is wrong just before the place that has been reached. */
  problem(what: string): ProtobufError {
    return new ProtobufError(`${what}, at byte ${this.#at}`);
  }

  /** Passes over a field that means nothing to us. */
  skip(): void {
    if (this.#wireType === VARINT) this.#skipVarint();
    else if (this.#wireType === LENGTH_DELIMITED) this.#advance(this.#uint32());
    else if (this.#wireType === EIGHT_BYTES) this.#advance(8);
    else if (this.#wireType === FOUR_BYTES) this.#advance(4);
    else throw this.#unexpected();
  }

  /** Passes over a field that would mean an integer to us, if we had a use for it. */
  skipInteger(): void {
    if (this.#wireType !== VARINT) throw this.#unexpected();
    this.#skipVarint();
  }

  bool(): boolean {
    const value = this.uint64();
    if (value > 1n) throw this.problem(`field ${this.#field} is neither true nor false`);
    return value === 1n;
  }

  uint64(): bigint {
    if (this.#wireType !== VARINT) throw this.#unexpected();
    return this.#varint();
  }

  int64(): bigint {
    return BigInt.asIntN(64, this.uint64());
  }

  /** UTF-8; bytes that are none become U+FFFD. */
  text(): string {
    const from = this.#delimited();
    return from === this.#at ? '' : this.#bytes.toString('utf8', from, this.#at);
  }

  /** A view, not a copy. */
  bytes(): Buffer {
    const from = this.#delimited();
    return this.#bytes.subarray(from, this.#at);
  }

  /** A message within this one, which `read` reads to its end. */
  message<T>(read: (reader: ProtobufReader) => T): T {
    const from = this.#delimited();
    const [after, end] = [this.#at, this.#end];
    this.#at = from;
    this.#end = after;
    const message = read(this);
    this.#at = after;
    this.#end = end;
    return message;
  }

  /** Moves past a length and as many bytes; answers where those begin. */
  #delimited(): number {
    if (this.#wireType !== LENGTH_DELIMITED) throw this.#unexpected();
    const length = this.#uint32();
    const from = this.#at;
    this.#advance(length);
    return from;
  }

  #advance(count: number): void {
    if (count > this.#end - this.#at) throw this.#truncated();
    this.#at += count;
  }

  #byte(): number {
    if (this.#at === this.#end) throw this.#truncated();
    return this.#bytes[this.#at++] ?? 0;
  }

  /** Of a tag or a length. */
  #uint32(): number {
    let value = 0;
    for (let factor = 1; factor <= 2 ** 28; factor *= 128) {
      const byte = this.#byte();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80 && value <= 0xffffffff) return value;
      if (byte < 0x80) break;
    }
    throw this.problem('a tag or a length has more than 32 bits');
  }

  #varint(): bigint {
    let value = 0;
    let factor = 1;
    for (let count = 0; count < SAFE_VARINT_BYTES; count += 1) {
      const byte = this.#byte();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return BigInt(value);
      factor *= 128;
    }
    return this.#longVarint(value);
  }

  #skipVarint(): void {
    for (let count = 1; count < MOST_VARINT_BYTES; count += 1) {
      if (this.#byte() < 0x80) return;
    }
    // The tenth has one bit left to give.
    if (this.#byte() <= 1) return;
    throw this.problem('an integer has more than 64 bits');
  }

  /** The bits from the 50th on; `low` are those before. */
  #longVarint(low: number): bigint {
    let high = 0;
    for (let shift = 0; shift <= 14; shift += 7) {
      const byte = this.#byte();
      // The tenth byte has one bit left to give.
      if (shift === 14 && byte > 1) break;
      high |= (byte & 0x7f) << shift;
      if (byte < 0x80) return (BigInt(high) << 49n) + BigInt(low);
    }
    throw this.problem('an integer has more than 64 bits');
  }

  #unexpected(): ProtobufError {
    return this.problem(`field ${this.#field} has the wire type ${this.#wireType}`);
  }

  #truncated(): ProtobufError {
    return this.problem('the message ends in the middle of a field');
  }
}
