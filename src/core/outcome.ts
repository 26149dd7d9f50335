import type { Cause, Phase } from './causes.js';

/** How an attempt ended, classified; the `outcome` label of watchgate_upstream_attempts_total. */
export type OutcomeClass =
  | 'ok'
  | 'server-error'
  | 'connect-failed'
  | 'reset'
  | 'timeout'
  | 'bad-response'
  | 'truncated'
  | 'abandoned';

/** What one attempt at one endpoint came to. Each attempt yields exactly one. */
export interface Outcome {
  readonly class: OutcomeClass;
  /** The endpoint's status, or 0 when no response began. */
  readonly status: number;
  /** Why it failed; undefined when a complete response was had. */
  readonly cause: Cause | undefined;
  /** Proof that no byte of the request reached the endpoint. */
  readonly nothingSent: boolean;
  /** Whether it went out on a connection that had served a request before. */
  readonly reusedConnection: boolean;
  /** Whether anything of a response came, were it an interim one or a part of a head. */
  readonly answerBegun: boolean;
  /** Milliseconds from the start of the attempt to the response head, or to the failure. */
  readonly headMs: number;
}

/** There are no greater ones (RFC 9110 section 15). */
export const LAST_STATUS = 599;

/** What a response head alone says of an attempt, for whether its status is to be tried again elsewhere. */
export function answered(status: number): Outcome {
  return {
    class: status >= 500 ? 'server-error' : 'ok',
    status,
    cause: undefined,
    nothingSent: false,
    reusedConnection: false,
    answerBegun: true,
    headMs: 0,
  };
}

/** A kept connection that broke before a byte came back, which endpoints may do as they please. */
export function isStale(outcome: Outcome): boolean {
  return outcome.class === 'reset' && outcome.reusedConnection && !outcome.answerBegun;
}

/** How far an attempt got: `settle` is the end of a response. */
export function phaseReached({ cause, nothingSent, status }: Outcome): Phase {
  if (cause === undefined) return 'settle';
  if (nothingSent) return 'connect';
  return status === 0 ? 'send' : 'respond';
}

/** RFC 9110 section 9.2.2. */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

export function isIdempotent(method: string): boolean {
  return IDEMPOTENT.has(method);
}
