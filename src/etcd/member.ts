import type { ILeaseKeepAliveResponse, ITxnRequest, ITxnResponse } from 'etcd3';
import type { Clock } from '../core/clock.js';
import { EtcdChannel, type EtcdTls } from './channel.js';
import { EtcdError, isRefusal, toEtcdError } from './errors.js';
import { authenticate, type LeaseState, leaseTimeToLive, type Method } from './method.js';
import type { OtherMethods } from './other-methods.js';
import { type RangeRequest, type RangeResult, range } from './range.js';
import { Token } from './token.js';
import { watch } from './watch.js';
import { type WatchCall, type WatchHandlers, watchCall } from './watch-call.js';
import { type Header, headerFrom, prefixEnd } from './wire.js';

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
  readonly #watches = new Set<WatchCall>();

  constructor(options: EtcdMemberOptions) {
    const { endpoint, username, password, tls, clock } = options;
    this.endpoint = endpoint;
    this.#token = username ? (options.token ?? new Token()) : undefined;
    this.#channel = new EtcdChannel({
      endpoint,
      tls,
      clock,
      token: this.#token,
      authenticate: (patienceMs) =>
        this.#channel.call(authenticate, { name: username ?? '', password: password ?? '' }, patienceMs),
    });
  }

  /** Linearizable. `deadlineMs`: 2,000 when absent. */
  range(request: RangeRequest & { readonly deadlineMs?: number }): Promise<RangeResult> {
    return this.#channel.call(range, request, request.deadlineMs);
  }

  /** `lease` is a decimal id. */
  async put(key: string, value: string, lease?: string): Promise<Header> {
    const answer = await this.#other('KV/Put', {
      key: Buffer.from(key),
      value: Buffer.from(value),
      ...(lease !== undefined && { lease }),
    });
    return headerFrom(answer.header);
  }

  /** Deletes `key`, or every key that starts with it; says how many there were. */
  async deleteRange(key: string, options: { readonly prefix?: boolean } = {}): Promise<number> {
    const answer = await this.#other('KV/DeleteRange', {
      key: Buffer.from(key),
      ...(options.prefix && { range_end: prefixEnd(key) }),
    });
    return Number(answer.deleted);
  }

  txn(request: ITxnRequest): Promise<ITxnResponse> {
    return this.#other('KV/Txn', request);
  }

  /** Discards the history before `revision`. */
  async compact(revision: bigint): Promise<void> {
    await this.#other('KV/Compact', { revision: String(revision), physical: true });
  }

  /** Seconds in, granted seconds out: the server raises a TTL below 1.5 times its election timeout. */
  async leaseGrant(ttlSeconds: number): Promise<{ readonly id: string; readonly ttl: number }> {
    const answer = await this.#other('Lease/LeaseGrant', { TTL: ttlSeconds });
    if (answer.error !== '') throw new EtcdError('other', answer.error);
    return { id: answer.ID, ttl: Number(answer.TTL) };
  }

  /** Deletes the lease with its keys. Rejects with `not-found` when it is gone already. */
  async leaseRevoke(id: string): Promise<void> {
    await this.#other('Lease/LeaseRevoke', { ID: id });
  }

  leaseTimeToLive(id: string): Promise<LeaseState> {
    return this.#channel.call(leaseTimeToLive, id);
  }

  /**
   * Renews a lease once, over a stream of its own. Resolves to the seconds it now has.
   * Rejects with `not-found` when the lease is gone and with `deadline` when the member is silent.
   */
  async leaseKeepAliveOnce(id: string, timeoutMs = 1_000): Promise<number> {
    const stream = await this.#channel.open(await loaded('Lease/LeaseKeepAlive'), timeoutMs);
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
    const answer = await this.#other('Maintenance/Status', {});
    return { header: headerFrom(answer.header), version: answer.version, leader: answer.leader };
  }

  /** Opens a watch stream with nothing watched on it yet. */
  async openWatch(handlers: WatchHandlers): Promise<WatchCall> {
    const stream = await this.#channel.open(watch);
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

  async #other<Name extends keyof OtherMethods>(
    name: Name,
    request: OtherMethods[Name][0],
  ): Promise<OtherMethods[Name][1]> {
    return this.#channel.call(await loaded(name), request);
  }
}

async function loaded<Name extends keyof OtherMethods>(
  name: Name,
): Promise<Method<OtherMethods[Name][0], OtherMethods[Name][1]>> {
  try {
    const { otherMethod } = await import('./other-methods.js');
    return otherMethod(name);
  } catch (error) {
    throw toEtcdError(error);
  }
}
