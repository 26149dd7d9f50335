interface ProblemRule {
  readonly status: number;
  readonly title: string;
}

/** Every way a call of the admin API can fail. A code is never reused for another meaning. */
export const problems = {
  BAD_REQUEST: { status: 400, title: 'Bad request' },
  UNAUTHORIZED: { status: 401, title: 'Unauthorized' },
  ORIGIN_REFUSED: { status: 403, title: 'Origin refused' },
  HOST_REFUSED: { status: 403, title: 'Host refused' },
  NOT_FOUND: { status: 404, title: 'Not found' },
  UNKNOWN_SERVICE: { status: 404, title: 'Unknown service' },
  UNKNOWN_TRACE: { status: 404, title: 'Unknown trace' },
  UNKNOWN_ENDPOINT: { status: 404, title: 'Unknown endpoint' },
  METHOD_NOT_ALLOWED: { status: 405, title: 'Method not allowed' },
  UNKNOWN_MOMENT: { status: 410, title: 'Unknown moment' },
  PAYLOAD_TOO_LARGE: { status: 413, title: 'Payload too large' },
  CONFIG_INVALID: { status: 422, title: 'Configuration refused' },
  TOO_MANY_STREAMS: { status: 503, title: 'Too many streams' },
  INTERNAL: { status: 500, title: 'Internal error' },
} as const satisfies Record<string, ProblemRule>;

export type ProblemCode = keyof typeof problems;

/** A failed call of the admin API. Thrown by handlers, rendered as RFC 9457 problem+json. */
export class AdminProblem extends Error {
  readonly code: ProblemCode;
  /** Further members of the answer. */
  readonly more: Readonly<Record<string, unknown>>;

  constructor(code: ProblemCode, detail: string, more: Readonly<Record<string, unknown>> = {}) {
    super(detail);
    this.name = 'AdminProblem';
    this.code = code;
    this.more = more;
  }

  get status(): number {
    return problems[this.code].status;
  }

  body(): Record<string, unknown> {
    const { status, title } = problems[this.code];
    return { title, status, detail: this.message, code: this.code, ...this.more };
  }
}
