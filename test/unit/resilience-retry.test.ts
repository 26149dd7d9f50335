import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Outcome } from '../../src/core/outcome.js';
import { decideRetry, type RetryDecision, type RetryFacts } from '../../src/resilience/retry.js';

const IDEMPOTENT = ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'];
const NOT_IDEMPOTENT = ['POST', 'PATCH', 'PURGE'];
const NO: RetryDecision = { retry: false };

/** A first attempt at a GET without a body, with time and attempts left. */
const FIRST: RetryFacts = {
  method: 'GET',
  bodyReplayable: true,
  attempts: 1,
  maxAttempts: 3,
  staleResets: 0,
  retryOn: [],
  remainingMs: 1000,
};

const RESET: Outcome = {
  class: 'reset',
  status: 0,
  cause: 'UPSTREAM_RESET',
  nothingSent: false,
  reusedConnection: false,
  answerBegun: false,
  headMs: 1,
};
const STALE: Outcome = { ...RESET, reusedConnection: true };
const REFUSED: Outcome = { ...RESET, class: 'connect-failed', cause: 'CONNECT_FAILED', nothingSent: true };
const UNAVAILABLE: Outcome = { ...RESET, class: 'server-error', status: 503, cause: undefined };
const LISTED: RetryFacts = { ...FIRST, retryOn: [502, 503] };

const elsewhere = (
  reason: 'CONNECT_FAILED' | 'UPSTREAM_TIMEOUT' | 'UPSTREAM_RESET' | 'BAD_UPSTREAM_RESPONSE',
): RetryDecision => ({
  retry: true,
  reason,
  sameEndpoint: false,
});
const AFRESH: RetryDecision = { retry: true, reason: 'UPSTREAM_RESET', sameEndpoint: true };
const OTHER_ANSWER: RetryDecision = { retry: true, reason: 'status', sameEndpoint: false };

type Row = readonly [name: string, outcome: Outcome, facts: Partial<RetryFacts>, wanted: RetryDecision];

function table(title: string, rows: readonly Row[], base: RetryFacts = FIRST): void {
  describe(title, () => {
    for (const [name, outcome, facts, wanted] of rows) {
      test(name, () => assert.deepEqual(decideRetry(outcome, { ...base, ...facts }), wanted));
    }
  });
}

function forMethods(
  methods: readonly string[],
  name: string,
  outcome: Outcome,
  wanted: RetryDecision,
): Row[] {
  return methods.map((method) => [`${method}: ${name}`, outcome, { method }, wanted]);
}

table('a request of which nothing was sent may go to another endpoint', [
  ...forMethods(
    [...IDEMPOTENT, ...NOT_IDEMPOTENT],
    'refused, so tried elsewhere',
    REFUSED,
    elsewhere('CONNECT_FAILED'),
  ),
  [
    'when the time for the attempt ran out before the connection stood',
    { ...REFUSED, class: 'timeout', cause: 'UPSTREAM_TIMEOUT' },
    { method: 'POST' },
    elsewhere('UPSTREAM_TIMEOUT'),
  ],
  ['again after an earlier stale connection', REFUSED, { staleResets: 1 }, elsewhere('CONNECT_FAILED')],
  ['up to the last attempt allowed', REFUSED, { attempts: 2 }, elsewhere('CONNECT_FAILED')],
  ['but not with a body that cannot be sent again', REFUSED, { bodyReplayable: false }, NO],
  ['but not when all attempts are used up', REFUSED, { attempts: 3 }, NO],
  ['but not when the route allows one attempt', REFUSED, { maxAttempts: 1 }, NO],
  ['but not when the total time is over', REFUSED, { remainingMs: 0 }, NO],
  ['but not when the client has gone', { ...REFUSED, class: 'abandoned', cause: 'CLIENT_GONE' }, {}, NO],
  [
    'but not when no endpoint could be sent it, because the request itself is wrong',
    { ...REFUSED, class: 'abandoned', cause: 'BAD_REQUEST' },
    {},
    NO,
  ],
]);

