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
  read: readAnswer,
};

/** Number of the field with a key, of which there are many. */
const KVS = 2;

/** `RangeResponse`. */
function readAnswer(bytes: Buffer): RangeResult {
  const kvs: KeyValue[] = [];
  let header: Header | undefined;
  let [more, total] = [false, 0n];
  const reader = new ProtobufReader(bytes);
  while (reader.next()) {
    if (reader.field === KVS) kvs.push(reader.message(readKeyValue));
    else if (reader.field === 1) header = once(header, reader, readHeader);
    else if (reader.field === 3) more = reader.bool();
    else if (reader.field === 4) total = reader.int64();
    else reader.skip();
  }
  const count = Number(total);
  // What is not in a list is deleted: one that has lost keys, or the word that there are more, must not pass for whole.
  if (more ? count <= kvs.length : count !== kvs.length) {
    throw reader.problem(
      `${kvs.length} of ${count} keys are there, and ${more ? 'more' : 'no more'} to come`,
    );
  }
  return {
    header: present(header, reader, 'header'),
    kvs,
    next: more ? afterLastKey(bytes) : undefined,
    count,
  };
}

/** Of the bytes, since a key need not be text. `answer` has been read before, and is sound. */
function afterLastKey(answer: Buffer): Buffer {
  const key = lastField(lastField(answer, KVS), 1);
  return Buffer.concat([key, Buffer.from([0])]);
}

function lastField(message: Buffer, field: number): Buffer {
  let last: Buffer | undefined;
  const reader = new ProtobufReader(message);
  while (reader.next()) {
    if (reader.field === field) last = reader.bytes();
    else reader.skip();
  }
  return present(last, reader, 'key after which to go on');
}
