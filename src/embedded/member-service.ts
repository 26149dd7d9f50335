import { status, type UntypedServiceImplementation } from '@grpc/grpc-js';
import { EtcdError, refusal } from './etcd-error.js';
import { type Member, RAFT_TERM } from './member.js';
import type { Header } from './messages.js';
import type { Store } from './store.js';
import { unary } from './unary.js';

/** The etcd whose API this is; the contract suite runs on that version too. */
const API_VERSION = '3.5.16';

/** etcdserverpb.Maintenance, as far as `etcdctl endpoint status` and `endpoint health` go. */
export function maintenanceService(
  store: Store,
  member: Member,
  header: () => Header,
): UntypedServiceImplementation {
  return {
    Status: unary(() => ({
      header: header(),
      version: API_VERSION,
      dbSize: store.size(),
      dbSizeInUse: store.size(),
      leader: member.memberId,
      raftIndex: store.revision,
      raftAppliedIndex: store.revision,
      raftTerm: RAFT_TERM,
    })),
    Alarm: unary(({ action }: { action: string | number }) => {
      if (action !== 'Get') {
        throw new EtcdError(status.UNIMPLEMENTED, 'embedded registry: alarms cannot be raised or cleared');
      }
      return { header: header(), alarms: [] };
    }),
  };
}

/** etcdserverpb.Cluster: the one member there is. */
export function clusterService(
  member: Member,
  endpoint: () => string,
  header: () => Header,
): UntypedServiceImplementation {
  return {
    MemberList: unary(() => ({
      header: header(),
      members: [{ ID: member.memberId, name: 'embedded', clientURLs: [endpoint()] }],
    })),
  };
}

/** etcdserverpb.Auth, switched off for good. */
export function authService(header: () => Header): UntypedServiceImplementation {
  return {
    Authenticate: unary(() => {
      throw refusal('AUTH_NOT_ENABLED');
    }),
    AuthStatus: unary(() => ({ header: header(), enabled: false })),
  };
}
