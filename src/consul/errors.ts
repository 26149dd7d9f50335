import { messageOf, systemCode } from '../core/errors.js';

/**
 * What a Consul call came to, as far as a caller must tell the cases apart.
 *
 * - `unreachable`: no connection, or it broke; another agent may do better.
 * - `deadline`: no answer in time; a write may or may not have happened.
 * - `unwell`: the agent answered that it cannot: no leader, no path to the datacenter, too many connections.
 * - `denied`: the token is unknown or may not.
 * - `not-found`: the agent has no such service or check.
 * - `malformed`: an answer that is not Consul's.
 * - `closed`: we ended the call ourselves.
 */
export type ConsulFault =
  | 'unreachable'
  | 'deadline'
  | 'unwell'
  | 'denied'
  | 'not-found'
  | 'malformed'
  | 'closed'
  | 'other';

/** The only error that calls in this folder reject with. The message is one line and holds no secret. */
export class ConsulError extends Error {
  readonly fault: ConsulFault;

  constructor(fault: ConsulFault, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'ConsulError';
    this.fault = fault;
  }
}

/** Whether the agent could not be spoken to at all, so that its connections are better given up. */
export function isConnectionFault({ fault }: ConsulError): boolean {
  return fault === 'unreachable' || fault === 'deadline';
}

/** Whether asking another agent could help. */
export function isAgentFault(error: ConsulError): boolean {
  return isConnectionFault(error) || error.fault === 'unwell' || error.fault === 'malformed';
}

/** Reads anything thrown while a call was made. */
export function toConsulError(error: unknown): ConsulError {
  if (error instanceof ConsulError) return error;
  const code = systemCode(error);
  // Node joins the attempts at several addresses into one error without a text of its own.
  const text = messageOf(error) || (code ?? 'the connection failed');
  return new ConsulError('unreachable', oneLine(text), { cause: error });
}

/** How an agent says that it does not know a check; before 1.10 with a 500 (agent/agent.go, updateTTLCheck). */
const UNKNOWN_CHECK = /does not have associated TTL|^Unknown (?:check|service)/i;

/** Reads an answer that is not 200. */
export function refusal(status: number, body: string): ConsulError {
  const said = oneLine(body) || 'no reason given';
  const message = `Consul answered ${status}: ${said}`;
  if (status === 403 || status === 401) return new ConsulError('denied', message);
  if (status === 404 || UNKNOWN_CHECK.test(said)) return new ConsulError('not-found', message);
  if (status >= 500 || status === 429) return new ConsulError('unwell', message);
  return new ConsulError('other', message);
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim().slice(0, 200);
}
