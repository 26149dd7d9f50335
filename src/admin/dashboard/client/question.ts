import { readMoment } from './moment.js';

/** A question as it stands in the form. */
export interface Draft {
  readonly method: string;
  readonly url: string;
  /** One `Name: value` a line. */
  readonly headers: string;
  readonly client: string;
  readonly at: string;
}

export type Field = keyof Draft;

export const EMPTY_DRAFT: Draft = { method: 'GET', url: '', headers: '', client: '', at: '' };

/** What each is called in a sentence. */
export const SUBJECTS: Readonly<Record<Field, string>> = {
  method: 'The method',
  url: 'The URL',
  headers: 'The header',
  client: 'The client',
  at: 'The moment',
};

/** What is wrong with a question, and where. */
export interface Complaint {
  readonly field: Field | null;
  readonly text: string;
}

export interface Question {
  /** As `/api/explain` takes it. */
  readonly query: URLSearchParams;
  /** In which line of the form each header stands, from 1. */
  readonly lines: readonly number[];
}

/** What only the form knows how to read is read here; whether a request can be so is for the gateway to say. */
export function readQuestion({ method, url, headers, client, at }: Draft, now: number): Question | Complaint {
  const query = new URLSearchParams({ method: method.trim().toUpperCase() || 'GET', url: url.trim() });
  const fields = headers
    .split(/\r?\n/)
    .map((text, index) => ({ text: text.trim(), line: index + 1 }))
    .filter(({ text }) => text !== '');
  for (const { text } of fields) query.append('header', text);
  if (client.trim() !== '') query.set('client', client.trim());
  if (at.trim() !== '') {
    const moment = readMoment(at.trim(), now);
    if (moment === undefined)
      return {
        field: 'at',
        text: `${SUBJECTS.at} is neither a time such as 11:47:00, a duration such as 10m, nor an ISO 8601 time.`,
      };
    query.set('at', String(moment));
  }
  return { query, lines: fields.map(({ line }) => line) };
}

/** A URL that this route would match, if no more specific one does. */
export function urlOnRoute({
  host,
  prefix,
}: {
  readonly host: string | null;
  readonly prefix: string;
}): string {
  return host === null ? prefix : `http://${host.replace(/^\*/, 'any')}${prefix}`;
}
