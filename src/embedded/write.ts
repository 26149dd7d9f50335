import { refusal } from './etcd-error.js';
import { keyRange, keyText } from './key-range.js';
import type { Leases } from './lease.js';
import type {
  DeleteRangeRequest,
  DeleteRangeResponse,
  KeyValue,
  PutRequest,
  PutResponse,
} from './messages.js';
import type { Store } from './store.js';

/** What requests act on. */
export interface Registry {
  readonly store: Store;
  readonly leases: Leases;
}

/** etcd's default `--max-request-bytes`. Only what is stored is counted here. */
export const MAX_REQUEST_BYTES = 1.5 * 1024 * 1024;

/** Refuses what is wrong with the request by itself, whatever the store holds. */
export function checkPut(request: PutRequest): void {
  if (request.key.length === 0) throw refusal('EMPTY_KEY');
  if (request.ignoreValue && request.value.length > 0) throw refusal('VALUE_PROVIDED');
  if (request.ignoreLease && request.lease !== '0') throw refusal('LEASE_PROVIDED');
  if (request.key.length + request.value.length > MAX_REQUEST_BYTES) throw refusal('TOO_LARGE');
}

/** Refuses what the store cannot do. The pair it would replace must exist when part of it is to be kept. */
export function checkPutAgainst({ store, leases }: Registry, request: PutRequest): void {
  if (request.lease !== '0' && !leases.has(request.lease)) throw refusal('LEASE_NOT_FOUND');
  if (!request.ignoreValue && !request.ignoreLease) return;
  if (store.get(keyText(request.key)) === undefined) throw refusal('KEY_NOT_FOUND');
}

/** Does a checked Put, within a transaction of the store. */
export function executePut(store: Store, request: PutRequest): PutResponse {
  const key = keyText(request.key);
  const current: KeyValue | undefined = store.get(key);
  const value = request.ignoreValue ? (current?.value ?? request.value) : request.value;
  const lease = request.ignoreLease ? (current?.lease ?? '0') : request.lease;
  const previous = store.put(key, value, lease);
  return { header: { revision: store.visibleRevision }, prevKv: request.prevKv ? previous : undefined };
}

export function checkDelete(request: DeleteRangeRequest): void {
  if (request.key.length === 0) throw refusal('EMPTY_KEY');
}

/** Does a checked DeleteRange, within a transaction of the store. */
export function executeDelete(store: Store, request: DeleteRangeRequest): DeleteRangeResponse {
  const deleted = store.delete(keyRange(request.key, request.rangeEnd));
  return {
    header: { revision: store.visibleRevision },
    deleted: deleted.length,
    prevKvs: request.prevKv ? deleted : [],
  };
}
