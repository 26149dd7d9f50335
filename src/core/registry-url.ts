import { parseAddress } from './address.js';
import { WatchgateError } from './errors.js';
import { DEFAULT_PREFIX, normalizePrefix } from './registration.js';

/** A registry named on a command line: `etcd://host:port[,host:port…]/prefix` or `consul://host:port`. */
export interface RegistryUrl {
  readonly type: 'etcd' | 'consul';
  /** `http://` or `https://` addresses of the members. */
  readonly endpoints: readonly string[];
  readonly prefix: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
}

const FORM = /^(etcd|etcds|consul):\/\/(?:([^:@/]*)(?::([^@/]*))?@)?([^/@]+)(\/.*)?$/;

/**
 * Reads a registry URL. `etcds://` speaks TLS; `user:password@` may precede the hosts.
 * Throws REGISTRY_URL naming the part that is wrong; never repeats the password.
 */
export function parseRegistryUrl(text: string): RegistryUrl {
  const match = FORM.exec(text);
  if (match === null) {
    throw new WatchgateError(
      'REGISTRY_URL',
      'registry: wanted etcd://host:port[,host:port…]/prefix or consul://host:port',
    );
  }
  const [, scheme, username, password, hosts = '', path] = match;
  const protocol = scheme === 'etcds' ? 'https' : 'http';
  const endpoints = hosts.split(',').map((host) => {
    const address = parseAddress(host);
    if (typeof address === 'string')
      throw new WatchgateError('REGISTRY_URL', `registry: "${host}" ${address}`);
    return `${protocol}://${address.text}`;
  });
  return {
    type: scheme === 'consul' ? 'consul' : 'etcd',
    endpoints,
    prefix: path === undefined || path === '/' ? DEFAULT_PREFIX : normalizePrefix(path),
    username: username ? decodeURIComponent(username) : undefined,
    password: password ? decodeURIComponent(password) : undefined,
  };
}
