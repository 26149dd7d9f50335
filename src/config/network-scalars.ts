import { isIP, isIPv4 } from 'node:net';
import { formatAddress, parseAddress } from '../core/address.js';
import { parseAddressBlock } from '../core/address-blocks.js';
import { isServiceName } from '../core/registration.js';
import { MAIN_REGISTRY, type ServiceRef } from '../core/route.js';
import { formatServiceSelector, parseServiceSelector } from '../core/service-selector.js';
import { type Reading, scalar, shown } from './scalars.js';

/** Where a server listens. Port 0 lets the system choose. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** `host:port` to listen on. */
export function listenAddress({ loopbackOnly = false } = {}) {
  const example = loopbackOnly ? '127.0.0.1:2379' : '0.0.0.0:8080';
  return scalar<ListenAddress>(`host:port such as ${example}`, { type: 'string' }, (value) => {
    if (typeof value !== 'string') return undefined;
    const anyPort = value.endsWith(':0');
    const address = parseAddress(anyPort ? value.replace(/0$/, '1') : value);
    if (typeof address === 'string') return { problem: `${JSON.stringify(value)} ${address}` };
    if (loopbackOnly && !isLoopback(address.host)) {
      return { problem: 'must be a loopback address: the embedded registry is for one machine' };
    }
    return { value: { host: address.host, port: anyPort ? 0 : address.port } };
  });
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}

/** A host that requests are matched by: an exact name or address, or `*.` and a domain. Lower case. */
export function hostPattern() {
  return scalar('a host name such as example.com or *.example.com', { type: 'string' }, (value) => {
    if (typeof value !== 'string') return undefined;
    if (value === '*') return { problem: 'leave host out to match any host' };
    const wildcard = value.startsWith('*.');
    const name = wildcard ? value.slice(2) : value;
    if (/:\d+$/.test(name) && !name.endsWith(']')) return { problem: 'must not have a port' };
    const address = parseAddress(`${name}:80`);
    if (typeof address === 'string' || (wildcard && isIP(address.host) !== 0)) return undefined;
    const canonical = formatAddress(address.host, 80).slice(0, -':80'.length).replace(/\.$/, '');
    return { value: wildcard ? `*.${canonical}` : canonical };
  });
}

/** The `Host` to send: `host` or `host:port`; `keep` leaves the client's. */
export function hostHeader() {
  return scalar(
    'a host such as goods.internal or goods.internal:8080, or keep',
    { type: 'string' },
    (value) => {
      if (typeof value !== 'string') return undefined;
      const valid = [value, `${value}:80`].some((text) => typeof parseAddress(text) !== 'string');
      return value === 'keep' || valid ? { value } : undefined;
    },
  );
}

/** `goods`, `goods@dc2` for a service of another registry, or `goods?tag=v2` for a part of it in Consul. */
export function serviceRef() {
  return scalar(
    'a service such as goods or goods@dc2',
    { type: 'string', pattern: '^[^@/]+(@[^@/]+)?$' },
    (value) => (typeof value === 'string' ? parseServiceRef(value) : undefined),
  );
}

export function parseServiceRef(text: string): Reading<ServiceRef> {
  const [service = '', registry = MAIN_REGISTRY, ...rest] = text.split('@');
  const selector = parseServiceSelector(service);
  if (rest.length === 0 && selector !== undefined && isServiceName(registry))
    return { value: { service: formatServiceSelector(selector), registry } };
  const wanted =
    service.includes('?') || registry.includes('?')
      ? 'goods?tag=v2 or goods?tag=v2@dc2'
      : 'goods or goods@dc2';
  return {
    problem: `${JSON.stringify(text)} is no service name; wanted letters, digits and ._~- as in ${wanted}`,
  };
}

/** An IP address, or a range of them such as `10.0.0.0/8`. */
export function addressRange() {
  return scalar('an IP address or range such as 10.0.0.0/8', { type: 'string' }, (value) => {
    return typeof value === 'string' && parseAddressBlock(value) !== undefined ? { value } : undefined;
  });
}

/** `http://host:port` or `https://host:port`; `http://` may be left out. Never repeats a value that may hold a password. */
export function memberUrl(wanted: string) {
  return scalar(wanted, { type: 'string' }, (value) => {
    if (typeof value !== 'string') return undefined;
    const [, scheme = 'http', authority = ''] = /^(?:(https?):\/\/)?([^/]*)\/?$/.exec(value) ?? [];
    if (value.includes('@'))
      return { problem: 'must not hold a user or a token; give those beside endpoints' };
    const address = parseAddress(authority);
    if (typeof address !== 'string') return { value: `${scheme}://${address.text}` };
    return authority === '' ? undefined : { problem: `${JSON.stringify(value)} ${address}` };
  });
}

const DNS_PORT = 53;

/** A DNS server: `10.0.0.2`, `10.0.0.2:5353`, `::1` or `[::1]:5353`. A name would need a DNS server to find it. */
export function dnsServer() {
  return scalar<ListenAddress>(
    'an IP address such as 10.0.0.2, or 10.0.0.2:5353',
    { type: 'string' },
    (value) => {
      if (typeof value !== 'string') return undefined;
      const address = parseAddress(isIP(value) === 0 ? value : formatAddress(value, DNS_PORT));
      if (typeof address === 'string' || isIP(address.host) === 0) return undefined;
      return { value: { host: address.host, port: address.port } };
    },
  );
}

/** What lists the endpoints of a service: a name to ask for SRV records, or one with a port, to ask for addresses. */
export interface DnsNameSetting {
  /** Lower case, without the dot at the end. */
  readonly name: string;
  /** Undefined for SRV records. */
  readonly port: number | undefined;
}

export function dnsName() {
  return scalar<DnsNameSetting>(
    'a DNS name such as _goods._tcp.example.internal, or goods.internal:8080',
    { type: 'string' },
    (value) => {
      if (typeof value !== 'string') return undefined;
      const hasPort = value.includes(':');
      const address = parseAddress(hasPort ? value : `${value}:${DNS_PORT}`);
      if (typeof address === 'string') return hasPort ? { problem: `${shown(value)} ${address}` } : undefined;
      const { host, port } = address;
      if (isIP(host) !== 0) return { problem: 'must be a name; put addresses into a registry of type file' };
      if (hasPort && host.startsWith('_'))
        return { problem: 'names SRV records, which give ports themselves' };
      return { value: { name: host.replace(/\.$/, ''), port: hasPort ? port : undefined } };
    },
  );
}
