import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import type { DeleteRangeRequest, Header, PutRequest, RangeRequest, TxnRequest } from './messages.js';
import { checkRange, checkRevision, executeRange } from './range.js';
import { executeTxn } from './txn.js';
import { checkTxn } from './txn-check.js';
import { unary } from './unary.js';
import { checkDelete, checkPut, checkPutAgainst, executeDelete, executePut, type Registry } from './write.js';

/** etcdserverpb.KV. A transaction of the store is one revision, which the answer's header names. */
export function kvService(registry: Registry, header: () => Header): UntypedServiceImplementation {
  const { store } = registry;
  return {
    Range: unary((request: RangeRequest) => {
      checkRange(request);
      checkRevision(store, request);
      return { ...executeRange(store, request), header: header() };
    }),
    Put: unary((request: PutRequest) => {
      checkPut(request);
      checkPutAgainst(registry, request);
      const response = store.transact(() => executePut(store, request));
      return { ...response, header: header() };
    }),
    DeleteRange: unary((request: DeleteRangeRequest) => {
      checkDelete(request);
      const response = store.transact(() => executeDelete(store, request));
      return { ...response, header: header() };
    }),
    Txn: unary((request: TxnRequest) => {
      checkTxn(request);
      const response = executeTxn(registry, request);
      return { ...response, header: header() };
    }),
    Compact: unary(({ revision }: { revision: string }) => {
      store.compact(Number(revision));
      return { header: header() };
    }),
  };
}
