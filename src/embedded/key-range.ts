/**
 * Keys are bytes. Held as latin1 text, one character per byte, they compare in byte order with `<`
 * and serve as map keys.
 */
export interface KeyRange {
  readonly start: string;
  /** The first key past the range; undefined when it has no end. */
  readonly end: string | undefined;
}

export function keyText(key: Buffer): string {
  return key.toString('latin1');
}

/** The range that a request's `key` and `range_end` mean: none is the one key, a zero byte is every key from `key` on. */
export function keyRange(key: Buffer, rangeEnd: Buffer): KeyRange {
  const start = keyText(key);
  if (rangeEnd.length === 0) return { start, end: `${start}\0` };
  if (rangeEnd.length === 1 && rangeEnd[0] === 0) return { start, end: undefined };
  return { start, end: keyText(rangeEnd) };
}

export function singleKey(key: string): KeyRange {
  return { start: key, end: `${key}\0` };
}

export function contains(range: KeyRange, key: string): boolean {
  return key >= range.start && (range.end === undefined || key < range.end);
}
