import type { JournalQuery } from '../core/views.js';
import { AdminProblem } from './problems.js';

const DEFAULT_LIMIT = 1_000;
const MAX_LIMIT = 10_000;
const KNOWN = new Set(['service', 'since', 'limit']);

/**
 * Reads the query of `/api/events`. `since` is milliseconds since the epoch or an ISO 8601 time.
 * Throws BAD_REQUEST naming the parameter that is wrong.
 */
export function readJournalQuery(query: Readonly<Record<string, unknown>>): JournalQuery {
  const unknown = Object.keys(query).find((name) => !KNOWN.has(name));
  if (unknown !== undefined) throw badQuery(unknown, 'is not known; there are service, since and limit');
  const service = single(query, 'service');
  const since = single(query, 'since');
  const limit = single(query, 'limit');
  return {
    ...(service !== undefined && { service }),
    ...(since !== undefined && { since: readMoment('since', since) }),
    limit: limit === undefined ? DEFAULT_LIMIT : readLimit(limit),
  };
}

/** The one value of a parameter; undefined when it is absent. Throws BAD_REQUEST for more than one. */
export function single(query: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const value = query[name];
  if (value === undefined || typeof value === 'string') return value;
  throw badQuery(name, 'is given more than once');
}

/** Milliseconds since the epoch, of themselves or of an ISO 8601 time. */
export function readMoment(name: string, text: string): number {
  const moment = /^\d{1,16}$/.test(text) ? Number(text) : Date.parse(text);
  if (Number.isNaN(moment))
    throw badQuery(name, 'is neither milliseconds since the epoch nor an ISO 8601 time');
  return moment;
}

function readLimit(text: string): number {
  const limit = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
  if (limit >= 1 && limit <= MAX_LIMIT) return limit;
  throw badQuery('limit', `is not a whole number from 1 to ${MAX_LIMIT}`);
}

/** A problem that names the parameter, and which of its values when it has several; a form shows it at its field. */
export function badQuery(name: string, reason: string, index?: number): AdminProblem {
  return new AdminProblem('BAD_REQUEST', `The query parameter "${name}" ${reason}.`, {
    parameter: name,
    reason,
    ...(index !== undefined && { index }),
  });
}
