const VARINT = 0;
const LENGTH_DELIMITED = 2;

/**
 * Writes one message of proto3. A field that has its default, 0 or empty, is left out, as every encoder does. For the
 * small requests that we send once a second, not for many.
 */
export class ProtobufWriter {
  readonly #pieces: Buffer[] = [];

  /** A field of any integer type; negative ones as the proto's int64. */
  integer(field: number, value: bigint | number): this {
    const unsigned = BigInt.asUintN(64, BigInt(value));
    if (unsigned > 0n) this.#pieces.push(varint(BigInt(field * 8 + VARINT)), varint(unsigned));
    return this;
  }

  bool(field: number, value: boolean): this {
    return this.integer(field, value ? 1 : 0);
  }

  bytes(field: number, value: Buffer | string): this {
    return value.length === 0 ? this : this.#delimited(field, Buffer.from(value));
  }

  /** Written even when it is empty: that it is there may be all that it says. */
  message(field: number, message: ProtobufWriter): this {
    return this.#delimited(field, message.finish());
  }

  finish(): Buffer {
    return Buffer.concat(this.#pieces);
  }

  #delimited(field: number, content: Buffer): this {
    const tag = BigInt(field * 8 + LENGTH_DELIMITED);
    this.#pieces.push(varint(tag), varint(BigInt(content.length)), content);
    return this;
  }
}

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80n) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}