table('a kept connection that broke before a byte came back is no fault of the endpoint', [
  ...forMethods(IDEMPOTENT, 'sent again on a fresh connection', STALE, AFRESH),
  ...forMethods(NOT_IDEMPOTENT, 'never, it may have been executed', STALE, NO),
  ...forMethods(
    [...IDEMPOTENT, ...NOT_IDEMPOTENT],
    'sent on a fresh connection, when it broke before anything was sent',
    { ...STALE, nothingSent: true },
    AFRESH,
  ),
  [
    'once a byte has come back it is, and another is asked',
    { ...STALE, answerBegun: true },
    {},
    elsewhere('UPSTREAM_RESET'),
  ],
  ['the second in a request is', STALE, { staleResets: 1, attempts: 2 }, elsewhere('UPSTREAM_RESET')],
  ['and costs none of the attempts', REFUSED, { staleResets: 1, attempts: 3 }, elsewhere('CONNECT_FAILED')],
  ['but not with a body that cannot be sent again', STALE, { method: 'PUT', bodyReplayable: false }, NO],
  ['but not when all attempts are used up', STALE, { attempts: 3 }, NO],
  ['but not when the total time is over', STALE, { remainingMs: -1 }, NO],
]);

const TIMED_OUT: Outcome = { ...RESET, class: 'timeout', cause: 'UPSTREAM_TIMEOUT' };
const GARBAGE: Outcome = { ...RESET, class: 'bad-response', cause: 'BAD_UPSTREAM_RESPONSE' };

table('a request that was sent, and may have been executed, is sent elsewhere if twice does no harm', [
  ...forMethods(IDEMPOTENT, 'reset on a fresh connection', RESET, elsewhere('UPSTREAM_RESET')),
  ...forMethods(NOT_IDEMPOTENT, 'reset on a fresh connection', RESET, NO),
  ...forMethods(IDEMPOTENT, 'no response in time', TIMED_OUT, elsewhere('UPSTREAM_TIMEOUT')),
  ...forMethods(NOT_IDEMPOTENT, 'no response in time', TIMED_OUT, NO),
  ...forMethods(IDEMPOTENT, 'not valid HTTP', GARBAGE, elsewhere('BAD_UPSTREAM_RESPONSE')),
  ...forMethods(NOT_IDEMPOTENT, 'not valid HTTP', GARBAGE, NO),
  [
    'a kept connection changes nothing',
    { ...TIMED_OUT, reusedConnection: true },
    {},
    elsewhere('UPSTREAM_TIMEOUT'),
  ],
  ['but not with a body that cannot be sent again', RESET, { method: 'PUT', bodyReplayable: false }, NO],
  ['but not when all attempts are used up', RESET, { attempts: 3 }, NO],
  ['but not when the total time is over', TIMED_OUT, { remainingMs: 0 }, NO],
  ['but not when broken off inside the response', { ...STALE, class: 'truncated', status: 200 }, {}, NO],
  ['but not when left by the client', { ...STALE, class: 'abandoned', cause: 'CLIENT_GONE' }, {}, NO],
]);

table(
  'a response with a listed status may be asked for elsewhere',
  [
    ...IDEMPOTENT.map(
      (method): Row => [`${method}: asked for elsewhere`, UNAVAILABLE, { method }, OTHER_ANSWER],
    ),
    ...NOT_IDEMPOTENT.map((method): Row => [`${method}: relayed as it is`, UNAVAILABLE, { method }, NO]),
    ['a status that is not listed is relayed', { ...UNAVAILABLE, status: 500 }, {}, NO],
    ['a success is relayed', { ...UNAVAILABLE, class: 'ok', status: 200 }, {}, NO],
    ['a route that lists none relays all', UNAVAILABLE, { retryOn: [] }, NO],
    ['relayed when the body cannot be sent again', UNAVAILABLE, { method: 'PUT', bodyReplayable: false }, NO],
    ['relayed when all attempts are used up', UNAVAILABLE, { attempts: 3 }, NO],
    ['relayed when the total time is over', UNAVAILABLE, { remainingMs: 0 }, NO],
    ['a failure without a response is none of them', { ...RESET, status: 503 }, { method: 'POST' }, NO],
  ],
  LISTED,
);
