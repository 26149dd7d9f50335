import type { IKeyValue, IResponseHeader } from 'etcd3';

/** A key with its value, as etcd keeps it. */
export interface KeyValue {
  readonly key: string;
  readonly value: string;
  readonly createRevision: bigint;
  readonly modRevision: bigint;
  /** Writes since the key was created; 0 in the tombstone of a deleted key. */
  readonly version: bigint;
  /** Decimal id; empty when the key has no lease. */
  readonly lease: string;
}

/** What every answer says about who answered, and when in the history of the store. */
export interface Header {
  /** Decimal. A different one means another cluster, or one that was made anew. */
  readonly clusterId: string;
  /** Decimal. */
  readonly memberId: string;
  readonly revision: bigint;
}

export function readHeader(header: IResponseHeader): Header {
  return {
    clusterId: header.cluster_id,
    memberId: header.member_id,
    revision: BigInt(header.revision),
  };
}

export function readKeyValue(kv: IKeyValue): KeyValue {
  return {
    key: kv.key.toString(),
    value: kv.value.toString(),
    createRevision: BigInt(kv.create_revision),
    modRevision: BigInt(kv.mod_revision),
    version: BigInt(kv.version),
    lease: kv.lease === '0' ? '' : kv.lease,
  };
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
