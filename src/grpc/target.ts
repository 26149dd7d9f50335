import { parseAddress } from '../core/address.js';
import { WatchgateError } from '../core/errors.js';
import { isServiceName } from '../core/registration.js';
import { formatServiceSelector, parseServiceSelector } from '../core/service-selector.js';

export type Scheme = 'etcd' | 'consul';

/** What a channel was told to dial, in three parts as grpc-js hands it over. */
export interface TargetUri {
  readonly scheme?: string;
  readonly authority?: string;
  readonly path: string;
}

/** A target, understood. */
export interface Target {
  readonly scheme: Scheme;
  /** As it was dialled, for people. */
  readonly text: string;
  /** `foo`, in etcd also `team/foo`, in Consul also `foo?tag=v2`. */
  readonly name: string;
  /** The service alone: what the channel sends as `:authority` and looks for in certificates. */
  readonly service: string;
  /** `host:port` of the registry, where the target names it; none for the one in the options. */
  readonly hosts: readonly string[];
}

/**
 * Reads `etcd:///foo` or `etcd://host:port[,host:port…]/foo`, and the same with `consul`. Throws REGISTRY_URL
 * naming the part that is wrong: grpc-js passes that on to whoever makes the client.
 */
export function parseTarget(scheme: Scheme, { authority = '', path }: TargetUri): Target {
  // A target is shown in errors, logs and channelz: no place for a password.
  if (authority.includes('@')) throw wrong(scheme, 'a target holds no credentials; they are options');
  const name = path.replace(/^\/+|\/+$/g, '');
  return {
    scheme,
    text: `${scheme}://${authority}/${name}`,
    ...(scheme === 'consul' ? consulName(name) : etcdName(name)),
    hosts: authority === '' ? [] : authority.split(',').map((host) => hostOf(scheme, host)),
  };
}

function etcdName(name: string): Pick<Target, 'name' | 'service'> {
  const segments = name.split('/');
  const unfit = segments.find((segment) => !isServiceName(segment));
  if (unfit !== undefined) throw wrong('etcd', `"${unfit}" is no segment of a key that names a service`);
  return { name, service: segments.at(-1) ?? '' };
}

function consulName(name: string): Pick<Target, 'name' | 'service'> {
  const selector = parseServiceSelector(name);
  if (selector === undefined) throw wrong('consul', `"${name}" is no service, nor a service with ?tag=`);
  return { name: formatServiceSelector(selector), service: selector.name };
}

function hostOf(scheme: Scheme, text: string): string {
  const address = parseAddress(text);
  if (typeof address === 'string') throw wrong(scheme, `"${text}" ${address}`);
  return address.text;
}

function wrong(scheme: Scheme, what: string): WatchgateError {
  return new WatchgateError(
    'REGISTRY_URL',
    `wanted ${scheme}:///service or ${scheme}://host:port/service: ${what}`,
  );
}
