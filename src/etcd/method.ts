import { ProtobufReader } from './protobuf-reader.js';
import { ProtobufWriter } from './protobuf-writer.js';
import { type Header, once, present, readHeader } from './wire.js';

/** A method of etcd's API: how its requests are written and its answers read. */
export interface Method<Request, Answer> {
  readonly path: string;
  /** The method that tokens are got with, which none can be sent to. */
  readonly withoutToken?: true;
  readonly write: (request: Request) => Buffer;
  /** Throws when they are not such an answer; the call, or the stream, then fails with fault `malformed`. */
  readonly read: (bytes: Buffer) => Answer;
}

export interface LeaseState {
  /** Seconds left; 0 or less when there is no such lease. */
  readonly ttl: number;
  /** Seconds that the server granted, which may be more than was asked for. */
  readonly grantedTtl: number;
  readonly keys: readonly string[];
}

/** Name and password for a token. */
export const authenticate: Method<{ readonly name: string; readonly password: string }, string> = {
  path: '/etcdserverpb.Auth/Authenticate',
  withoutToken: true,
  write: ({ name, password }) => new ProtobufWriter().bytes(1, name).bytes(2, password).finish(),
  read: (bytes) => {
    let token: string | undefined;
    const reader = new ProtobufReader(bytes);
    while (reader.next()) {
      if (reader.field === 2) token = reader.text();
      else reader.skip();
    }
    return present(token, reader, 'token');
  },
};

/** A lease's decimal id for its state. */
export const leaseTimeToLive: Method<string, LeaseState> = {
  path: '/etcdserverpb.Lease/LeaseTimeToLive',
  write: (id) => new ProtobufWriter().integer(1, BigInt(id)).bool(2, true).finish(),
  read: (bytes) => {
    let header: Header | undefined;
    let [ttl, grantedTtl] = [0n, 0n];
    const keys: string[] = [];
    const reader = new ProtobufReader(bytes);
    while (reader.next()) {
      if (reader.field === 1) header = once(header, reader, readHeader);
      else if (reader.field === 3) ttl = reader.int64();
      else if (reader.field === 4) grantedTtl = reader.int64();
      else if (reader.field === 5) keys.push(reader.text());
      else reader.skip();
    }
    // An empty answer would say that the lease is gone.
    present(header, reader, 'header');
    return { ttl: Number(ttl), grantedTtl: Number(grantedTtl), keys };
  },
};
