/** A response head as it was read. */
export interface ResponseHead {
  readonly status: number;
  readonly reason: string;
  /** Minor version of HTTP/1. */
  readonly minor: number;
  /** Flat: name, value, name, value, …, latin-1, values without surrounding white space. */
  readonly fields: readonly string[];
}

/** What is sent breaks RFC 9112, or a bound. */
export class BadResponse extends Error {}

const TOKEN = 1;
const VALUE = 2;
const CR = 13;
const LF = 10;
const SPACE = 32;
const TAB = 9;
const COLON = 58;
const ZERO = 48;
const NINE = 57;

/** What each byte may be part of: a token (RFC 9110 section 5.6.2), a field value (section 5.5). */
const classes = new Uint8Array(256);
for (let code = 0x20; code <= 0xff; code += 1) if (code !== 0x7f) classes[code] = VALUE;
classes[TAB] = VALUE;
for (const char of "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
  classes[char.charCodeAt(0)] = TOKEN | VALUE;
}

/** `HTTP/1.x NNN`, the shortest status line; the space after it is often left out with the phrase. */
const STATUS_END = 12;

/**
 * Reads a whole head, `text`, latin-1, up to and with the empty line at its end. Throws BadResponse for what RFC 9112
 * section 4 and 5 do not allow; a bare LF, white space before a colon and a folded line are such.
 */
export function parseResponseHead(text: string): ResponseHead {
  const minor = text.charCodeAt(7) - ZERO;
  const status = Number(text.slice(9, STATUS_END));
  const wellFormed =
    text.startsWith('HTTP/1.') &&
    (minor === 0 || minor === 1) &&
    text.charCodeAt(8) === SPACE &&
    status >= 100 &&
    status <= 999 &&
    allDigits(text, 9, STATUS_END);
  if (!wellFormed) throw new BadResponse('bad status line');
  const after = text.charCodeAt(STATUS_END);
  if (after !== SPACE && after !== CR) throw new BadResponse('bad status line');
  const reasonEnd = valueEnd(text, STATUS_END);
  const fields = parseFields(text, afterLine(text, reasonEnd));
  return { status, reason: text.slice(STATUS_END + 1, reasonEnd), minor, fields };
}

/** Reads field lines from `at` up to and with the empty line at the end of `text`. Throws BadResponse. */
export function parseFields(text: string, at: number): string[] {
  const fields: string[] = [];
  let start = at;
  while (text.charCodeAt(start) !== CR) {
    let end = start;
    while (((classes[text.charCodeAt(end)] ?? 0) & TOKEN) !== 0) end += 1;
    if (end === start || text.charCodeAt(end) !== COLON) throw new BadResponse('bad field name');
    const name = text.slice(start, end);
    let from = end + 1;
    while (isBlank(text.charCodeAt(from))) from += 1;
    const lineEnd = valueEnd(text, from);
    let to = lineEnd;
    while (to > from && isBlank(text.charCodeAt(to - 1))) to -= 1;
    fields.push(name, text.slice(from, to));
    start = afterLine(text, lineEnd);
  }
  if (afterLine(text, start) !== text.length) throw new BadResponse('bad end of fields');
  return fields;
}

/** Throws BadResponse unless `text`, the beginning of a head, may still become one. Up to `from` it was checked before. */
export function checkBeginning(text: string, from: number): void {
  const known = 'HTTP/1.';
  if (!text.startsWith(known.slice(0, text.length))) throw new BadResponse('bad status line');
  checkLines(text, from);
}

/** Throws BadResponse for a line that from `from` on ends in a bare LF: an end in CR LF may never come. */
export function checkLines(text: string, from: number): void {
  for (let at = text.indexOf('\n', from); at >= 0; at = text.indexOf('\n', at + 1)) {
    if (text.charCodeAt(at - 1) !== CR) throw new BadResponse('bare LF');
  }
}

/** Where a value that starts at `from` ends: at the first byte that cannot be part of one. */
function valueEnd(text: string, from: number): number {
  let at = from;
  while ((classes[text.charCodeAt(at)] ?? 0) !== 0) at += 1;
  return at;
}

function afterLine(text: string, at: number): number {
  if (text.charCodeAt(at) !== CR || text.charCodeAt(at + 1) !== LF) throw new BadResponse('bad end of line');
  return at + 2;
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}

function allDigits(text: string, from: number, to: number): boolean {
  for (let at = from; at < to; at += 1) {
    const code = text.charCodeAt(at);
    if (code < ZERO || code > NINE) return false;
  }
  return true;
}
