import { isIPv4, isIPv6 } from 'node:net';
import { addressBlocks } from '../core/address-blocks.js';

/** Tells which peers may say who the client is. */
export interface TrustedProxies {
  trusts(address: string): boolean;
}

/** From CIDRs (`10.0.0.0/8`, `::1/128`) or single addresses. Throws CONFIG_INVALID. */
export function trustedProxies(cidrs: readonly string[]): TrustedProxies {
  const trusted = addressBlocks('trustedProxies', cidrs);
  return { trusts: (address) => trusted.holds(address) };
}

/** An IPv4 address that reached a dual-stack socket is shown as what it is. */
export function plainAddress(remoteAddress: string | undefined): string {
  if (remoteAddress === undefined) return 'unknown';
  return remoteAddress.startsWith('::ffff:') && isIPv4(remoteAddress.slice(7))
    ? remoteAddress.slice(7)
    : remoteAddress;
}

/**
 * The client's address: counted from the right of `X-Forwarded-For` over trusted hops, since
 * everything to the left of the first untrusted hop is only what that hop claims.
 */
export function clientAddress(
  peer: string,
  forwardedFor: string | undefined,
  proxies: TrustedProxies,
): string {
  if (forwardedFor === undefined || !proxies.trusts(peer)) return peer;
  const hops = forwardedFor.split(',');
  let client = peer;
  for (let index = hops.length - 1; index >= 0; index -= 1) {
    const hop = (hops[index] ?? '').trim();
    if (!isIPv4(hop) && !isIPv6(hop)) return client;
    client = hop;
    if (!proxies.trusts(hop)) return client;
  }
  return client;
}

/** RFC 7239 section 6: an IPv6 address is bracketed and quoted. */
export function forwardedNode(address: string): string {
  if (isIPv6(address)) return `"[${address}]"`;
  return isIPv4(address) ? address : 'unknown';
}
