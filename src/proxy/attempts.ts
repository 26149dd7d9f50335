import type { AttemptRecord, RetryRecord } from '../core/events.js';
import type { Outcome } from '../core/outcome.js';
import { serviceName } from '../core/route.js';
import { decideRetry, type RetryDecision } from '../resilience/retry.js';
import type { AdmittedRequest } from './admitted-request.js';
import { attemptRecord, type SettledAttempt } from './attempt-record.js';
import type { ProxyContext } from './context.js';
import type { EndpointPool } from './endpoint-pool.js';

/** What must be known of a request. */
export type AttemptedRequest = Pick<
  AdmittedRequest,
  'service' | 'route' | 'method' | 'body' | 'hashKey' | 'traceId' | 'startedAt'
> & { readonly context: Pick<ProxyContext, 'clock' | 'announce'> };

/** The attempts of one request: at which endpoints, with what outcome, and at whose expense. */
export class Attempts {
  /** Begun so far. */
  count = 0;
  /** Address that the last one went to. */
  endpoint: string | undefined;
  /** What those that have ended took together, milliseconds. */
  upstreamMs = 0;
  /** Of those that have ended. */
  readonly records: AttemptRecord[] = [];
  readonly #admitted: AttemptedRequest;
  readonly #pools: EndpointPool[] = [];
  #holdsBudget = false;
  /** One with an answer that is not wanted settles only when the next has been paid for, and gives nothing back. */
  #replaced: SettledAttempt | undefined;

  constructor(admitted: AttemptedRequest) {
    this.#admitted = admitted;
  }

  /** An endpoint for the next one, as far as possible another than before; undefined when none is left. */
  choose(): EndpointPool | undefined {
    const { service, hashKey, context } = this.#admitted;
    return service.pick({ tried: this.#pools, now: context.clock.monotonic(), hashKey });
  }

  begin(pool: EndpointPool): void {
    this.count += 1;
    this.#pools.push(pool);
    this.endpoint = pool.endpoint.address;
  }

  /** Whether another may follow, by what is known of the last. `staleResets`: how many were not the endpoint's fault. */
  decide(outcome: Outcome, remainingMs: number, staleResets: number): RetryDecision {
    const { method, body, route } = this.#admitted;
    return decideRetry(outcome, {
      method,
      bodyReplayable: body === undefined || body.replayable,
      attempts: this.count,
      maxAttempts: route.policy.maxAttempts,
      staleResets,
      retryOn: route.policy.retryOn,
      remainingMs,
    });
  }

  /**
   * Whether the retry budget pays for another one in place of `last`; it is given back when that has settled. One that
   * found no connection is replaced for nothing: it was work for nobody, so that nothing is multiplied (gRFC A6, which
   * calls this a transparent retry).
   */
  spend(last: SettledAttempt, outcome: Outcome): boolean {
    if (outcome.class === 'connect-failed') return true;
    const { budget } = this.#admitted.service;
    if (!(this.#holdsBudget ? budget.tryReplace() : budget.tryAcquire())) return false;
    this.#holdsBudget = true;
    this.#replaced = last;
    return true;
  }

  /** Idempotent. Also for when the attempt that was paid for never begins. */
  giveBackBudget(): void {
    if (this.#holdsBudget) this.#admitted.service.budget.release();
    this.#holdsBudget = false;
  }

  /** Tells that another follows. */
  announceRetry(reason: RetryRecord['reason']): void {
    const { context, route } = this.#admitted;
    context.announce('retry', { service: serviceName(route), reason });
  }

  settle(attempt: SettledAttempt, outcome: Outcome): void {
    const { context, service } = this.#admitted;
    const durationMs = context.clock.monotonic() - attempt.begunAt;
    this.upstreamMs += durationMs;
    // What found no connection was no retry yet: the next one is, and it costs nothing more.
    if (attempt !== this.#replaced && outcome.class !== 'connect-failed') this.giveBackBudget();
    service.settled(attempt.pool, outcome);
    const record = attemptRecord(this.#admitted, attempt, outcome, durationMs);
    this.records.push(record);
    context.announce('attempt', record);
  }
}
