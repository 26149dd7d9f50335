import { readFile } from 'node:fs/promises';
import { messageOf, WatchgateError } from '../core/errors.js';
import { parseRegistryUrl, type RegistryUrl } from '../core/registry-url.js';
import type { EtcdTls } from '../etcd/channel.js';
import { type KeyRange, rangeBelow, rangeOf } from '../etcd/key-range.js';

/** An etcd cluster and how to be let in. */
export interface EtcdLocation {
  /** `http://host:port` or `https://host:port` of the members, at least one. */
  readonly endpoints: readonly string[];
  /** Empty or absent: no authentication. */
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** PEM texts. */
  readonly tls?: EtcdTls | undefined;
}

/** A key of an etcd, or with a slash at its end all keys below it. */
export interface KeyLocation {
  readonly etcd: EtcdLocation;
  readonly key: string;
  /** For messages: a URL without secrets. */
  readonly name: string;
}

type Variables = Readonly<Record<string, string | undefined>>;

/** Whether a text that may name a file names a registry. */
export function isRegistryUrl(text: string): boolean {
  return /^(etcd|consul)s?:\/\//.test(text);
}

/**
 * Reads `etcd://[user:password@]host:port[,host:port…]/key`; `etcds://` speaks TLS. Throws REGISTRY_URL naming
 * the part that is wrong; never repeats a secret.
 */
export function parseKeyUrl(text: string): KeyLocation {
  const { endpoints, username, password } = etcdUrl(text);
  const [, key = ''] = /^[a-z]+:\/\/[^/]*(\/.*)?$/.exec(text) ?? [];
  return keyLocation({ endpoints, username, password }, key);
}

/** A key that is given apart from its registry, and taken as it is. The path of the URL has no meaning then. */
export function keyLocation(registry: string | EtcdLocation, key: string): KeyLocation {
  if (/^\/*$/.test(key))
    throw new WatchgateError('REGISTRY_URL', 'registry: wanted a key, such as /app/settings');
  const etcd = typeof registry === 'string' ? etcdOf(etcdUrl(registry)) : registry;
  if (etcd.endpoints.length === 0)
    throw new WatchgateError('REGISTRY_URL', 'registry: wanted at least one endpoint');
  const hosts = etcd.endpoints.map((endpoint) => endpoint.replace(/^https?:\/\//, '')).join(',');
  const scheme = etcd.endpoints[0]?.startsWith('https:') ? 'etcds' : 'etcd';
  return { etcd, key, name: `${scheme}://${hosts}${key.startsWith('/') ? '' : ' '}${key}` };
}

/**
 * Adds what is better kept out of a command line: `ETCD_USERNAME` and `ETCD_PASSWORD` when the URL names nobody,
 * and the PEM files that `ETCD_CA`, `ETCD_CERT` and `ETCD_KEY` name. An empty variable means none.
 */
export async function withCredentials(location: KeyLocation, variables: Variables): Promise<KeyLocation> {
  const { etcd } = location;
  const own = { username: variables['ETCD_USERNAME'], password: variables['ETCD_PASSWORD'] };
  const tls: EtcdTls = {
    ca: await pemOf(variables, 'ETCD_CA'),
    cert: await pemOf(variables, 'ETCD_CERT'),
    key: await pemOf(variables, 'ETCD_KEY'),
  };
  return { ...location, etcd: { ...etcd, ...(etcd.username === undefined && own), tls: etcd.tls ?? tls } };
}

/** The keys in the registry that a location stands for. */
export function rangeAt({ key }: KeyLocation): KeyRange {
  return key.endsWith('/') ? rangeBelow(key.replace(/\/+$/, '')) : rangeOf(key);
}

function etcdUrl(text: string): RegistryUrl {
  const url = parseRegistryUrl(text);
  if (url.type === 'etcd') return url;
  throw new WatchgateError(
    'REGISTRY_URL',
    'registry: a key is read from etcd only, wanted etcd://host:port/key',
  );
}

function etcdOf({ endpoints, username, password }: RegistryUrl): EtcdLocation {
  return { endpoints, username, password };
}

async function pemOf(variables: Variables, name: string): Promise<Buffer | undefined> {
  const path = variables[name];
  if (!path) return undefined;
  try {
    return await readFile(path);
  } catch (error) {
    const reason = `registry: ${name}: cannot read ${path}: ${messageOf(error)}`;
    throw new WatchgateError('FILE_UNREADABLE', reason, { cause: error });
  }
}
