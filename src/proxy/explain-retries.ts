import type { Cause } from '../core/causes.js';
import type { ExplainedRetry } from '../core/explanation.js';
import { answered, type Outcome, type OutcomeClass } from '../core/outcome.js';
import type { RequestPolicy } from '../core/route.js';
import { decideRetry, type RetryFacts } from '../resilience/retry.js';
import type { RequestHead } from './request-headers.js';

interface Case extends Pick<Outcome, 'cause' | 'class' | 'nothingSent' | 'reusedConnection'> {
  readonly when: string;
}

const failure = (
  when: string,
  cause: Cause,
  outcome: OutcomeClass,
  flags: { nothingSent?: boolean; reusedConnection?: boolean } = {},
): Case => ({ when, cause, class: outcome, nothingSent: false, reusedConnection: false, ...flags });

const CASES: readonly Case[] = [
  failure('no connection can be made', 'CONNECT_FAILED', 'connect-failed', { nothingSent: true }),
  failure('a connection kept open turns out to be closed', 'UPSTREAM_RESET', 'reset', {
    reusedConnection: true,
  }),
  failure('the connection breaks before a response', 'UPSTREAM_RESET', 'reset'),
  failure('the response is not valid HTTP', 'BAD_UPSTREAM_RESPONSE', 'bad-response'),
  failure('no response begins within tryTimeout', 'UPSTREAM_TIMEOUT', 'timeout'),
];

/**
 * What the rules for retries say about the first attempt at this request failing in each way. A body
 * of unknown length counts as kept: whether it fits replayBuffer shows while it comes in.
 */
export function explainRetries(
  method: string,
  { contentLength }: Pick<RequestHead, 'contentLength'>,
  policy: RequestPolicy,
): ExplainedRetry[] {
  const facts: RetryFacts = {
    method,
    bodyReplayable: (contentLength ?? 0) <= policy.replayBuffer,
    attempts: 1,
    maxAttempts: policy.maxAttempts,
    staleResets: 0,
    retryOn: policy.retryOn,
    remainingMs: policy.totalTimeout,
  };
  const afterTimeout = { ...facts, remainingMs: policy.totalTimeout - policy.tryTimeout };
  const failures = CASES.map(({ when, ...outcome }) => ({
    when,
    cause: outcome.cause ?? ('status' as const),
    again: againAfter(
      { ...outcome, status: 0, answerBegun: false, headMs: 0 },
      outcome.class === 'timeout' ? afterTimeout : facts,
    ),
  }));
  const statuses = policy.retryOn.map((status) => ({
    when: `the endpoint answers ${status}`,
    cause: 'status' as const,
    again: againAfter(answered(status), facts),
  }));
  return [...failures, ...statuses];
}

function againAfter(outcome: Outcome, facts: RetryFacts): ExplainedRetry['again'] {
  const decision = decideRetry(outcome, facts);
  if (!decision.retry) return 'no';
  return decision.sameEndpoint ? 'same-endpoint' : 'another-endpoint';
}
