import { status } from '@grpc/grpc-js';
import { messageOf } from '../core/errors.js';

/**
 * What an etcd call came to, as far as a caller must tell the cases apart.
 *
 * - `unavailable`: no connection, no leader, or the member is shutting down; another member may do better.
 * - `deadline`: no answer in time; a write may or may not have happened.
 * - `unauthenticated`: the token is missing, expired or from before a change of the users; a new one may do.
 * - `denied`: this user may not, or the password is wrong.
 * - `compacted`: the history asked for is gone, or lies in the future of this member.
 * - `not-found`: no such lease.
 * - `malformed`: the answer cannot be read; a write has most likely happened. Another member may be well.
 * - `closed`: we ended the call ourselves.
 */
export type EtcdFault =
  | 'unavailable'
  | 'deadline'
  | 'unauthenticated'
  | 'denied'
  | 'compacted'
  | 'not-found'
  | 'malformed'
  | 'closed'
  | 'other';

/** The only error that calls in this folder reject with. The message is one line and holds no secret. */
export class EtcdError extends Error {
  readonly fault: EtcdFault;

  constructor(fault: EtcdFault, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'EtcdError';
    this.fault = fault;
  }
}

/** Whether asking another member could help. */
export function isMemberFault(error: EtcdError): boolean {
  return error.fault === 'unavailable' || error.fault === 'deadline' || error.fault === 'malformed';
}

/** Whether another token could help; etcd 3.4 calls an expired one `permission denied`. */
export function isRefusal(error: EtcdError): boolean {
  return error.fault === 'unauthenticated' || error.fault === 'denied';
}

/** Reads anything thrown by grpc-js or by this folder. */
export function toEtcdError(error: unknown): EtcdError {
  if (error instanceof EtcdError) return error;
  const details = detailsOf(error);
  return new EtcdError(faultOf(codeOf(error), details), details, { cause: error });
}

/** For what was thrown while the answer to a method, such as `/etcdserverpb.KV/Range`, was read. */
export function malformedAnswer(path: string, error: unknown): EtcdError {
  const method = path.replace('/etcdserverpb.', '');
  return new EtcdError('malformed', `malformed answer to ${method}: ${messageOf(error)}`, { cause: error });
}

/** Reads the `cancel_reason` of a watch, which carries a gRPC error as text. */
export function watchRefusal(reason: string): EtcdError {
  const details = reason === '' ? 'the watch was cancelled by the server' : reason;
  return new EtcdError(faultOf(undefined, details), details);
}

/**
 * The texts come first: etcd answers several of these with a code that says less
 * (etcd api/v3rpc/rpctypes/error.go).
 */
const BY_TEXT: readonly (readonly [RegExp, EtcdFault])[] = [
  // Our own words: of what is thrown while an answer is read, grpc-js hands on the message alone.
  [/^malformed answer/, 'malformed'],
  [/invalid auth token|revision of auth store is old|user name is empty|Unauthenticated/, 'unauthenticated'],
  [/permission denied|PermissionDenied|invalid user ID or password|user name not found/, 'denied'],
  [/required revision (has been compacted|is a future revision)/, 'compacted'],
  [/requested lease not found/, 'not-found'],
  [/no leader|leader changed|request timed out|server stopped|too many requests/, 'unavailable'],
];

/** What grpc-js puts around the reason; the time in it would make every repetition look new. */
const GRPC_CHATTER =
  /^No connection established\. Last error: (?:Error: )?|^Response message parsing error: | \(\d{4}-[^)]*Z\)|\.? Resolution note: ?$|(?<=^Deadline exceeded) after .*$/g;

const BY_CODE: Readonly<Partial<Record<status, EtcdFault>>> = {
  [status.UNAVAILABLE]: 'unavailable',
  [status.INTERNAL]: 'unavailable',
  [status.UNKNOWN]: 'unavailable',
  [status.DEADLINE_EXCEEDED]: 'deadline',
  [status.UNAUTHENTICATED]: 'unauthenticated',
  [status.PERMISSION_DENIED]: 'denied',
  [status.NOT_FOUND]: 'not-found',
  [status.CANCELLED]: 'closed',
};

function faultOf(code: status | undefined, details: string): EtcdFault {
  const known = BY_TEXT.find(([pattern]) => pattern.test(details));
  return known?.[1] ?? (code === undefined ? undefined : BY_CODE[code]) ?? 'other';
}

function codeOf(error: unknown): status | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'number' ? error.code : undefined;
}

function detailsOf(error: unknown): string {
  const text =
    typeof error === 'object' && error !== null && 'details' in error && typeof error.details === 'string'
      ? error.details
      : messageOf(error);
  return text.replace(GRPC_CHATTER, '').replace(/\s+/g, ' ').trim().slice(0, 500);
}
