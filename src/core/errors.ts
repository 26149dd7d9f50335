/**
 * Failures of commands, configuration and start-up, each with one code. Failures of requests are
 * in causes.ts.
 */
export type ErrorCode =
  | 'BAD_FLAG'
  | 'CONFIG_INVALID'
  | 'FILE_UNREADABLE'
  | 'PORT_TAKEN'
  | 'LISTEN_FAILED'
  | 'CERTIFICATE_INVALID'
  | 'REGISTRY_UNAVAILABLE'
  | 'REGISTRY_DENIED'
  | 'REGISTRY_URL'
  | 'KEY_MISSING'
  | 'KEY_UNREADABLE'
  | 'ADMIN_UNREACHABLE'
  | 'ADMIN_REFUSED'
  | 'WORKER_FAILED'
  | 'COMMAND_FAILED';

/** An error whose message is one line fit to show to a user as it is. */
export class WatchgateError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'WatchgateError';
    this.code = code;
  }
}

/** The system's error code (`ECONNREFUSED`, `EADDRINUSE`) of anything thrown, if it has one. */
export function systemCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
