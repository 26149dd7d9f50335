const FRAME_HEADER = 9;
const GRPC_PREFIX = 5;
const DATA = 0;

/**
 * Reads the frames that a gRPC server sends (RFC 9113 section 4.1) and finds the one that carries etcd's
 * *created* reply to a watch. `feed` answers how many bytes of the piece end with that frame; undefined
 * when it is not in it.
 */
export class CreatedReplyFinder {
  #rest = Buffer.alloc(0);

  feed(piece: Buffer): number | undefined {
    const before = this.#rest.length;
    const bytes = Buffer.concat([this.#rest, piece]);
    let at = 0;
    while (bytes.length - at >= FRAME_HEADER) {
      const end = at + FRAME_HEADER + bytes.readUIntBE(at, 3);
      if (end > bytes.length) break;
      if (bytes[at + 3] === DATA && isCreatedReply(bytes.subarray(at + FRAME_HEADER + GRPC_PREFIX, end))) {
        return end - before;
      }
      at = end;
    }
    this.#rest = bytes.subarray(at);
    return undefined;
  }
}

/**
 * WatchResponse is `header = 1, watch_id = 2, created = 3 …` (etcd rpc.proto). The answers to a Range also
 * have a bool in field 3, but never without a count in field 4.
 */
function isCreatedReply(message: Buffer): boolean {
  const fields = new Map<number, number>();
  for (let at = 0; at < message.length; ) {
    const tag = varint(message, at);
    const value = varint(message, tag.end);
    const isLengthDelimited = (tag.value & 7) === 2;
    fields.set(tag.value, value.value);
    at = isLengthDelimited ? value.end + value.value : value.end;
  }
  const created = fields.get(3 << 3);
  return created === 1 && !fields.has(4 << 3) && fields.size <= 3;
}

function varint(bytes: Buffer, from: number): { readonly value: number; readonly end: number } {
  let value = 0;
  for (let at = from, scale = 1; at < bytes.length; at++, scale *= 128) {
    const byte = bytes[at] ?? 0;
    value += (byte & 127) * scale;
    if (byte < 128) return { value, end: at + 1 };
  }
  return { value, end: bytes.length };
}
