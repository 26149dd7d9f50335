import { NO_METADATA } from './schema.js';
import { isJsonObject } from './schema-entry.js';

const MOST_MEMBERS = 64;
const LONGEST_NAME = 128;
const LONGEST_VALUE = 1_024;

/**
 * What a framework says about an endpoint, as text. It is kept for showing and filtering, so what is not
 * text, a number or a truth value, or is very long, is left out rather than held against the endpoint.
 */
export function readMetadata(...sources: readonly unknown[]): Readonly<Record<string, string>> {
  const members: [string, string][] = [];
  for (const source of sources) {
    if (!isJsonObject(source)) continue;
    for (const name in source) {
      const text = textOf(source[name]);
      if (members.length === MOST_MEMBERS) break;
      if (text !== undefined && name.length <= LONGEST_NAME) members.push([name, text]);
    }
  }
  // Not by assignment: the name may be `__proto__`.
  return members.length === 0 ? NO_METADATA : Object.fromEntries(members);
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return typeof value === 'string' && value !== '' && value.length <= LONGEST_VALUE ? value : undefined;
}
