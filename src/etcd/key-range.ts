import { prefixEnd } from './wire.js';

/** Keys from `start` up to `end`, that one not included, in the form that etcd's calls take. */
export interface KeyRange {
  readonly start: string;
  /** A single zero byte means no end. */
  readonly end: Buffer;
}

/** The smallest key there can be. etcd refuses an empty one. */
const FIRST_KEY = '\0';

/**
 * Every key below `prefix`, which has no trailing slash: whole segments, so that `user` does not match
 * `user-admin`. An empty prefix is the whole registry.
 */
export function rangeBelow(prefix: string): KeyRange {
  return prefix === ''
    ? { start: FIRST_KEY, end: prefixEnd('') }
    : { start: `${prefix}/`, end: prefixEnd(`${prefix}/`) };
}

/** One key and no other. */
export function rangeOf(key: string): KeyRange {
  return { start: key, end: Buffer.from(`${key}\0`) };
}

/** The key `prefix` itself too. The keys between it and those below it, `user-admin` among them, cannot be left out. */
export function rangeFrom(prefix: string): KeyRange {
  return prefix === '' ? rangeBelow('') : { start: prefix, end: prefixEnd(`${prefix}/`) };
}
