import { isIPv4, isIPv6 } from 'node:net';

export interface Address {
  /** Canonical text: `10.0.0.5:80`, `[::1]:80` or `name:80`, lower case. Equal addresses have equal text. */
  readonly text: string;
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
}

const HOST_NAME =
  /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*\.?$/;
const PORT = /^[1-9][0-9]{0,4}$/;

/**
 * Strictly reads `ip:port`, `[v6]:port` or `name:port`.
 * Returns the address, or a sentence saying what is wrong with the text.
 */
export function parseAddress(text: string): Address | string {
  const colon = text.lastIndexOf(':');
  if (colon < 0) return 'has no :port';
  const port = parsePort(text.slice(colon + 1));
  if (port === undefined) return `has no port from 1 to 65535 after the last colon`;
  const hostPart = text.slice(0, colon).toLowerCase();
  const host = hostPart.startsWith('[') && hostPart.endsWith(']') ? bracketed(hostPart) : bare(hostPart);
  if (host === undefined) return `has no valid IP address or host name before the port`;
  return { text: formatAddress(host, port), host, port };
}

export function formatAddress(host: string, port: number): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

/** A port from 1 to 65535, or undefined. */
export function parsePort(text: string): number | undefined {
  if (!PORT.test(text)) return undefined;
  const port = Number(text);
  return port <= 65535 ? port : undefined;
}

function bracketed(hostPart: string): string | undefined {
  const inner = hostPart.slice(1, -1);
  return isIPv6(inner) && !inner.includes('%')
    ? new URL(`http://[${inner}]`).hostname.slice(1, -1)
    : undefined;
}

function bare(hostPart: string): string | undefined {
  if (isIPv4(hostPart)) return hostPart;
  // A name whose last label is numeric would be read as an IPv4 address by resolvers (RFC 3696 section 2).
  if (!HOST_NAME.test(hostPart) || /(?:^|\.)[0-9]+\.?$/.test(hostPart)) return undefined;
  return hostPart;
}
