import type { Clock, Timer } from '../core/clock.js';
import { isStale, type Outcome } from '../core/outcome.js';
import { jittered, type Random } from '../core/random.js';
import type { EjectionPolicy } from '../core/route.js';

export type EjectionReason = 'refused' | 'consecutive-failures' | 'success-rate';

/** Told when an endpoint is taken out, and when it may come back. */
export interface OutlierListener {
  onEjected(address: string, reason: EjectionReason, forMs: number): void;
  onReturned(address: string): void;
}

interface Member {
  consecutiveFailures: number;
  /** Within the current window. */
  succeeded: number;
  failed: number;
  /** How often it was taken out lately; each time lasts longer. */
  ejections: number;
  ejected: { readonly reason: EjectionReason; readonly timer: Timer } | undefined;
  returnedAt: number;
}

const WINDOW_MS = 10_000;
/** Fewer requests than this in a window say nothing about a rate. */
const MIN_VOLUME = 20;
const MAX_EJECTION_MS = 300_000;
const JITTER = 0.1;

/** Answers that say the endpoint cannot serve, rather than that the request was bad. */
const GATEWAY_STATUSES = new Set([502, 503, 504]);

/**
 * Takes endpoints of one service out by how their attempts end (Envoy's outlier detection, gRFC
 * A50): at once when a connection cannot be made, after a run of failures, or when an endpoint
 * fails far more than the others. Never more than a share of them, and never the last one.
 */
export class OutlierDetector {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #listener: OutlierListener;
  /** Undefined while there is nothing to know of an endpoint, as of most of thousands. */
  readonly #members = new Map<string, Member | undefined>();
  #policy: EjectionPolicy;
  #windowEndsAt: number;
  /** How many are ejected. */
  #out = 0;

  constructor(policy: EjectionPolicy, clock: Clock, random: Random, listener: OutlierListener) {
    this.#policy = policy;
    this.#clock = clock;
    this.#random = random;
    this.#listener = listener;
    this.#windowEndsAt = clock.monotonic() + WINDOW_MS;
  }

  /** Takes a newer policy. Turned off, every endpoint comes back. */
  setPolicy(policy: EjectionPolicy): void {
    this.#policy = policy;
    if (!policy.enabled) for (const address of this.#members.keys()) this.release(address);
  }

  join(address: string): void {
    if (!this.#members.has(address)) this.#members.set(address, undefined);
  }

  leave(address: string): void {
    const member = this.#members.get(address);
    if (member !== undefined) this.#endEjection(member);
    this.#members.delete(address);
  }

  /** Why an endpoint is out; undefined when it is in. */
  reasonOf(address: string): EjectionReason | undefined {
    return this.#members.get(address)?.ejected?.reason;
  }

  /** Lets an endpoint in before its time, because it has been seen to work. */
  release(address: string): void {
    const member = this.#members.get(address);
    if (member?.ejected === undefined) return;
    this.#endEjection(member);
    member.consecutiveFailures = 0;
    member.returnedAt = this.#clock.monotonic();
    this.#listener.onReturned(address);
  }

  observe(address: string, outcome: Outcome): void {
    if (!this.#policy.enabled || saysNothing(outcome)) return;
    const member = this.#members.get(address) ?? this.#begin(address);
    if (member === undefined) return;
    if (isFailure(outcome)) this.#observeFailure(address, member, outcome);
    else this.#observeSuccess(member, outcome);
    if (this.#clock.monotonic() >= this.#windowEndsAt) this.#closeWindow();
  }

  #begin(address: string): Member | undefined {
    if (!this.#members.has(address)) return undefined;
    const member = newMember();
    this.#members.set(address, member);
    return member;
  }

  #observeSuccess(member: Member, outcome: Outcome): void {
    if (outcome.class === 'server-error') member.failed += 1;
    else member.succeeded += 1;
    member.consecutiveFailures = 0;
    const calmMs = this.#clock.monotonic() - member.returnedAt;
    if (member.ejections > 0 && calmMs > this.#policy.baseTime * member.ejections) member.ejections -= 1;
  }

  #observeFailure(address: string, member: Member, outcome: Outcome): void {
    member.failed += 1;
    member.consecutiveFailures += 1;
    if (outcome.class === 'connect-failed') this.#eject(address, member, 'refused');
    else if (member.consecutiveFailures >= this.#policy.consecutiveFailures) {
      this.#eject(address, member, 'consecutive-failures');
    }
  }

  /** Compares each endpoint's share of successes with that of the others together. */
  #closeWindow(): void {
    this.#windowEndsAt = this.#clock.monotonic() + WINDOW_MS;
    const members = this.#observed();
    const succeeded = members.reduce((sum, [, member]) => sum + member.succeeded, 0);
    const seen = members.reduce((sum, [, member]) => sum + member.succeeded + member.failed, 0);
    for (const [address, member] of members) {
      const own = member.succeeded + member.failed;
      const others = seen - own;
      if (own >= MIN_VOLUME && others >= MIN_VOLUME) {
        const gap = (succeeded - member.succeeded) / others - member.succeeded / own;
        if (gap >= this.#policy.successRateGap) this.#eject(address, member, 'success-rate');
      }
    }
    for (const [, member] of members) {
      member.succeeded = 0;
      member.failed = 0;
    }
  }

  #observed(): readonly (readonly [address: string, member: Member])[] {
    return [...this.#members].flatMap(([address, member]) =>
      member === undefined ? [] : [[address, member]],
    );
  }

  #eject(address: string, member: Member, reason: EjectionReason): void {
    if (member.ejected !== undefined || !this.#mayEjectOneMore()) return;
    member.ejections += 1;
    const forMs = Math.min(
      MAX_EJECTION_MS,
      jittered(this.#random, this.#policy.baseTime * member.ejections, JITTER),
    );
    const timer = this.#clock.after(forMs, () => this.release(address));
    member.ejected = { reason, timer };
    this.#out += 1;
    this.#listener.onEjected(address, reason, forMs);
  }

  #endEjection(member: Member): void {
    if (member.ejected === undefined) return;
    member.ejected.timer.cancel();
    member.ejected = undefined;
    this.#out -= 1;
  }

  #mayEjectOneMore(): boolean {
    const total = this.#members.size;
    const out = this.#out;
    return out + 1 < total && out + 1 <= Math.max(1, Math.floor(total * this.#policy.maxShare));
  }

  /** Cancels every timer. */
  close(): void {
    for (const address of [...this.#members.keys()]) this.leave(address);
  }
}

function newMember(): Member {
  return { consecutiveFailures: 0, succeeded: 0, failed: 0, ejections: 0, ejected: undefined, returnedAt: 0 };
}

/**
 * The client left, or a connection broke that had been idle. Endpoints close those as they please; one
 * that restarts closes all of them at once. The attempt that follows on a fresh one tells.
 */
function saysNothing(outcome: Outcome): boolean {
  return outcome.class === 'abandoned' || isStale(outcome);
}

function isFailure(outcome: Outcome): boolean {
  return outcome.class === 'server-error' ? GATEWAY_STATUSES.has(outcome.status) : outcome.class !== 'ok';
}
