import { isIPv6 } from 'node:net';
import { InvalidArgumentError } from 'commander';
import { parseDuration } from '../config/units.js';
import { parseAddress, parsePort } from '../core/address.js';
import { isServiceName } from '../core/registration.js';
import { isTag } from '../core/service-selector.js';
import { isHostKey } from '../registrar/option-checks.js';

// What each flag of `watchgate register` may say. Commander shows the errors with the name of the flag.

export function serviceFlag(text: string): string {
  return wanted(isServiceName(text) ? text : undefined, '1 to 128 letters, digits or . _ ~ -');
}

export function portFlag(text: string): number {
  return wanted(parsePort(text), 'a port from 1 to 65535');
}

/** Another service of the process that is registered. */
export interface AlsoFlag {
  readonly service: string;
  readonly port: number;
  /** Path of its own health check. */
  readonly health: string | undefined;
}

export function alsoFlag(text: string, before: readonly AlsoFlag[] = []): readonly AlsoFlag[] {
  const [, service = '', portText = '', health] = /^([^:/]+):(\d+)(\/[\x21-\x7e]*)?$/.exec(text) ?? [];
  const port = parsePort(portText);
  const one = isServiceName(service) && port !== undefined ? { service, port, health } : undefined;
  return [...before, wanted(one, 'service:port or service:port/path')];
}

export function hostFlag(text: string): string {
  const address = parseAddress(isIPv6(text) ? `[${text}]:1` : `${text}:1`);
  return wanted(
    typeof address === 'string' ? undefined : address.host,
    'an IP address or a host name, without port',
  );
}

export function hostKeyFlag(text: string): string {
  return wanted(isHostKey(text) ? text : undefined, '1 to 253 characters without space or /');
}

export function ttlFlag(text: string): number {
  const seconds = /^[1-9][0-9]{0,4}$/.test(text) ? Number(text) : undefined;
  return wanted(seconds, 'whole seconds from 1 to 86400, such as 3');
}

export function healthFlag(text: string): string {
  const known = text === 'tcp' || text === 'none' || /^\/[\x21-\x7e]*$/.test(text);
  return wanted(known ? text : undefined, 'a path such as /healthz, tcp or none');
}

export function weightFlag(text: string): number {
  const weight = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0;
  return wanted(weight > 0 ? weight : undefined, 'a number above 0');
}

export function durationFlag(text: string): number {
  return wanted(parseDuration(text), 'a duration such as 300ms, 5s or 1m');
}

export function metadataFlag(
  text: string,
  before: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const at = wanted(text.indexOf('=') > 0 ? text.indexOf('=') : undefined, 'key=value');
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

export function tagFlag(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, wanted(isTag(text) ? text : undefined, '1 to 128 letters, digits or . _ ~ : = -')];
}

/** Commander puts the flag and what was given for it before the message. */
function wanted<T>(value: T | undefined, description: string): T {
  if (value === undefined) throw new InvalidArgumentError(`Wanted ${description}.`);
  return value;
}
