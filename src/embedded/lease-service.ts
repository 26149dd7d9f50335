import type { ServerDuplexStream, UntypedServiceImplementation } from '@grpc/grpc-js';
import type { Leases } from './lease.js';
import type { Header } from './messages.js';
import { unary } from './unary.js';

interface LeaseId {
  readonly ID: string;
}

interface KeepAliveResponse extends LeaseId {
  readonly header: Header;
  readonly TTL: number;
}

/** etcdserverpb.Lease. */
export function leaseService(leases: Leases, header: () => Header): UntypedServiceImplementation {
  return {
    LeaseGrant: unary((request: LeaseId & { TTL: string }) => {
      const { id, ttl } = leases.grant(request.ID, Number(request.TTL));
      return { header: header(), ID: id, TTL: ttl };
    }),
    LeaseRevoke: unary(({ ID }: LeaseId) => {
      leases.revoke(ID);
      return { header: header() };
    }),
    LeaseTimeToLive: unary((request: LeaseId & { keys: boolean }) => {
      const state = leases.state(request.ID);
      if (state === undefined) return { header: header(), ID: request.ID, TTL: -1 };
      const keys = request.keys ? state.keys.map((key) => Buffer.from(key, 'latin1')) : [];
      return { header: header(), ID: request.ID, TTL: state.remaining, grantedTTL: state.granted, keys };
    }),
    LeaseLeases: unary(() => ({ header: header(), leases: leases.ids().map((ID) => ({ ID })) })),
    LeaseKeepAlive: (call: ServerDuplexStream<LeaseId, KeepAliveResponse>) => {
      call.on('data', ({ ID }: LeaseId) => {
        // The header is made first: a client must not believe a renewal newer than the lease's end.
        const answer = { header: header(), ID, TTL: leases.renew(ID) };
        if (!call.write(answer)) call.pause();
      });
      call.on('drain', () => call.resume());
      call.on('end', () => call.end());
      // A client that goes away ends its stream with an error, which is no fault of anyone here.
      call.on('error', () => call.end());
    },
  };
}
