import { Backoff } from '../core/backoff.js';
import { type Clock, delay } from '../core/clock.js';
import type { Random } from '../core/random.js';
import { type EtcdError, toEtcdError } from '../etcd/errors.js';
import type { GrantedLease, LeaseRegistry } from './lease-registry.js';

export interface LeasedKeyOptions {
  readonly registry: LeaseRegistry;
  readonly key: string;
  /** Asked for; the server may grant more. */
  readonly ttlSeconds: number;
  /** Put just before the key is deleted, so that watchers believe the deletion at once. */
  readonly farewell: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly listener: LeasedKeyListener;
}

/** Called synchronously; must not throw. */
export interface LeasedKeyListener {
  /** The key is there, under a lease of ours. */
  held(lease: GrantedLease): void;
  /** The key is not, though it should be; it is being put again. */
  lost(reason: string): void;
  /** A call failed, and will be repeated. */
  fault(error: EtcdError): void;
}

interface Held {
  readonly lease: GrantedLease;
  /** What the key holds, as far as we know; undefined when it is not ours at the moment. */
  value: string | undefined;
  /** When the key was last seen to be as it should, on the monotonic clock. */
  seenAt: number;
}

const MIN_BACKOFF_MS = 50;
const MAX_BACKOFF_MS = 2_000;
const RENEW_DEADLINE_MS = 1_000;

/**
 * Keeps one key in the registry under a lease, for as long as it lives.
 *
 * A single loop makes every call, so no two of them can cross: each round compares what is wanted with
 * what is held, makes one step towards it, and rests. A failed step is repeated after a back-off of at
 * most a third of the lease and of 2 s; nothing is ever given up.
 */
export class LeasedKey {
  readonly #options: LeasedKeyOptions;
  readonly #backoff: Backoff;
  #wanted: string | undefined;
  #held: Held | undefined;
  /** Another lease holds the key. It is taken again only when it becomes free. */
  #displaced = false;
  #closing: Promise<void> | undefined;
  #abandoned = false;
  /** Aborted to end a rest early; a new one for each round. */
  #rest = new AbortController();
  readonly #settled: (() => void)[] = [];
  readonly #loop: Promise<void>;

  constructor(options: LeasedKeyOptions) {
    this.#options = options;
    // The server never grants less than was asked for.
    const maxMs = Math.min(MAX_BACKOFF_MS, (options.ttlSeconds * 1_000) / 3);
    this.#backoff = new Backoff({ minMs: MIN_BACKOFF_MS, maxMs }, options.random);
    this.#loop = this.#run();
  }

  /** The lease in use. */
  get lease(): GrantedLease | undefined {
    return this.#held?.lease;
  }

