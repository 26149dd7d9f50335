import {
  AuthClient,
  type ILeaseKeepAliveResponse,
  type ITxnRequest,
  type ITxnResponse,
  KVClient,
  LeaseClient,
  MaintenanceClient,
  WatchClient,
} from 'etcd3/lib/rpc.js';
import type { Clock } from '../core/clock.js';
import { EtcdChannel, type EtcdTls } from './channel.js';
import { EtcdError, isRefusal, toEtcdError } from './errors.js';
import { type Authenticate, Token } from './token.js';
import { type WatchCall, type WatchHandlers, watchCall } from './watch-call.js';
import { type Header, type KeyValue, prefixEnd, readHeader, readKeyValue } from './wire.js';

export interface EtcdMemberOptions {
  /** `http://host:port` or `https://host:port`. */
  readonly endpoint: string;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly tls?: EtcdTls | undefined;
  /** Shared by the members of a cluster; one of its own when absent. */
  readonly token?: Token;
  readonly clock: Clock;
}

export interface RangeRequest {
  /** A key, or the first key of a range. */
  readonly key: string | Buffer;
  /** First key after the range; absent means just `key`. */
  readonly end?: Buffer;
  /** Most keys to answer; 0 or absent for all. */
  readonly limit?: number;
  /** Read the store as it was at this revision; absent for now. */
  readonly revision?: bigint;
  readonly keysOnly?: boolean;
  /** Milliseconds; 2,000 when absent. */
  readonly deadlineMs?: number;
}

export interface RangeResult {
  readonly header: Header;
  /** In key order. */
  readonly kvs: readonly KeyValue[];
  /** Where the next page starts; undefined when this was the last. */
  readonly next: Buffer | undefined;
  /** Keys in the whole range, whatever the limit. */
  readonly count: number;
}

export interface LeaseState {
  /** Seconds left; 0 or less when there is no such lease. */
  readonly ttl: number;
  /** Seconds that the server granted, which may be more than was asked for. */
  readonly grantedTtl: number;
  readonly keys: readonly string[];
}

export interface MemberStatus {
  readonly header: Header;
  readonly version: string;
  /** Decimal id; `0` without a leader. */
  readonly leader: string;
}

/**
 * One member of an etcd cluster: a typed, thin surface over one connection.
 *
 * Every call rejects with an EtcdError and nothing else. Unary calls have a deadline of 2 s; a refused
 * token is renewed once. Nothing is retried here otherwise: who calls knows whether that is safe.
 */
export class EtcdMember {
  readonly endpoint: string;
  readonly #channel: EtcdChannel;
  readonly #token: Token | undefined;
  readonly #kv: KVClient;
  readonly #lease: LeaseClient;
  readonly #watch: WatchClient;
  readonly #maintenance: MaintenanceClient;
  readonly #watches = new Set<WatchCall>();

