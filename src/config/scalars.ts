import * as z from 'zod';
import { pathPrefixProblem } from './path-prefix.js';
import { parseDuration, parseSize } from './units.js';

/** What became of a value: read, refused with a reason of its own, or (undefined) not of the wanted form. */
export type Reading<T> = { readonly value: T } | { readonly problem: string } | undefined;

/** A JSON Schema, or a part of one. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** setTimeout fires at once above 2^31 - 1 ms; a day is well below and long enough. */
const LONGEST_MS = 24 * 3_600_000;

/** Numbers and durations may come from the environment, so editors must let `${NAME}` stand. */
const FROM_ENVIRONMENT: JsonSchema = { type: 'string', pattern: '\\$\\{' };

/**
 * A schema for one value that a person writes. `wanted` completes "wanted …" in messages,
 * `published` is its JSON Schema, `read` makes of it what the gateway uses.
 */
export function scalar<T>(wanted: string, published: JsonSchema, read: (value: unknown) => Reading<T>) {
  return z
    .unknown()
    .transform((value, context): T => {
      const reading = value === undefined ? { problem: `missing; wanted ${wanted}` } : read(value);
      if (reading !== undefined && 'value' in reading) return reading.value;
      context.addIssue(reading?.problem ?? `wanted ${wanted}, got ${shown(value)}`);
      return z.NEVER;
    })
    .meta(isAnyText(published) ? published : { anyOf: [published, FROM_ENVIRONMENT] });
}

function isAnyText(published: JsonSchema): boolean {
  return [published['type']].flat().includes('string') && !('pattern' in published) && !('enum' in published);
}

/** How a value is named in a message: short text as it is, anything large by its kind. */
export function shown(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length <= 60 ? text : `${text.slice(0, 57)}…`;
}

/** A duration in milliseconds, from `least` to a day. Zero needs no unit. `none` is read as 0 when `orNone`. */
export function duration({ least = 1, orNone = false } = {}) {
  const wanted = `a duration such as 300ms, 5s or 1m${orNone ? ', or none' : ''}`;
  const pattern = orNone ? '^(none|(\\d+(\\.\\d+)?(ms|s|m|h))+)$' : '^(\\d+(\\.\\d+)?(ms|s|m|h))+$';
  const published = least === 0 ? { type: ['string', 'integer'], pattern, maximum: 0 } : { pattern };
  return scalar(wanted, { type: 'string', ...published }, (value) => {
    if (orNone && value === 'none') return { value: 0 };
    const parsed = value === 0 || value === '0' ? 0 : parseDuration(String(value));
    if (parsed === undefined) return undefined;
    if (parsed < least) return { problem: `must be at least ${least}ms` };
    return parsed > LONGEST_MS ? { problem: 'must be at most 24h' } : { value: parsed };
  });
}

/** A size in bytes up to `most`. Zero needs no unit. `none` is read as Infinity when `orNone`. */
export function size({ least = 0, most = Number.POSITIVE_INFINITY, orNone = false } = {}) {
  const wanted = `a size such as 64KiB or 10MiB${orNone ? ', or none' : ''}`;
  const form = '\\d+(\\.\\d+)?(B|KiB|MiB|GiB)';
  const published = {
    type: ['string', 'integer'],
    pattern: `^(${orNone ? 'none|' : ''}${form})$`,
    maximum: 0,
  };
  return scalar(wanted, published, (value) => {
    if (orNone && value === 'none') return { value: Number.POSITIVE_INFINITY };
    const parsed = value === 0 || value === '0' ? 0 : parseSize(String(value));
    if (parsed === undefined) return undefined;
    if (parsed < least) return { problem: `must be at least ${least}B` };
    return parsed > most ? { problem: `must be at most ${most / 1024}KiB` } : { value: parsed };
  });
}

/** A whole number. `none` is read as Infinity when `orNone`. */
export function wholeNumber(least: number, most: number, { orNone = false } = {}) {
  const number = { type: 'integer', minimum: least, maximum: most };
  const published = orNone ? { anyOf: [number, { const: 'none' }] } : number;
  const wanted = `a whole number from ${least} to ${most}${orNone ? ', or none' : ''}`;
  return scalar(wanted, published, (value) => {
    if (orNone && value === 'none') return { value: Number.POSITIVE_INFINITY };
    return readWhole(value, least, most);
  });
}

function readWhole(value: unknown, least: number, most: number): Reading<number> {
  const parsed = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  if (typeof parsed !== 'number' || !Number.isInteger(parsed)) return undefined;
  return parsed >= least && parsed <= most ? { value: parsed } : undefined;
}

/** How many processes serve: a number, or `auto` for one to each core. */
export function workerCount(most: number) {
  const number = { type: 'integer', minimum: 1, maximum: most };
  const wanted = `a whole number from 1 to ${most}, or auto`;
  return scalar<number | 'auto'>(wanted, { anyOf: [number, { const: 'auto' }] }, (value) => {
    if (value === 'auto') return { value };
    return readWhole(value, 1, most);
  });
}

export function flag() {
  return scalar('true or false', { type: 'boolean' }, (value) => {
    if (value === true || value === 'true') return { value: true };
    return value === false || value === 'false' ? { value: false } : undefined;
  });
}

export function oneOf<const T extends string>(choices: readonly T[]) {
  return scalar<T>(`one of ${choices.join(', ')}`, { type: 'string', enum: choices }, (value) => {
    const choice = choices.find((known) => known === value);
    return choice === undefined ? undefined : { value: choice };
  });
}

/** Text of any form. An empty value means that there is none, so that an unset secret can be passed through. */
export function textOrNone(wanted: string) {
  return scalar<string | undefined>(wanted, { type: ['string', 'null'] }, (value) =>
    typeof value === 'string'
      ? { value: value === '' ? undefined : value }
      : { problem: `wanted ${wanted} as text; quote it` },
  );
}

/** Text that may not be empty. `secret` keeps its value out of messages. */
export function text(wanted: string) {
  return scalar(wanted, { type: 'string', minLength: 1 }, (value) => {
    if (typeof value !== 'string') return { problem: `wanted ${wanted} as text; quote it` };
    return value === '' ? { problem: 'must not be empty' } : { value };
  });
}

/** A canonical path prefix such as `/goods`. */
export function pathPrefix() {
  return scalar('a path prefix such as /goods', { type: 'string', pattern: '^/' }, (value) => {
    if (typeof value !== 'string') return undefined;
    const problem = pathPrefixProblem(value);
    return problem === undefined ? { value } : { problem };
  });
}
