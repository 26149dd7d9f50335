import { METHODS, validateHeaderName, validateHeaderValue } from 'node:http';
import { isIP } from 'node:net';
import { messageOf } from '../core/errors.js';
import type { AskedRequest, HeaderField } from '../core/explanation.js';
import { badQuery, single } from './queries.js';

const KNOWN = new Set(['method', 'url', 'header', 'client', 'at']);

/** A gateway opens no tunnel to where a client says. */
const SERVED = METHODS.filter((method) => method !== 'CONNECT');

/**
 * Reads the query of `/api/explain`: what a client could send at all. Throws BAD_REQUEST naming the
 * parameter that is wrong.
 */
export function readExplainQuery(query: Readonly<Record<string, unknown>>): AskedRequest {
  const unknown = Object.keys(query).find((name) => !KNOWN.has(name));
  if (unknown !== undefined)
    throw badQuery(unknown, 'is not known; there are method, url, header, client and at');
  const method = single(query, 'method') ?? 'GET';
  if (!SERVED.includes(method)) throw badQuery('method', `is none that HTTP/1.1 servers know: ${method}`);
  const url = single(query, 'url');
  if (url === undefined || url === '') throw badQuery('url', 'is missing');
  if (!/^(?:\/|https?:\/\/)[!-~\x80-\u{10ffff}]*$/iu.test(url))
    throw badQuery('url', 'is neither a path nor an http URL, without spaces');
  const client = single(query, 'client');
  if (client !== undefined && isIP(client) === 0) throw badQuery('client', 'is not an IP address');
  return { method, url, headers: values(query['header']).map(readField), client };
}

function values(given: unknown): readonly unknown[] {
  if (given === undefined) return [];
  return Array.isArray(given) ? given : [given];
}

/** `name: value`, as a line of a request's head. */
function readField(text: unknown, index: number): HeaderField {
  const [, name, value] = (typeof text === 'string' && /^([^:]*):(.*)$/s.exec(text)) || [];
  if (name === undefined || value === undefined) throw badQuery('header', 'is not "name: value"', index);
  const field = { name, value: value.trim() };
  try {
    validateHeaderName(field.name);
    validateHeaderValue(field.name, field.value);
  } catch (error) {
    throw badQuery('header', `is not a valid field: ${messageOf(error)}`, index);
  }
  return field;
}
