import type { Clock, Timer } from '../core/clock.js';
import { type Random, randomBelow } from '../core/random.js';
import { refusal } from './etcd-error.js';
import { keyText } from './key-range.js';
import type { EventMessage } from './messages.js';
import type { Store } from './store.js';

/** etcd's own bound, seconds. */
const MAX_TTL = 9_000_000_000;
/** Node runs a timer at once when asked for more than 2^31 - 1 ms. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
/** A timer this late means that the process itself was held up. */
const HELD_UP_MS = 500;

interface Lease {
  readonly id: string;
  /** Seconds granted. */
  readonly ttl: number;
  readonly keys: Set<string>;
  /** On the monotonic clock. */
  deadline: number;
  timer: Timer;
}

export interface LeaseState {
  /** Whole seconds left. */
  readonly remaining: number;
  readonly granted: number;
  readonly keys: readonly string[];
}

/**
 * Leases and the keys they hold. A lease that is not renewed for its TTL goes, and its keys go with
 * it in one revision. Lease ids are decimal text, TTLs are seconds.
 */
export class Leases {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #shortest: number;
  readonly #leases = new Map<string, Lease>();
  readonly #stopListening: () => void;

  /** `shortest` is the least TTL granted; whoever asks for less gets that. */
  constructor(store: Store, clock: Clock, random: Random, shortest: number) {
    this.#store = store;
    this.#clock = clock;
    this.#random = random;
    this.#shortest = shortest;
    this.#stopListening = store.onCommit((events) => this.#follow(events));
  }

  has(id: string): boolean {
    return this.#leases.has(id);
  }

  ids(): string[] {
    return [...this.#leases.keys()];
  }

  /** An id of `0` lets the server choose. Returns the id and the granted TTL, which may be longer than the one asked for. */
  grant(wantedId: string, wantedTtl: number): { id: string; ttl: number } {
    if (wantedTtl > MAX_TTL) throw refusal('LEASE_TTL_TOO_LARGE');
    if (this.#leases.has(wantedId)) throw refusal('LEASE_EXISTS');
    const id = wantedId === '0' ? this.#newId() : wantedId;
    const ttl = Math.max(wantedTtl, this.#shortest);
    const deadline = this.#clock.monotonic() + ttl * 1000;
    const timer = this.#wake(id, ttl * 1000);
    this.#leases.set(id, { id, ttl, keys: new Set(), deadline, timer });
    return { id, ttl };
  }

  /** Starts the TTL anew and returns it; 0 for a lease that does not exist, which is what etcd answers. */
  renew(id: string): number {
    const lease = this.#leases.get(id);
    if (lease === undefined) return 0;
    // The timer stays as it is: when it fires early it is set again for what is left.
    lease.deadline = this.#clock.monotonic() + lease.ttl * 1000;
    return lease.ttl;
  }

  revoke(id: string): void {
    const lease = this.#leases.get(id);
    if (lease === undefined) throw refusal('LEASE_NOT_FOUND');
    lease.timer.cancel();
    this.#leases.delete(id);
    const keys = [...lease.keys].sort();
    this.#store.transact(() => {
      for (const key of keys) this.#store.deleteKey(key);
    });
  }

  state(id: string): LeaseState | undefined {
    const lease = this.#leases.get(id);
    if (lease === undefined) return undefined;
    const left = Math.max(0, lease.deadline - this.#clock.monotonic());
    return { remaining: Math.floor(left / 1000), granted: lease.ttl, keys: [...lease.keys] };
  }

  close(): void {
    this.#stopListening();
    for (const lease of this.#leases.values()) lease.timer.cancel();
    this.#leases.clear();
  }

  /** A key belongs to the lease of its last put. */
  #follow(events: readonly EventMessage[]): void {
    for (const { type, kv, prevKv } of events) {
      const key = keyText(kv.key);
      if (prevKv !== undefined) this.#leases.get(prevKv.lease)?.keys.delete(key);
      if (type === 'Put') this.#leases.get(kv.lease)?.keys.add(key);
    }
  }

  #wake(id: string, afterMs: number): Timer {
    return this.#clock.after(Math.min(afterMs, LONGEST_TIMER_MS), () => this.#due(id));
  }

  #due(id: string): void {
    const lease = this.#leases.get(id);
    if (lease === undefined) return;
    const late = this.#clock.monotonic() - lease.deadline;
    // While this process was stopped or busy it read no renewals, so their absence proves nothing.
    // A new etcd leader gives every lease its full TTL for the same reason.
    if (late > HELD_UP_MS) lease.deadline += late + lease.ttl * 1000;
    const left = lease.deadline - this.#clock.monotonic();
    if (left <= 0) this.revoke(id);
    else lease.timer = this.#wake(id, left);
  }

  /** A positive 63-bit number that is not in use. */
  #newId(): string {
    for (;;) {
      const high = BigInt(randomBelow(this.#random, 2 ** 31));
      const low = BigInt(randomBelow(this.#random, 2 ** 32));
      const id = ((high << 32n) | low).toString();
      if (id !== '0' && !this.#leases.has(id)) return id;
    }
  }
}
