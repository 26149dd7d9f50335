/**
 * The etcd v3 messages that the embedded registry reads and writes, as proto-loader hands them over:
 * int64 arrives as decimal text, enums as their names, absent scalars as defaults, and a oneof as a
 * field holding the name of the member that is set. Revisions are sent as numbers; lease ids are
 * random 63-bit numbers, which a JavaScript number cannot hold, so they stay text.
 */
export interface Header {
  readonly revision: number;
  readonly clusterId?: string;
  readonly memberId?: string;
  readonly raftTerm?: number;
}

export interface KeyValue {
  readonly key: Buffer;
  readonly createRevision: number;
  readonly modRevision: number;
  /** 1 after the put that created the key. */
  readonly version: number;
  readonly value: Buffer;
  /** `0` when no lease holds the key. */
  readonly lease: string;
}

export interface RangeRequest {
  readonly key: Buffer;
  readonly rangeEnd: Buffer;
  readonly limit: string;
  readonly revision: string;
  readonly sortOrder: string | number;
  readonly sortTarget: string | number;
  readonly keysOnly: boolean;
  readonly countOnly: boolean;
  readonly minModRevision: string;
  readonly maxModRevision: string;
  readonly minCreateRevision: string;
  readonly maxCreateRevision: string;
}

export interface RangeResponse {
  readonly header: Header;
  readonly kvs: readonly KeyValue[];
  readonly more: boolean;
  readonly count: number;
}

export interface PutRequest {
  readonly key: Buffer;
  readonly value: Buffer;
  readonly lease: string;
  readonly prevKv: boolean;
  readonly ignoreValue: boolean;
  readonly ignoreLease: boolean;
}

export interface PutResponse {
  readonly header: Header;
  readonly prevKv: KeyValue | undefined;
}

export interface DeleteRangeRequest {
  readonly key: Buffer;
  readonly rangeEnd: Buffer;
  readonly prevKv: boolean;
}

export interface DeleteRangeResponse {
  readonly header: Header;
  readonly deleted: number;
  readonly prevKvs: readonly KeyValue[];
}

export type RequestOp =
  | { readonly request: 'requestRange'; readonly requestRange: RangeRequest }
  | { readonly request: 'requestPut'; readonly requestPut: PutRequest }
  | { readonly request: 'requestDeleteRange'; readonly requestDeleteRange: DeleteRangeRequest }
  | { readonly request: 'requestTxn'; readonly requestTxn: TxnRequest }
  | { readonly request?: undefined };

export type ResponseOp =
  | { readonly responseRange: RangeResponse }
  | { readonly responsePut: PutResponse }
  | { readonly responseDeleteRange: DeleteRangeResponse }
  | { readonly responseTxn: TxnResponse };

export interface Compare {
  readonly result: string | number;
  readonly target: string | number;
  readonly key: Buffer;
  readonly rangeEnd: Buffer;
  readonly version?: string;
  readonly createRevision?: string;
  readonly modRevision?: string;
  readonly value?: Buffer;
  readonly lease?: string;
}

export interface TxnRequest {
  readonly compare: readonly Compare[];
  readonly success: readonly RequestOp[];
  readonly failure: readonly RequestOp[];
}

export interface TxnResponse {
  readonly header: Header;
  readonly succeeded: boolean;
  readonly responses: readonly ResponseOp[];
}

export interface WatchCreateRequest {
  readonly key: Buffer;
  readonly rangeEnd: Buffer;
  readonly startRevision: string;
  readonly progressNotify: boolean;
  readonly filters: readonly (string | number)[];
  readonly prevKv: boolean;
  readonly watchId: string;
  readonly fragment: boolean;
}

export type WatchRequest =
  | { readonly requestUnion: 'createRequest'; readonly createRequest: WatchCreateRequest }
  | { readonly requestUnion: 'cancelRequest'; readonly cancelRequest: { readonly watchId: string } }
  | { readonly requestUnion: 'progressRequest' }
  | { readonly requestUnion?: undefined };

export interface EventMessage {
  readonly type: 'Put' | 'Delete';
  /** A delete has only the key and the revision of the deletion. */
  readonly kv: KeyValue;
  readonly prevKv: KeyValue | undefined;
}

export interface WatchResponse {
  readonly header: Header;
  readonly watchId: string;
  readonly created?: boolean;
  readonly canceled?: boolean;
  readonly compactRevision?: number;
  readonly cancelReason?: string;
  readonly fragment?: boolean;
  readonly events?: readonly EventMessage[];
}
