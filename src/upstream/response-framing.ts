import { BadResponse, type ResponseHead } from './response-head.js';

/** How the body of a response ends. */
export interface Framing {
  readonly kind: 'none' | 'length' | 'chunked' | 'until-close';
  /** Bytes, for `length`. */
  readonly length: number;
  /** Whether the endpoint keeps the connection. */
  readonly persistent: boolean;
  /** Seconds that the endpoint says it keeps it for (`Keep-Alive: timeout=5`); undefined when it does not say. */
  readonly keepsFor: number | undefined;
}

/**
 * The framing of a final response to `method` (RFC 9112 section 6.3 and 9.3). Refused, as signs of response splitting:
 * Content-Length beside Transfer-Encoding, two lengths, a coding other than chunked, Transfer-Encoding in HTTP/1.0.
 */
export function framingOf(
  { status, minor, fields }: Pick<ResponseHead, 'status' | 'minor' | 'fields'>,
  method: string,
): Framing {
  let length = -1;
  let chunked = false;
  let keeps = minor === 1;
  let closes = false;
  let keepsFor: number | undefined;
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] ?? '';
    const kind = kindOf(name);
    if (kind === undefined) continue;
    const value = fields[index + 1] ?? '';
    switch (kind) {
      case 'content-length':
        if (length >= 0 || !/^[0-9]{1,15}$/.test(value)) throw new BadResponse('bad Content-Length');
        length = Number(value);
        break;
      case 'transfer-encoding':
        if (chunked || minor === 0 || value.toLowerCase() !== 'chunked')
          throw new BadResponse('bad Transfer-Encoding');
        chunked = true;
        break;
      case 'connection':
        if (value === 'keep-alive') keeps = true;
        else {
          closes ||= hasOption(value, 'close');
          keeps ||= hasOption(value, 'keep-alive');
        }
        break;
      case 'keep-alive':
        keepsFor = timeoutOf(value) ?? keepsFor;
        break;
    }
  }
  if (chunked && length >= 0) throw new BadResponse('Content-Length beside Transfer-Encoding');
  // A 204 has no content. An endpoint that announces some may send it after all, where the next response should be.
  const doubtful = status === 204 && (chunked || length > 0);
  // `close` wins over `keep-alive`, wherever it stands.
  const persistent = keeps && !closes && !doubtful;
  if (method === 'HEAD' || status === 204 || status === 304) {
    return { kind: 'none', length: 0, persistent, keepsFor };
  }
  if (chunked) return { kind: 'chunked', length: 0, persistent, keepsFor };
  if (length < 0) return { kind: 'until-close', length: 0, persistent: false, keepsFor };
  return { kind: length === 0 ? 'none' : 'length', length, persistent, keepsFor };
}

/** By its length first: most fields are none of these, and need no lower-casing. */
function kindOf(
  name: string,
): 'content-length' | 'transfer-encoding' | 'connection' | 'keep-alive' | undefined {
  switch (name.length) {
    case 14:
      return name === 'Content-Length' || name.toLowerCase() === 'content-length'
        ? 'content-length'
        : undefined;
    case 17:
      return name.toLowerCase() === 'transfer-encoding' ? 'transfer-encoding' : undefined;
    case 10:
      if (name === 'Connection' || name.toLowerCase() === 'connection') return 'connection';
      return name.toLowerCase() === 'keep-alive' ? 'keep-alive' : undefined;
    default:
      return undefined;
  }
}

function hasOption(value: string, option: string): boolean {
  return value.split(',').some((one) => one.trim().toLowerCase() === option);
}

function timeoutOf(value: string): number | undefined {
  const seconds = /(?:^|[,\s])timeout=([0-9]{1,9})(?:$|[,\s])/i.exec(value)?.[1];
  return seconds === undefined ? undefined : Number(seconds);
}
