import { EventEmitter } from 'node:events';
import { type Clock, systemClock } from '../core/clock.js';
import { systemRandom } from '../core/random.js';
import type { RegistrationValue } from '../core/registration.js';
import { type HealthCheck, httpCheck } from './health-checks.js';
import { HealthGate } from './health-gate.js';
import { keep } from './keep.js';
import type { KeptRegistration, KeptRegistrationListener } from './kept-registration.js';
import type { GrantedLease } from './lease-registry.js';
import { planRegistration, type RegisterOptions, type RegistrationPlan } from './options.js';

export type { ConsulRegistryOptions, RegisterOptions, RegistryOptions } from './options.js';

export interface Registered {
  readonly key: string;
  /** Decimal; empty with Consul, which has none. */
  readonly leaseId: string;
  /** Seconds, as granted; of the TTL check, with Consul. */
  readonly ttl: number;
}

export interface RegistrationEvents {
  /** The registry lists us: the first time, and again after each loss. */
  registered: [Registered];
  /** The registry stopped listing us though it should; we are being registered again. */
  lost: [{ readonly reason: string }];
  /** The health check fails; the registration was taken back. */
  withdrawn: [];
  /** The health check passes again; `registered` follows. */
  restored: [];
  /** A call to the registry failed; it is being repeated. */
  fault: [Error];
  /** The registration is gone, or its lease will have ended by itself; nothing follows. */
  closed: [];
}

/**
 * One registration of this process, kept alive until it is closed. No event must be listened to.
 * Its timers do not keep the process running.
 */
export class Registration extends EventEmitter<RegistrationEvents> {
  readonly key: string;
  /** `host:port` as registered. */
  readonly address: string;
  readonly #plan: RegistrationPlan;
  readonly #kept: KeptRegistration;
  readonly #gate: HealthGate | undefined;
  #health: 'unknown' | 'passing' | 'failing';
  #draining = false;
  #closing: Promise<void> | undefined;

  /** Use `register`. */
  constructor(options: RegisterOptions) {
    super();
    this.#plan = planRegistration(options);
    const clock = options.clock ?? systemClock;
    this.key = this.#plan.key;
    this.address = this.#plan.address.text;
    this.#gate = this.#gateFor(options.health, clock);
    this.#health = this.#gate === undefined ? 'passing' : 'unknown';
    this.#kept = keep(this.#plan, {
      clock,
      random: options.random ?? systemRandom,
      listener: this.#listener(),
    });
    this.#gate?.start();
    this.#publish();
  }

  /** The lease in use; undefined while there is none. With Consul its id is empty. */
  get lease(): { readonly id: string; readonly ttl: number } | undefined {
    const { lease } = this.#kept;
    return lease && { id: lease.id, ttl: lease.ttlSeconds };
  }

  /** Whether the health check passes, as far as is known; true when there is none. */
  get healthy(): boolean {
    return this.#health === 'passing';
  }

  /**
   * Marks the registration as draining: gateways send nothing new, what is in flight finishes. The lease
   * is kept. Resolves once the registry says so, or on `close`. There is no way back.
   */
  async drain(): Promise<void> {
    this.#draining = true;
    if (this.#health === 'passing') await this.#kept.want(this.#value());
  }

  /**
   * Leaves the registry: marked as draining, key deleted, lease revoked. Takes at most as long as the
   * lease; after that the registry has ended it. Idempotent; never rejects.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.all([this.#gate?.close(), this.#kept.close()]);
    this.#announce(() => this.emit('closed'));
  }

  #gateFor(health: RegisterOptions['health'], clock: Clock): HealthGate | undefined {
    if (health === undefined) return undefined;
    const check: HealthCheck = typeof health === 'string' ? httpCheck(this.#plan.address, health) : health;
    return new HealthGate({ check, clock, onChange: (passing) => this.#onHealth(passing) });
  }

  #listener(): KeptRegistrationListener {
    return {
      held: (lease) => this.#onHeld(lease),
      lost: (reason) => this.#announce(() => this.emit('lost', { reason })),
      fault: (error) => this.#announce(() => this.emit('fault', error)),
    };
  }

  #onHeld(lease: GrantedLease): void {
    const registered = { key: this.key, leaseId: lease.id, ttl: lease.ttlSeconds };
    this.#announce(() => this.emit('registered', registered));
  }

  #onHealth(passing: boolean): void {
    const before = this.#health;
    this.#health = passing ? 'passing' : 'failing';
    if (!passing) this.#announce(() => this.emit('withdrawn'));
    else if (before === 'failing') this.#announce(() => this.emit('restored'));
    this.#publish();
  }

  #publish(): void {
    void this.#kept.want(this.#health === 'passing' ? this.#value() : undefined);
  }

  #value(): RegistrationValue {
    return { ...this.#plan.value, ...(this.#draining && { draining: true }) };
  }

  /** On a turn of its own: a listener that throws must not break the loop that renews the lease. */
  #announce(emit: () => void): void {
    queueMicrotask(emit);
  }
}

/**
 * Registers this process and keeps it registered: a lost lease is granted and put again, and a service that
 * Consul forgot is registered again, through another member if needed, for as long as the process lives. Returns at once, whether the
 * registry can be reached or not. Throws a WatchgateError naming the option when one is wrong or unknown.
 *
 * ```js
 * const registration = register({ registry: 'etcd://10.0.0.2:2379', service: 'goods', address: 8080 });
 * process.once('SIGTERM', () => registration.close());
 * ```
 */
export function register(options: RegisterOptions): Registration {
  return new Registration(options);
}
