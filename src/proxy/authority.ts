import { isIPv6 } from 'node:net';

/** A name or an IPv4 address with a port up to 59999, as nearly all are: the one scan that every request pays for. */
const USUAL = /^[A-Za-z0-9._~!$&'()*+,;=-]+(?::(?:[0-9]{0,4}|[1-5][0-9]{4})?)?$/;

/** RFC 3986 section 3.2 without user information, which must not be in Host (RFC 9110 section 7.2). */
const ANY = /^(?:\[([0-9A-Fa-f:.]+)\]|(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+)(?::([0-9]{0,5}))?$/;

/** Whether a text is `host` or `host:port` as a URL of http has it. */
export function isAuthority(text: string): boolean {
  if (USUAL.test(text)) return true;
  const match = ANY.exec(text);
  if (match === null) return false;
  const [, literal, port = ''] = match;
  return Number(port) <= 65535 && (literal === undefined || isIPv6(literal));
}
