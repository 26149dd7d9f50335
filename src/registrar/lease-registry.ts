import type { ITxnRequest } from 'etcd3';
import type { EtcdMember } from '../etcd/member.js';
import type { EtcdMembers } from '../etcd/members.js';

export interface GrantedLease {
  /** Decimal. */
  readonly id: string;
  /** What the server granted, which may be more than was asked for. */
  readonly ttlSeconds: number;
}

/**
 * What keeping one registered key alive asks of a registry. Every call may be repeated safely, has a
 * deadline of its own, and rejects when no member answered or the registry refused.
 */
export interface LeaseRegistry {
  grant(ttlSeconds: number): Promise<GrantedLease>;
  /** Gives the lease its full time again. Rejects with fault `not-found` when it is gone. */
  renew(lease: string, deadlineMs: number): Promise<void>;
  /** Takes the key, whoever held it. Rejects with fault `not-found` when the lease is gone. */
  put(key: string, value: string, lease: string): Promise<void>;
  /** Who holds the key now; undefined when nobody does. A lease of '' is none. */
  holder(
    key: string,
    deadlineMs: number,
  ): Promise<{ readonly value: string; readonly lease: string } | undefined>;
  /** Changes the value while the key is still under `lease`; else changes nothing and answers false. */
  replace(key: string, value: string, lease: string): Promise<boolean>;
  /** Deletes the key while it is still under `lease`. */
  remove(key: string, lease: string): Promise<void>;
  /** Ends the lease. Rejects with fault `not-found` when it is gone already. */
  revoke(lease: string): Promise<void>;
  /** Ends every connection; calls under way reject. */
  close(): void;
}

/** The calls against whichever member of an etcd cluster answers. */
export function etcdLeaseRegistry(members: EtcdMembers): LeaseRegistry {
  const call = <T>(work: (member: EtcdMember) => Promise<T>): Promise<T> => members.call(work);
  return {
    async grant(ttlSeconds) {
      const { id, ttl } = await call((member) => member.leaseGrant(ttlSeconds));
      return { id, ttlSeconds: ttl };
    },
    async renew(lease, deadlineMs) {
      await call((member) => member.leaseKeepAliveOnce(lease, deadlineMs));
    },
    async put(key, value, lease) {
      await call((member) => member.put(key, value, lease));
    },
    async holder(key, deadlineMs) {
      const { kvs } = await call((member) => member.range({ key, deadlineMs }));
      return kvs[0];
    },
    async replace(key, value, lease) {
      const put = { key: Buffer.from(key), value: Buffer.from(value), lease };
      const answer = await call((member) => member.txn(whileUnder(key, lease, { request_put: put })));
      return answer.succeeded;
    },
    async remove(key, lease) {
      const range = { key: Buffer.from(key) };
      await call((member) => member.txn(whileUnder(key, lease, { request_delete_range: range })));
    },
    async revoke(lease) {
      await call((member) => member.leaseRevoke(lease));
    },
    close: () => members.close(),
  };
}

type Operation = NonNullable<ITxnRequest['success']>[number];

/**
 * A process that restarts under the same host key puts the key under its new lease while the old
 * process is still leaving; the old one must not then drain or delete what is no longer its own.
 */
function whileUnder(key: string, lease: string, operation: Operation): ITxnRequest {
  return {
    compare: [{ key: Buffer.from(key), target: 'Lease', result: 'Equal', lease }],
    success: [operation],
  };
}
