import type { AttemptRecord } from '../core/events.js';
import { type Outcome, phaseReached } from '../core/outcome.js';
import { type RouteRule, serviceName } from '../core/route.js';
import type { EndpointPool } from './endpoint-pool.js';

/** Of the request that an attempt was made for. */
interface Request {
  readonly traceId: string;
  readonly route: RouteRule;
  /** Milliseconds on the monotonic clock. */
  readonly startedAt: number;
}

export interface SettledAttempt {
  readonly pool: EndpointPool;
  /** Milliseconds on the monotonic clock. */
  readonly begunAt: number;
  readonly spanId: string | undefined;
}

/** What is remembered of an attempt that has settled. `durationMs`: from its beginning until now. */
export function attemptRecord(
  { traceId, route, startedAt }: Request,
  { pool, begunAt, spanId }: SettledAttempt,
  outcome: Outcome,
  durationMs: number,
): AttemptRecord {
  return {
    traceId,
    service: serviceName(route),
    endpoint: pool.endpoint.address,
    outcome: outcome.class,
    status: outcome.status,
    cause: outcome.cause,
    phase: phaseReached(outcome),
    afterMs: begunAt - startedAt,
    headMs: outcome.headMs,
    durationMs,
    reusedConnection: outcome.reusedConnection,
    spanId,
  };
}
