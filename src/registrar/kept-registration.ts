import type { RegistrationValue } from '../core/registration.js';
import type { GrantedLease } from './lease-registry.js';

/** One registration that is kept in a registry, whatever happens to that registry. */
export interface KeptRegistration {
  /** What it lives under; undefined while it does not. */
  readonly lease: GrantedLease | undefined;
  /**
   * Sets what the registry shall say; undefined withdraws it. Resolves once the registry says so, something
   * else is wanted, or this is closed.
   */
  want(value: RegistrationValue | undefined): Promise<void>;
  /** Leaves, in at most the time that the lease lasts. Idempotent; never rejects. */
  close(): Promise<void>;
}

/** Called synchronously; must not throw. */
export interface KeptRegistrationListener {
  /** The registry lists us, under this lease. Its id is empty where there is none. */
  held(lease: GrantedLease): void;
  /** The registry does not list us, though it should; we are being registered again. */
  lost(reason: string): void;
  /** A call failed, and will be repeated. */
  fault(error: Error): void;
}