  constructor(options: EtcdMemberOptions) {
    const { endpoint, username, password, tls, clock } = options;
    const authenticate: Authenticate = async (patienceMs) => {
      const answer = await auth.authenticate(
        { name: username ?? '', password: password ?? '' },
        this.#deadline(patienceMs),
      );
      return answer.token;
    };
    this.endpoint = endpoint;
    this.#token = username ? (options.token ?? new Token()) : undefined;
    this.#channel = new EtcdChannel({
      endpoint,
      tls,
      clock,
      token: this.#token,
      authenticate,
    });
    const auth = new AuthClient(this.#channel);
    this.#kv = new KVClient(this.#channel);
    this.#lease = new LeaseClient(this.#channel);
    this.#watch = new WatchClient(this.#channel);
    this.#maintenance = new MaintenanceClient(this.#channel);
  }

  /** Linearizable: answered only with the consent of a majority. */
  async range(request: RangeRequest): Promise<RangeResult> {
    const { key, end, limit, revision, keysOnly, deadlineMs } = request;
    const answer = await this.#kv.range(
      {
        key: Buffer.from(key),
        ...(end && { range_end: end }),
        ...(limit && { limit }),
        ...(revision && { revision: String(revision) }),
        ...(keysOnly && { keys_only: true }),
      },
      this.#deadline(deadlineMs),
    );
    const last = answer.kvs.at(-1);
    return {
      header: readHeader(answer.header),
      kvs: answer.kvs.map(readKeyValue),
      next: answer.more && last ? Buffer.concat([last.key, Buffer.from([0])]) : undefined,
      count: Number(answer.count),
    };
  }

  /** `lease` is a decimal id. */
  async put(key: string, value: string, lease?: string): Promise<Header> {
    const answer = await this.#kv.put({
      key: Buffer.from(key),
      value: Buffer.from(value),
      ...(lease !== undefined && { lease }),
    });
    return readHeader(answer.header);
  }

  /** Deletes `key`, or every key that starts with it; says how many there were. */
  async deleteRange(key: string, options: { readonly prefix?: boolean } = {}): Promise<number> {
    const answer = await this.#kv.deleteRange({
      key: Buffer.from(key),
      ...(options.prefix && { range_end: prefixEnd(key) }),
    });
    return Number(answer.deleted);
  }

  txn(request: ITxnRequest): Promise<ITxnResponse> {
    return this.#kv.txn(request);
  }

  /** Discards the history before `revision`. */
  async compact(revision: bigint): Promise<void> {
    await this.#kv.compact({ revision: String(revision), physical: true });
  }

  /** Seconds in, granted seconds out: the server raises a TTL below 1.5 times its election timeout. */
  async leaseGrant(ttlSeconds: number): Promise<{ readonly id: string; readonly ttl: number }> {
    const answer = await this.#lease.leaseGrant({ TTL: ttlSeconds });
    if (answer.error !== '') throw new EtcdError('other', answer.error);
    return { id: answer.ID, ttl: Number(answer.TTL) };
  }

  /** Deletes the lease with its keys. Rejects with `not-found` when it is gone already. */
  async leaseRevoke(id: string): Promise<void> {
    await this.#lease.leaseRevoke({ ID: id });
  }

  async leaseTimeToLive(id: string): Promise<LeaseState> {
    const answer = await this.#lease.leaseTimeToLive({ ID: id, keys: true });
    return {
      ttl: Number(answer.TTL),
      grantedTtl: Number(answer.grantedTTL),
      keys: answer.keys.map((key) => key.toString()),
    };
  }

  /**
   * Renews a lease once, over a stream of its own. Resolves to the seconds it now has.
   * Rejects with `not-found` when the lease is gone and with `deadline` when the member is silent.
   */
  async leaseKeepAliveOnce(id: string, timeoutMs = 1_000): Promise<number> {
    const stream = await this.#lease.leaseKeepAlive(this.#deadline(timeoutMs)).catch(rethrow);
    const answer = await new Promise<ILeaseKeepAliveResponse>((resolve, reject) => {
      stream.on('data', resolve);
      stream.on('error', (error) => reject(toEtcdError(error)));
      stream.on('end', () => reject(new EtcdError('unavailable', 'the member ended the keep-alive stream')));
      stream.write({ ID: id });
    });
    stream.end();
    const ttl = Number(answer.TTL);
    // A lease that is gone is not an error on this stream: its TTL is 0.
    if (ttl <= 0) throw new EtcdError('not-found', 'requested lease not found');
    return ttl;
  }

  async status(): Promise<MemberStatus> {
    const answer = await this.#maintenance.status();
    return { header: readHeader(answer.header), version: answer.version, leader: answer.leader };
  }

  /** Opens a watch stream with nothing watched on it yet. */
  async openWatch(handlers: WatchHandlers): Promise<WatchCall> {
    const stream = await this.#watch.watch().catch(rethrow);
    const sent = this.#token?.current;
    // A stream cannot be given another token: whoever opens the next one must not send this again.
    const doubt = (error: EtcdError | undefined): void => {
      if (sent !== undefined && error !== undefined && isRefusal(error)) this.#token?.forget(sent);
    };
    const doubting: WatchHandlers = {
      message: (message) => {
        doubt(message.refused);
        handlers.message(message);
      },
      end: (error) => {
        doubt(error);
        handlers.end(error);
      },
    };
    const call = watchCall(stream, doubting, (ended) => this.#watches.delete(ended));
    this.#watches.add(call);
    return call;
  }

  /** Ends every watch and the connection. Idempotent. */
  close(): void {
    for (const call of [...this.#watches]) call.cancel();
    this.#channel.close();
  }

  #deadline(ms: number | undefined): { deadline: Date } | undefined {
    return ms === undefined ? undefined : { deadline: this.#channel.deadline(ms) };
  }
}

function rethrow(error: unknown): never {
  throw toEtcdError(error);
}
