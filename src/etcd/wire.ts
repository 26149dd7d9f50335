import type { IResponseHeader } from 'etcd3';
import { EtcdError } from './errors.js';
import type { ProtobufReader } from './protobuf-reader.js';

/** A key with its value, as etcd keeps it. */
export interface KeyValue {
  readonly key: string;
  readonly value: string;
  /** Of the last write to this key: etcd's mod_revision. */
  readonly revision: bigint;
  /** Decimal id; empty when the key has no lease. */
  readonly lease: string;
}

/** What every answer says about who answered, and when in the history of the store. */
export interface Header {
  /** Decimal. A different one means another cluster, or one that was made anew. */
  readonly clusterId: string;
  readonly revision: bigint;
}

/** Of an answer that etcd3's definition has decoded: null, whatever its types say, when it had none. */
export function headerFrom(header: IResponseHeader | null): Header {
  if (header === null) throw new EtcdError('malformed', 'malformed answer: there is no header');
  return { clusterId: header.cluster_id, revision: BigInt(header.revision) };
}

/*
 * Numbers of fields are those of etcd's rpc.proto and kv.proto, which the etcd3 package has; test/unit/etcd-codec.test.ts
 * compares. Where a field would be an integer that nothing here reads, it must be one still.
 */

/** `ResponseHeader`. */
export function readHeader(reader: ProtobufReader): Header {
  let [clusterId, revision] = [0n, 0n];
  while (reader.next()) {
    if (reader.field === 1) clusterId = reader.uint64();
    else if (reader.field === 3) revision = reader.int64();
    else if (reader.field === 2 || reader.field === 4) reader.skipInteger();
    else reader.skip();
  }
  return { clusterId: String(clusterId), revision };
}

/** `KeyValue`. Without a key or a revision the store could not tell it from another one, or from an older. */
export function readKeyValue(reader: ProtobufReader): KeyValue {
  let [key, value] = ['', ''];
  let [revision, lease] = [0n, 0n];
  while (reader.next()) {
    if (reader.field === 1) key = reader.text();
    else if (reader.field === 3) revision = reader.int64();
    else if (reader.field === 5) value = reader.text();
    else if (reader.field === 6) lease = reader.int64();
    else if (reader.field === 2 || reader.field === 4) reader.skipInteger();
    else reader.skip();
  }
  if (key === '') throw reader.problem('there is no key');
  if (revision <= 0n) throw reader.problem('a key has no revision');
  return { key, value, revision, lease: lease === 0n ? '' : String(lease) };
}

/**
 * A message that must be there once. A second one would have to be merged into the first; etcd sends none, and to guess
 * which of two it meant is worse than to say so.
 */
export function once<T>(
  before: T | undefined,
  reader: ProtobufReader,
  read: (reader: ProtobufReader) => T,
): T {
  if (before !== undefined) throw reader.problem(`field ${reader.field} is there twice`);
  return reader.message(read);
}

/** To be asked at the end of a message for a part that it must have had. */
export function present<T>(part: T | undefined, reader: ProtobufReader, what: string): T {
  if (part === undefined) throw reader.problem(`there is no ${what}`);
  return part;
}

/** The first key after every key that starts with `prefix`: the `range_end` of a prefix. */
export function prefixEnd(prefix: string): Buffer {
  const end = Buffer.from(prefix);
  for (let at = end.length - 1; at >= 0; at--) {
    const byte = end[at] ?? 0xff;
    if (byte < 0xff) {
      end[at] = byte + 1;
      return end.subarray(0, at + 1);
    }
  }
  return Buffer.from([0]);
}
