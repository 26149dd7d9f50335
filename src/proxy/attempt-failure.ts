import type { Cause } from '../core/causes.js';
import { systemCode } from '../core/errors.js';
import type { OutcomeClass } from '../core/outcome.js';

export interface AttemptFailure {
  readonly cause: Cause;
  readonly outcome: OutcomeClass;
}

/** Codes of a response that breaks the protocol. */
const BAD_CODES = new Set(['UND_ERR_HEADERS_OVERFLOW', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH']);

/**
 * Errors without a telling code: what the parser refuses, and undici's own assertions, which an
 * endpoint trips that switches protocols unasked.
 */
const BAD_NAMES = new Set(['HTTPParserError', 'AssertionError']);

/** Messages under undici's one code for all socket failures that mean a broken protocol. */
const BAD_MESSAGES = new Set(['bad response', 'bad upgrade']);

/**
 * What undici's error says of the endpoint. `sent`: the request was handed to a connection;
 * `headReceived`: a response had begun.
 */
export function classify(error: Error, sent: boolean, headReceived: boolean): AttemptFailure {
  const code = systemCode(error) ?? '';
  if (code === 'UND_ERR_INVALID_ARG' || code === 'UND_ERR_NOT_SUPPORTED') {
    return { cause: 'BAD_REQUEST', outcome: 'abandoned' };
  }
  if (code === 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH' || code === 'UND_ERR_ABORTED') {
    return { cause: 'CLIENT_GONE', outcome: 'abandoned' };
  }
  if (!sent) return { cause: 'CONNECT_FAILED', outcome: 'connect-failed' };
  if (headReceived) return { cause: 'UPSTREAM_RESET', outcome: 'truncated' };
  if (BAD_CODES.has(code) || BAD_NAMES.has(error.name) || BAD_MESSAGES.has(error.message)) {
    return { cause: 'BAD_UPSTREAM_RESPONSE', outcome: 'bad-response' };
  }
  return { cause: 'UPSTREAM_RESET', outcome: 'reset' };
}
