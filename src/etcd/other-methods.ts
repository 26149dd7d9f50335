import { createRequire } from 'node:module';
import { loadSync } from '@grpc/proto-loader';
import type * as etcd from 'etcd3';
import { EtcdError } from './errors.js';
import type { Method } from './method.js';

/** Requests and answers, in the words of etcd's proto. */
export interface OtherMethods {
  'KV/Put': [etcd.IPutRequest, etcd.IPutResponse];
  'KV/DeleteRange': [etcd.IDeleteRangeRequest, etcd.IDeleteRangeResponse];
  'KV/Txn': [etcd.ITxnRequest, etcd.ITxnResponse];
  'KV/Compact': [etcd.ICompactionRequest, etcd.ICompactionResponse];
  'Lease/LeaseGrant': [etcd.ILeaseGrantRequest, etcd.ILeaseGrantResponse];
  'Lease/LeaseRevoke': [etcd.ILeaseRevokeRequest, etcd.ILeaseRevokeResponse];
  'Lease/LeaseKeepAlive': [etcd.ILeaseKeepAliveRequest, etcd.ILeaseKeepAliveResponse];
  'Maintenance/Status': [object, etcd.IStatusResponse];
}

const definitions = loadSync(createRequire(import.meta.url).resolve('etcd3/proto/rpc.proto'), {
  keepCase: true,
  longs: String,
  enums: String,
  defaults: true,
  oneofs: true,
});

/**
 * The methods that a gateway which only watches has no use for, from etcd3's definition of the API. To be loaded when
 * one is called: to compile that definition takes as long as a tenth of a start.
 */
export function otherMethod<Name extends keyof OtherMethods>(
  name: Name,
): Method<OtherMethods[Name][0], OtherMethods[Name][1]> {
  const [service = '', method = ''] = name.split('/');
  const definition = definitions[`etcdserverpb.${service}`];
  const found = definition === undefined || 'format' in definition ? undefined : definition[method];
  if (found === undefined) throw new EtcdError('other', `the etcd API has no ${name}`);
  return {
    path: found.path,
    write: found.requestSerialize,
    // What etcd3's declarations say that the method answers.
    read: (bytes) => found.responseDeserialize(bytes) as OtherMethods[Name][1],
  };
}
