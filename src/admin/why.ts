import type { RecordedRequest, RecorderView, WhyAnswer, WhyRequest } from '../core/recorded.js';
import type { JournalEntry, JournalView } from '../core/views.js';
import { AdminProblem } from './problems.js';
import { badQuery, single } from './queries.js';

const KNOWN = new Set(['trace_id', 'limit']);
const TRACE_ID = /^[0-9a-f]{32}$/;
const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 1_000;

/** What happened shortly before a request may be why it failed, and what came of it shortly after. */
const BEFORE_MS = 60_000;
const AFTER_MS = 5_000;
const MOST_ENTRIES = 200;

/**
 * Answers `/api/why`: one trace with what happened around it, or without `trace_id` the newest failures.
 * Throws BAD_REQUEST naming the parameter, or UNKNOWN_TRACE.
 */
export function answerWhy(
  recorder: RecorderView,
  journal: JournalView,
  query: Readonly<Record<string, unknown>>,
): WhyAnswer | readonly WhyRequest[] {
  const unknown = Object.keys(query).find((name) => !KNOWN.has(name));
  if (unknown !== undefined) throw badQuery(unknown, 'is not known; there are trace_id and limit');
  const traceId = single(query, 'trace_id')?.toLowerCase();
  if (traceId === undefined) return recorder.failures(readLimit(single(query, 'limit'))).map(whyRequest);
  if (!TRACE_ID.test(traceId)) throw badQuery('trace_id', 'is not 32 hexadecimal digits');
  const found = recorder.find(traceId);
  if (found.length === 0) {
    throw new AdminProblem(
      'UNKNOWN_TRACE',
      'No request with this trace id is remembered: it was not here, did not fail, or is too long ago.',
    );
  }
  return { traceId, requests: found.map(whyRequest), journal: around(found, journal) };
}

function around(requests: readonly RecordedRequest[], journal: JournalView): JournalEntry[] {
  const from = Math.min(...requests.map(({ at }) => at)) - BEFORE_MS;
  const to = Math.max(...requests.map(({ at, durationMs }) => at + durationMs)) + AFTER_MS;
  const services = new Set(requests.map(({ service }) => service));
  return journal
    .entries({ since: from })
    .filter((entry) => entry.at <= to && (!('service' in entry) || services.has(entry.service)))
    .slice(-MOST_ENTRIES);
}

function whyRequest({ tries, attempts: _, ...request }: RecordedRequest): WhyRequest {
  return {
    ...request,
    route: request.route ?? null,
    service: request.service ?? null,
    endpoint: request.endpoint ?? null,
    cause: request.cause ?? null,
    attempts: tries.map(({ spanId: _, ...attempt }) => ({ ...attempt, cause: attempt.cause ?? null })),
  };
}

function readLimit(text: string | undefined): number {
  if (text === undefined) return DEFAULT_LIMIT;
  const limit = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= MAX_LIMIT) return limit;
  throw badQuery('limit', `is not a whole number from 1 to ${MAX_LIMIT}`);
}
