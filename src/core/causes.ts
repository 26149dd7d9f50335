/** The steps of a request, in order. */
export type Phase = 'accept' | 'match' | 'admit' | 'pick' | 'connect' | 'send' | 'respond' | 'settle';

export interface CauseRule {
  readonly status: number;
  readonly phase: Phase;
  readonly title: string;
  /** Shown to clients; says nothing about internals. */
  readonly detail: string;
  /** Whether another endpoint may be tried when the request allows it. */
  readonly mayRetry: boolean;
  /** Whether it counts against the endpoint. */
  readonly blamesEndpoint: boolean;
  /** Seconds for `Retry-After`, when the client may usefully come back. */
  readonly retryAfterSeconds?: number;
}

const rule = (
  status: number,
  phase: Phase,
  title: string,
  detail: string,
  flags: { mayRetry?: boolean; blamesEndpoint?: boolean; retryAfterSeconds?: number } = {},
): CauseRule => ({ status, phase, title, detail, mayRetry: false, blamesEndpoint: false, ...flags });

/**
 * Every way a request can fail at the gateway. The code is what clients, logs, metrics and
 * `explain` show; a code is never reused for another meaning.
 */
export const causes = {
  NO_ROUTE: rule(404, 'match', 'No route', 'No route matches this request.'),
  NO_ENDPOINT: rule(
    503,
    'pick',
    'Service unavailable',
    'The service has no endpoint that can take requests.',
    {
      retryAfterSeconds: 1,
    },
  ),
  OVERLOADED: rule(503, 'admit', 'Overloaded', 'The gateway or the service is at its limit.', {
    retryAfterSeconds: 1,
  }),
  CONNECT_FAILED: rule(502, 'connect', 'Bad gateway', 'No connection to the service could be made.', {
    mayRetry: true,
    blamesEndpoint: true,
  }),
  UPSTREAM_RESET: rule(
    502,
    'respond',
    'Bad gateway',
    'The service closed the connection before it answered.',
    {
      mayRetry: true,
      blamesEndpoint: true,
    },
  ),
  BAD_UPSTREAM_RESPONSE: rule(502, 'respond', 'Bad gateway', 'The service did not answer with valid HTTP.', {
    mayRetry: true,
    blamesEndpoint: true,
  }),
  UPSTREAM_TIMEOUT: rule(504, 'respond', 'Gateway timeout', 'The service did not answer in time.', {
    mayRetry: true,
    blamesEndpoint: true,
  }),
  DEADLINE_EXCEEDED: rule(
    504,
    'respond',
    'Deadline exceeded',
    'The time that the client gave the call has passed.',
  ),
  REQUEST_TIMEOUT: rule(408, 'accept', 'Request timeout', 'The request was not received in time.'),
  PAYLOAD_TOO_LARGE: rule(413, 'admit', 'Payload too large', 'The request body is larger than allowed.'),
  BAD_REQUEST: rule(400, 'accept', 'Bad request', 'The request is malformed.'),
  HEADERS_TOO_LARGE: rule(
    431,
    'accept',
    'Request header fields too large',
    'The request head is larger than allowed.',
  ),
  EXPECTATION_FAILED: rule(
    417,
    'accept',
    'Expectation failed',
    'The expectation of the request cannot be met.',
  ),
  WRONG_PROTOCOL: rule(505, 'match', 'HTTP/2 required', 'This route takes HTTP/2 only, as gRPC does.'),
  SHUTTING_DOWN: rule(
    503,
    'respond',
    'Shutting down',
    'The gateway was stopped before the response was complete.',
    { retryAfterSeconds: 1 },
  ),
  CLIENT_GONE: rule(
    499,
    'respond',
    'Client closed request',
    'The client left before the response was complete.',
  ),
} as const satisfies Record<string, CauseRule>;

export type Cause = keyof typeof causes;

export function causeRule(cause: Cause): CauseRule {
  return causes[cause];
}
