import type { Explanation, PastExplanation } from '../core/explanation.js';
import type { GatewayViews, JournalView } from '../core/views.js';
import { readExplainQuery } from './explain-query.js';
import { AdminProblem } from './problems.js';
import { badQuery, readMoment, single } from './queries.js';

/**
 * Answers `/api/explain`: for this moment, or with `at` for a past one. Throws BAD_REQUEST naming the parameter,
 * or UNKNOWN_MOMENT.
 */
export function answerExplain(
  views: GatewayViews,
  journal: JournalView,
  query: Readonly<Record<string, unknown>>,
  now: number,
): Explanation | Promise<Explanation> | PastExplanation {
  const request = readExplainQuery(query);
  const text = single(query, 'at');
  if (text === undefined) return views.explain(request);
  const at = readMoment('at', text);
  if (at > now) throw badQuery('at', 'is in the future');
  const answer = views.explainAt(request, at, journal);
  if ('at' in answer) return answer;
  const earliest = new Date(answer.reachesTo).toISOString();
  throw new AdminProblem(
    'UNKNOWN_MOMENT',
    `What was at ${new Date(at).toISOString()} is not known; the routes and the journal of this gateway reach back to ${earliest}.`,
    { reaches_to: answer.reachesTo },
  );
}
