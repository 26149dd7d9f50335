import type { Cause } from '../core/causes.js';
import type { OutcomeClass } from '../core/outcome.js';
import type { UpstreamFailure } from '../upstream/connection.js';

export interface AttemptFailure {
  readonly cause: Cause;
  readonly outcome: OutcomeClass;
}

/** What a failed exchange says of the endpoint. `headReceived`: a response had begun. */
export function classify(failure: UpstreamFailure, headReceived: boolean): AttemptFailure {
  switch (failure) {
    case 'bad-request':
      return { cause: 'BAD_REQUEST', outcome: 'abandoned' };
    case 'request-body':
      return { cause: 'CLIENT_GONE', outcome: 'abandoned' };
    case 'connect':
      return { cause: 'CONNECT_FAILED', outcome: 'connect-failed' };
    case 'bad-response':
      return { cause: 'BAD_UPSTREAM_RESPONSE', outcome: headReceived ? 'truncated' : 'bad-response' };
    case 'partial':
      return { cause: 'UPSTREAM_RESET', outcome: 'reset' };
    case 'reset':
      return { cause: 'UPSTREAM_RESET', outcome: headReceived ? 'truncated' : 'reset' };
  }
}
