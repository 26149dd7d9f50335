import { type Cause, causeRule } from '../../core/causes.js';

/** Status codes of gRPC, by number. */
const UNKNOWN = 2;

/**
 * The status of HTTP that means the same as each status of gRPC, as google.rpc.Code maps them: what logs, metrics and
 * ejection go by, because the one on the wire is always 200.
 */
const HTTP_STATUS: readonly number[] = [
  200, // OK
  499, // CANCELLED
  500, // UNKNOWN
  400, // INVALID_ARGUMENT
  504, // DEADLINE_EXCEEDED
  404, // NOT_FOUND
  409, // ALREADY_EXISTS
  403, // PERMISSION_DENIED
  429, // RESOURCE_EXHAUSTED
  400, // FAILED_PRECONDITION
  409, // ABORTED
  400, // OUT_OF_RANGE
  501, // UNIMPLEMENTED
  500, // INTERNAL
  503, // UNAVAILABLE
  500, // DATA_LOSS
  401, // UNAUTHENTICATED
];

/** Statuses that say that the endpoint cannot serve; every other is an answer, and the caller's affair. */
const SERVER_ERRORS: ReadonlySet<number> = new Set([UNKNOWN, 13, 14, 15]);

/** What the gateway answers itself, by cause. */
const OF_CAUSE = {
  NO_ROUTE: 12,
  NO_ENDPOINT: 14,
  OVERLOADED: 8,
  CONNECT_FAILED: 14,
  UPSTREAM_RESET: 14,
  BAD_UPSTREAM_RESPONSE: 13,
  UPSTREAM_TIMEOUT: 4,
  DEADLINE_EXCEEDED: 4,
  REQUEST_TIMEOUT: 4,
  PAYLOAD_TOO_LARGE: 8,
  BAD_REQUEST: 13,
  HEADERS_TOO_LARGE: 8,
  EXPECTATION_FAILED: 13,
  WRONG_PROTOCOL: 13,
  SHUTTING_DOWN: 14,
  CLIENT_GONE: 1,
} as const satisfies Record<Cause, number>;

/** A `grpc-status` as sent; anything but a code that exists is UNKNOWN. */
export function readGrpcStatus(text: string): number {
  const code = /^\d{1,2}$/.test(text) ? Number(text) : UNKNOWN;
  return code < HTTP_STATUS.length ? code : UNKNOWN;
}

export function httpStatusOf(grpcStatus: number): number {
  return HTTP_STATUS[grpcStatus] ?? 500;
}

export function isServerError(grpcStatus: number): boolean {
  return SERVER_ERRORS.has(grpcStatus);
}

/** Whether a request is a call of gRPC, by its `content-type`. */
export function isGrpcCall(contentType: string | undefined): boolean {
  return contentType !== undefined && /^application\/grpc(?:[+;]|$)/i.test(contentType);
}

/** The trailers with which a call ends that the gateway has failed. Holds the catalogue's words and nothing else. */
export function failureTrailers(cause: Cause): [string, string][] {
  return [
    ['grpc-status', String(OF_CAUSE[cause])],
    ['grpc-message', percentEncoded(`${cause}: ${causeRule(cause).detail}`)],
  ];
}

/** A whole answer of the gateway's own: a head with the trailers in it, flat. */
export function failureHead(cause: Cause, traceId: string): string[] {
  return ['content-type', 'application/grpc', ...failureTrailers(cause).flat(), 'x-trace-id', traceId];
}

/** As the protocol has it for `grpc-message`: all but printable ASCII, and `%`. */
function percentEncoded(text: string): string {
  return text.replaceAll(/[^\x20-\x24\x26-\x7e]/gu, encodeURIComponent);
}
