import { isIPv6 } from 'node:net';
import { ipv6Words } from '../core/ip-address.js';

/** Prefixes of 96 bits, in words of 16, behind which an IPv4 address stands. */
const TRANSLATED: readonly (readonly number[])[] = [
  // IPv4-compatible (RFC 4291 section 2.5.5.1) and IPv4-mapped.
  [0, 0, 0, 0, 0, 0],
  [0, 0, 0, 0, 0, 0xffff],
  // IPv4-translated, for SIIT (RFC 2765 section 2.1).
  [0, 0, 0, 0, 0xffff, 0],
  // NAT64 (RFC 6052 section 2.1).
  [0x64, 0xff9b, 0, 0, 0, 0],
];

const SIX_TO_FOUR = 0x2002;
/** NAT64 within a site: 64:ff9b:1::/48 (RFC 8215). */
const LOCAL_NAT64: readonly number[] = [0x64, 0xff9b, 1];

/**
 * The IPv4 address that connecting to an IPv6 address may lead to, where a translator or a tunnel knows its
 * prefix; undefined when there is none in it.
 */
export function embeddedIPv4(ip: string): string | undefined {
  if (!isIPv6(ip)) return undefined;
  const words = ipv6Words(ip);
  if (isLoopback(words)) return undefined;
  const startsWith = (prefix: readonly number[]): boolean => prefix.every((word, at) => word === words[at]);
  // RFC 3056 section 2: the address follows the prefix.
  if (words[0] === SIX_TO_FOUR) return dotted(words[1], words[2]);
  // Within a site the prefix may be of any length; 96 bits is what translators are set up with.
  if (startsWith(LOCAL_NAT64) || TRANSLATED.some(startsWith)) return dotted(words[6], words[7]);
  return undefined;
}

/** `::` names no host either way; `::1` is not 0.0.0.1. */
function isLoopback(words: readonly number[]): boolean {
  return words.every((word, at) => word === (at === 7 ? 1 : 0));
}

function dotted(high = 0, low = 0): string {
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.');
}
