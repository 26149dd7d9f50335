import type { Method } from './method.js';
import { ProtobufReader } from './protobuf-reader.js';
import { ProtobufWriter } from './protobuf-writer.js';
import { type Header, type KeyValue, once, present, readHeader, readKeyValue } from './wire.js';

export interface RangeRequest {
  /** A key, or the first key of a range. */
  readonly key: string | Buffer;
  /** First key after the range; absent means just `key`. */
  readonly end?: Buffer;
  /** Most keys to answer; 0 or absent for all. */
  readonly limit?: number;
  /** Read the store as it was at this revision; absent for now. */
  readonly revision?: bigint;
  readonly keysOnly?: boolean;
}

export interface RangeResult {
  readonly header: Header;
  /** In key order. */
  readonly kvs: readonly KeyValue[];
  /** Where the next page starts; undefined when this was the last. */
  readonly next: Buffer | undefined;
  /** Keys in the whole range, whatever the limit. */
  readonly count: number;
}

/** Linearizable: answered only with the consent of a majority. */
export const range: Method<RangeRequest, RangeResult> = {
  path: '/etcdserverpb.KV/Range',
  write: ({ key, end = '', limit = 0, revision = 0n, keysOnly = false }) =>
    new ProtobufWriter()
      .bytes(1, key)
      .bytes(2, end)
      .integer(3, limit)
      .integer(4, revision)
      .bool(8, keysOnly)
      .finish(),
  read: (bytes) => {
    const kvs: KeyValue[] = [];
    let header: Header | undefined;
    let [more, count] = [false, 0n];
    const reader = new ProtobufReader(bytes);
    while (reader.next()) {
      if (reader.field === KVS) kvs.push(reader.message(readKeyValue));
      else if (reader.field === 1) header = once(header, reader, readHeader);
      else if (reader.field === 3) more = reader.bool();
      else if (reader.field === 4) count = reader.int64();
      else reader.skip();
    }
    const next = more ? afterLastKey(bytes) : undefined;
    return { header: present(header, 'header'), kvs, next, count: Number(count) };
  },
};

const KVS = 2;

/** Of the bytes, since a key need not be text. Undefined when there is none. */
function afterLastKey(answer: Buffer): Buffer | undefined {
  let last: Buffer | undefined;
  const reader = new ProtobufReader(answer);
  while (reader.next()) {
    if (reader.field === KVS) last = reader.bytes();
    else reader.skip();
  }
  if (last === undefined) return undefined;
  let key: Buffer = Buffer.alloc(0);
  const ofLast = new ProtobufReader(last);
  while (ofLast.next()) {
    if (ofLast.field === 1) key = ofLast.bytes();
    else ofLast.skip();
  }
  return Buffer.concat([key, Buffer.from([0])]);
}