  /**
   * Sets what the key shall hold; undefined withdraws it. Resolves once the registry holds it,
   * something else is wanted, or this is closed.
   */
  want(value: string | undefined): Promise<void> {
    if (this.#closing !== undefined) return this.#closing;
    this.#wanted = value;
    this.#rest.abort();
    this.#settle();
    return new Promise((resolve) => this.#settled.push(resolve));
  }

  /**
   * Leaves: puts the farewell, deletes the key, revokes the lease. Takes at most as long as the lease
   * lasts, since after that the registry has ended it by itself. Never rejects.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { clock, registry, ttlSeconds } = this.#options;
    const seconds = this.#held?.lease.ttlSeconds ?? ttlSeconds;
    const limit = new AbortController();
    this.#wanted = undefined;
    this.#rest.abort();
    await Promise.race([this.#loop, delay(clock, seconds * 1_000, limit.signal)]);
    limit.abort();
    this.#abandoned = true;
    this.#rest.abort();
    registry.close();
    this.#settle();
  }

  async #run(): Promise<void> {
    while (!this.#over) {
      this.#rest = new AbortController();
      await this.#sleep(await this.#round());
    }
  }

  get #over(): boolean {
    return this.#abandoned || (this.#closing !== undefined && this.#held === undefined);
  }

  /** Makes one step; answers how long to rest, in milliseconds. */
  async #round(): Promise<number> {
    const wanted = this.#wanted;
    try {
      await (wanted === undefined ? this.#leave() : this.#stay(wanted));
      this.#backoff.reset();
      if (wanted === this.#wanted && this.#closing === undefined) this.#settle();
      return this.#held === undefined ? Number.POSITIVE_INFINITY : thirdOf(this.#held.lease);
    } catch (thrown) {
      const error = toEtcdError(thrown);
      if (error.fault === 'not-found') return this.#lose('the lease expired or was revoked');
      if (!this.#abandoned) this.#options.listener.fault(error);
      return this.#backoff.next();
    }
  }

  async #stay(wanted: string): Promise<void> {
    if (this.#held === undefined) return this.#take(wanted);
    // First, so that a silent member is left before a slower call meets it.
    await this.#renew(this.#held);
    if (!this.#displaced && this.#held.value !== wanted) await this.#put(this.#held, wanted);
    else await this.#verify(this.#held, wanted);
  }

  async #take(wanted: string): Promise<void> {
    const { registry, clock, ttlSeconds } = this.#options;
    const lease = await registry.grant(ttlSeconds);
    this.#held = { lease, value: undefined, seenAt: clock.monotonic() };
    if (this.#wanted !== wanted) return;
    if (this.#displaced) await this.#verify(this.#held, wanted, true);
    else await this.#put(this.#held, wanted);
  }

  async #put(held: Held, wanted: string): Promise<void> {
    const { registry, key, clock, listener } = this.#options;
    const isNew = held.value === undefined;
    // The first put takes the key from a predecessor; a change must not take it from a successor.
    if (isNew) await registry.put(key, wanted, held.lease.id);
    else if (!(await registry.replace(key, wanted, held.lease.id))) return this.#verify(held, wanted, true);
    held.value = wanted;
    held.seenAt = clock.monotonic();
    this.#displaced = false;
    if (isNew) listener.held(held.lease);
  }

  async #renew(held: Held): Promise<void> {
    await this.#options.registry.renew(held.lease.id, callDeadline(held.lease));
  }

  /**
   * A lease can outlive its key: somebody may delete it, or put it under another lease. Once per lease
   * time the key is read back. Gone or changed, it is put again; taken by another process, it is left
   * to that one until it is free, or the two would take it from each other for ever.
   */
  async #verify(held: Held, wanted: string, now = false): Promise<void> {
    const { registry, key, clock } = this.#options;
    if (!now && clock.monotonic() - held.seenAt < held.lease.ttlSeconds * 1_000) return;
    const holder = await registry.holder(key, callDeadline(held.lease));
    held.seenAt = clock.monotonic();
    if (holder === undefined) {
      this.#miss(held, 'the key was deleted by somebody else');
      return this.#put(held, wanted);
    }
    if (holder.lease !== held.lease.id) {
      this.#miss(held, 'the key was taken by another process');
      this.#displaced = true;
    } else if (holder.value !== wanted) {
      held.value = holder.value;
      await this.#put(held, wanted);
    }
  }

  #miss(held: Held, reason: string): void {
    if (held.value !== undefined) this.#options.listener.lost(reason);
    held.value = undefined;
  }

  /** Each call may be repeated, so a leave that fails half way starts again. */
  async #leave(): Promise<void> {
    if (this.#held === undefined) return;
    const { registry, key, farewell } = this.#options;
    const held = this.#held;
    if (held.value !== undefined) {
      if (held.value !== farewell) await registry.replace(key, farewell, held.lease.id);
      held.value = farewell;
      await registry.remove(key, held.lease.id);
      held.value = undefined;
    }
    await registry.revoke(held.lease.id);
    this.#held = undefined;
  }

  /** The lease is gone, and its keys with it. */
  #lose(reason: string): number {
    const published = this.#held?.value !== undefined;
    this.#held = undefined;
    if (this.#wanted === undefined) return 0;
    if (published) this.#options.listener.lost(reason);
    // The first time at once; a registry that grants leases and then denies them must not be hammered.
    return published ? 0 : this.#backoff.next();
  }

  async #sleep(ms: number): Promise<void> {
    const { signal } = this.#rest;
    if (signal.aborted || this.#over || ms === 0) return;
    if (Number.isFinite(ms)) return delay(this.#options.clock, ms, signal);
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  }

  #settle(): void {
    for (const resolve of this.#settled.splice(0)) resolve();
  }
}

/** Milliseconds between renewals. */
function thirdOf(lease: GrantedLease): number {
  return (lease.ttlSeconds * 1_000) / 3;
}

/** How long a member may be silent: on a short lease, time is left to ask another. */
function callDeadline(lease: GrantedLease): number {
  return Math.min(RENEW_DEADLINE_MS, thirdOf(lease));
}
