import type { Clock } from '../core/clock.js';
import { type Random, randomBelow } from '../core/random.js';
import type { EtcdTls } from './channel.js';
import { type EtcdError, isMemberFault, toEtcdError } from './errors.js';
import { EtcdMember } from './member.js';
import { Token } from './token.js';

export interface EtcdMembersOptions {
  /** `http://host:port` or `https://host:port`, at least one. */
  readonly endpoints: readonly string[];
  /** Empty or absent: no authentication. */
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly tls?: EtcdTls | undefined;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * Which member of the cluster to talk to: the current one until it fails, then the next. It starts at
 * a random one, so that a fleet spreads itself, and never reorders: with one member down, every other
 * is tried before that one is tried again.
 */
export class EtcdMembers {
  readonly #options: EtcdMembersOptions;
  /** Outlives each connection: leaving a member is no reason to authenticate again. */
  readonly #token = new Token();
  #at: number;
  #current: EtcdMember | undefined;
  #closed = false;

  constructor(options: EtcdMembersOptions) {
    this.#options = options;
    this.#at = randomBelow(options.random, options.endpoints.length);
  }

  get size(): number {
    return this.#options.endpoints.length;
  }

  /** The member in use; connects when first called. */
  current(): EtcdMember {
    this.#current ??= this.#make();
    return this.#current;
  }

  /**
   * Leaves `failed` for the next member, on a new connection even when there is only one: a connection
   * whose other end vanished without a word looks open for minutes. Does nothing when `failed` has been
   * left already, so that calls that fail together move on once.
   */
  leave(failed: EtcdMember): void {
    if (failed !== this.#current) return;
    this.#current = undefined;
    this.#at = (this.#at + 1) % this.size;
    failed.close();
  }

  /**
   * Runs a call on the current member and, when the member is at fault, on each other one in turn.
   * `call` may thus run more than once: only for calls that may be repeated.
   */
  async call<T>(call: (member: EtcdMember) => Promise<T>): Promise<T> {
    let failure: EtcdError | undefined;
    for (let tries = 0; tries < this.size; tries++) {
      const member = this.current();
      try {
        return await call(member);
      } catch (error) {
        failure = toEtcdError(error);
        // `closed`: somebody else left this member while the call was under way.
        if (this.#closed || !(isMemberFault(failure) || failure.fault === 'closed')) throw failure;
        this.leave(member);
      }
    }
    throw failure;
  }

  /** Idempotent. A member made afterwards is closed from the start. */
  close(): void {
    this.#closed = true;
    this.#current?.close();
  }

  #make(): EtcdMember {
    const { endpoints, username, password, tls, clock } = this.#options;
    const endpoint = endpoints[this.#at] ?? '';
    const member = new EtcdMember({ endpoint, username, password, tls, token: this.#token, clock });
    if (this.#closed) member.close();
    return member;
  }
}
