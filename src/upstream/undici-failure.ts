import { systemCode } from '../core/errors.js';
import type { UpstreamFailure } from './connection.js';

/** Codes of a response that breaks the protocol. */
const BAD_CODES = new Set(['UND_ERR_HEADERS_OVERFLOW', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH']);

/**
 * Errors without a telling code: what the parser refuses, and undici's own assertions, which an
 * endpoint trips that switches protocols unasked.
 */
const BAD_NAMES = new Set(['HTTPParserError', 'AssertionError']);

/** Messages under undici's one code for all socket failures that mean a broken protocol. */
const BAD_MESSAGES = new Set(['bad response', 'bad upgrade']);

/** How undici's parser puts it that the connection ended within a message. */
const ENDED = '(Invalid EOF state)';

/**
 * What undici's error says of an exchange. `sent`: the request was handed to a connection; `begun`: the head of a
 * final response had come.
 */
export function failureOf(error: Error, sent: boolean, begun = false): UpstreamFailure {
  const code = systemCode(error) ?? '';
  if (code === 'UND_ERR_INVALID_ARG' || code === 'UND_ERR_NOT_SUPPORTED') return 'bad-request';
  if (code === 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH' || code === 'UND_ERR_ABORTED') return 'request-body';
  if (!sent) return 'connect';
  const short = begun && code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH';
  if (short || error.message.endsWith(ENDED)) return 'reset';
  const bad = BAD_CODES.has(code) || BAD_NAMES.has(error.name) || BAD_MESSAGES.has(error.message);
  return bad ? 'bad-response' : 'reset';
}
