import { parseAddress } from './address.js';
import { WatchgateError } from './errors.js';
import { DEFAULT_PREFIX, normalizePrefix } from './registration.js';

/** A registry named on a command line: `etcd://host:port[,host:port…]/prefix` or `consul://[token@]host:port`. */
export interface RegistryUrl {
  readonly type: 'etcd' | 'consul';
  /** `http://` or `https://` addresses of the members. */
  readonly endpoints: readonly string[];
  /** Of the keys in etcd; means nothing to Consul. */
  readonly prefix: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** Of Consul. */
  readonly token: string | undefined;
}

const FORM = /^(etcds?|consuls?):\/\/(?:([^:@/]*)(?::([^@/]*))?@)?([^/@]+)(\/.*)?$/;

const WANTED = 'wanted etcd://host:port[,host:port…]/prefix or consul://host:port';

/**
 * Reads a registry URL. `etcds://` and `consuls://` speak TLS; `user:password@` may precede the hosts of
 * etcd, `token@` those of Consul. `defaultPrefix` is that of an etcd URL without a path. Throws REGISTRY_URL
 * naming the part that is wrong; never repeats a secret.
 */
export function parseRegistryUrl(text: string, defaultPrefix = DEFAULT_PREFIX): RegistryUrl {
  const match = FORM.exec(text);
  if (match === null) throw new WatchgateError('REGISTRY_URL', `registry: ${WANTED}`);
  const [, scheme = '', first, second, hosts = '', path] = match;
  const protocol = scheme.endsWith('s') ? 'https' : 'http';
  const endpoints = hosts.split(',').map((host) => {
    const address = parseAddress(host);
    if (typeof address === 'string')
      throw new WatchgateError('REGISTRY_URL', `registry: "${host}" ${address}`);
    return `${protocol}://${address.text}`;
  });
  const none = { username: undefined, password: undefined, token: undefined };
  if (scheme.startsWith('consul')) {
    if (second !== undefined || (path !== undefined && path !== '/'))
      throw new WatchgateError('REGISTRY_URL', 'registry: of Consul, wanted consul://[token@]host:port');
    return { ...none, type: 'consul', endpoints, prefix: '', token: decoded(first) };
  }
  const prefix = path === undefined || path === '/' ? defaultPrefix : normalizePrefix(path);
  return { ...none, type: 'etcd', endpoints, prefix, username: decoded(first), password: decoded(second) };
}

function decoded(text: string | undefined): string | undefined {
  return text ? decodeURIComponent(text) : undefined;
}
