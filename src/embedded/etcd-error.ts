import { status } from '@grpc/grpc-js';

/** A refusal with the gRPC code and text that etcd itself answers; clients compare both. */
export class EtcdError extends Error {
  readonly code: status;
  readonly details: string;

  constructor(code: status, details: string) {
    super(details);
    this.name = 'EtcdError';
    this.code = code;
    this.details = details;
  }
}

/** Copied to the letter from etcd's api/v3rpc/rpctypes/error.go. */
const REFUSALS = {
  EMPTY_KEY: [status.INVALID_ARGUMENT, 'etcdserver: key is not provided'],
  KEY_NOT_FOUND: [status.INVALID_ARGUMENT, 'etcdserver: key not found'],
  VALUE_PROVIDED: [status.INVALID_ARGUMENT, 'etcdserver: value is provided'],
  LEASE_PROVIDED: [status.INVALID_ARGUMENT, 'etcdserver: lease is provided'],
  TOO_MANY_OPS: [status.INVALID_ARGUMENT, 'etcdserver: too many operations in txn request'],
  DUPLICATE_KEY: [status.INVALID_ARGUMENT, 'etcdserver: duplicate key given in txn request'],
  INVALID_SORT: [status.INVALID_ARGUMENT, 'etcdserver: invalid sort option'],
  TOO_LARGE: [status.INVALID_ARGUMENT, 'etcdserver: request is too large'],
  COMPACTED: [status.OUT_OF_RANGE, 'etcdserver: mvcc: required revision has been compacted'],
  FUTURE_REVISION: [status.OUT_OF_RANGE, 'etcdserver: mvcc: required revision is a future revision'],
  LEASE_NOT_FOUND: [status.NOT_FOUND, 'etcdserver: requested lease not found'],
  LEASE_EXISTS: [status.FAILED_PRECONDITION, 'etcdserver: lease already exists'],
  LEASE_TTL_TOO_LARGE: [status.OUT_OF_RANGE, 'etcdserver: too large lease TTL'],
  AUTH_NOT_ENABLED: [status.FAILED_PRECONDITION, 'etcdserver: authentication is not enabled'],
} as const satisfies Record<string, readonly [status, string]>;

export function refusal(name: keyof typeof REFUSALS): EtcdError {
  const [code, details] = REFUSALS[name];
  return new EtcdError(code, details);
}
