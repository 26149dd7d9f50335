import { type Cause, causeRule } from '../core/causes.js';
import { isIdempotent, isStale, type Outcome } from '../core/outcome.js';

/** What a retry decision is made of; nothing here is a socket. */
export interface RetryFacts {
  readonly method: string;
  /** Whether the request body can be sent again from its start: none, or all of it kept so far. */
  readonly bodyReplayable: boolean;
  /** Attempts made, the failed one included. */
  readonly attempts: number;
  readonly maxAttempts: number;
  /** Earlier resets on reused connections in this request. */
  readonly staleResets: number;
  /** Statuses of complete responses for which the route wants another try. */
  readonly retryOn: readonly number[];
  /** Milliseconds of the total timeout that are left. */
  readonly remainingMs: number;
}

export type RetryDecision =
  | { readonly retry: false }
  | {
      readonly retry: true;
      readonly reason: Cause | 'status';
      /** The endpoint is not to blame: the connection was stale. It may be tried again on a fresh one. */
      readonly sameEndpoint: boolean;
    };

const NO: RetryDecision = { retry: false };

/**
 * Whether to try again, by proof of what was sent (RFC 9110 section 9.2.2):
 * never sent → any method; sent, and no whole head of a response came → idempotent methods, which may be
 * executed twice without harm; a listed status → idempotent methods. A response that has begun for the client,
 * with an interim one too, is never taken back; the caller does not ask then. The first reset of a reused
 * connection before a byte came back says only that it had been idle for too long, so the same endpoint is
 * tried again, and that is not one attempt less.
 */
export function decideRetry(outcome: Outcome, facts: RetryFacts): RetryDecision {
  const endpointsTried = facts.attempts - facts.staleResets;
  if (endpointsTried >= facts.maxAttempts || facts.remainingMs <= 0 || !facts.bodyReplayable) return NO;
  const idempotent = isIdempotent(facts.method);
  if (outcome.cause === undefined) {
    const listed = facts.retryOn.includes(outcome.status) && idempotent;
    return listed ? { retry: true, reason: 'status', sameEndpoint: false } : NO;
  }
  if (!causeRule(outcome.cause).mayRetry || outcome.class === 'truncated') return NO;
  if (!outcome.nothingSent && !idempotent) return NO;
  const stale = isStale(outcome) && facts.staleResets === 0;
  return { retry: true, reason: outcome.cause, sameEndpoint: stale };
}
