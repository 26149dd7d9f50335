import { hostname } from 'node:os';
import type { ConsulTls } from '../consul/agent.js';
import { type Address, formatAddress, parseAddress } from '../core/address.js';
import type { Clock } from '../core/clock.js';
import { WatchgateError } from '../core/errors.js';
import { type Random, randomBelow, systemRandom } from '../core/random.js';
import {
  DEFAULT_LEASE_SECONDS,
  DEFAULT_PREFIX,
  type RegistrationValue,
  registrationKey,
} from '../core/registration.js';
import { parseRegistryUrl } from '../core/registry-url.js';
import type { EtcdTls } from '../etcd/channel.js';
import type { HealthCheck } from './health-checks.js';
import { checkOptions } from './option-checks.js';
import { ownHost } from './own-address.js';

/** An etcd to register in, where a URL cannot say it all. */
export interface RegistryOptions {
  readonly type?: 'etcd' | undefined;
  /** `http://host:port` or `https://host:port` of the members of one etcd cluster, at least one. */
  readonly endpoints: readonly string[];
  /** `/service_registry_discovery` when absent. */
  readonly prefix?: string | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly tls?: EtcdTls | undefined;
}

/** A Consul to register in, where a URL cannot say it all. */
export interface ConsulRegistryOptions {
  readonly type: 'consul';
  /** `http://host:port` or `https://host:port` of agents, at least one. The first that answers keeps the registration. */
  readonly endpoints: readonly string[];
  readonly token?: string | undefined;
  readonly tls?: ConsulTls | undefined;
}

export interface RegisterOptions {
  /**
   * `etcd://[user:password@]host:port[,host:port…][/prefix]` or `consul://[token@]host:port[,host:port…]`,
   * `etcds://` and `consuls://` for TLS; or its parts.
   */
  readonly registry: string | RegistryOptions | ConsulRegistryOptions;
  /** One key segment: letters, digits and `. _ ~ -`. */
  readonly service: string;
  /** `ip:port`, `[v6]:port` or `name:port`; or a port alone, with this machine's first address. */
  readonly address: string | number;
  /** Seconds of the lease; 3 when absent. The server may grant more. */
  readonly ttl?: number | undefined;
  /**
   * Registered only while this passes: a function, or a path answered with 200 – 399 at the address.
   * Checked every second, each check within one second; two failures in a row withdraw.
   */
  readonly health?: HealthCheck | string | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** Relative share of traffic, above 0; 1 when absent. */
  readonly weight?: number | undefined;
  readonly zone?: string | undefined;
  /** Consul only: 1 to 128 letters, digits or `. _ ~ : = -` each. */
  readonly tags?: readonly string[] | undefined;
  /** Last segment of the key, distinct for each process of a service; the host name when absent. */
  readonly hostKey?: string | undefined;
  /** Overrides the prefix of `registry`. Taken as it is, like the gateway's: a leading slash is not added. */
  readonly prefix?: string | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}

/** The options, checked and completed. */
export interface RegistrationPlan {
  /** The key in etcd, the id of the service in Consul. */
  readonly key: string;
  readonly service: string;
  readonly address: Address;
  readonly value: RegistrationValue;
  readonly tags: readonly string[];
  readonly ttlSeconds: number;
  readonly registry: RegistryOptions | ConsulRegistryOptions;
}

/** Throws a WatchgateError naming the option that is wrong, missing or unknown. */
export function planRegistration(options: RegisterOptions): RegistrationPlan {
  checkOptions(options);
  const registry = readRegistry(options.registry);
  const {
    service,
    ttl = DEFAULT_LEASE_SECONDS,
    hostKey = hostname(),
    weight,
    zone,
    metadata,
    tags,
  } = options;
  if (registry.type === 'consul') requireForConsul(options);
  else require(tags === undefined, 'tags', 'only Consul has tags; use metadata');
  const address = readAddress(options.address, registry.endpoints);
  return {
    key: keyOf(options, registry, hostKey),
    service,
    address,
    value: {
      address: address.text,
      ...(weight !== undefined && { weight }),
      ...(zone !== undefined && { zone }),
      ...(metadata !== undefined && { metadata }),
    },
    tags: tags ?? [],
    ttlSeconds: ttl,
    registry,
  };
}

/** What the agent would refuse each time is better refused once, here (agent/structs/structs.go, ValidateMetadata). */
function requireForConsul({ weight = 1, prefix, zone = '', metadata = {} }: RegisterOptions): void {
  require(Number.isInteger(weight) &&
    weight <= 65_535, 'weight', 'for Consul, wanted a whole number up to 65535');
  require(prefix === undefined, 'prefix', 'Consul has no keys that could have one');
  require(zone.length <= 512, 'zone', 'for Consul, wanted at most 512 characters');
  const pairs = Object.entries(metadata);
  const fit = pairs.every(([name, text]) => CONSUL_META_NAME.test(name) && text.length <= 512);
  require(fit &&
    pairs.length <=
      62, 'metadata', 'for Consul, wanted at most 62 names of A-Z a-z 0-9 _ - with up to 512 characters each');
}

/** Names that begin with `consul-` are Consul's; the other two have a meaning of their own. */
const CONSUL_META_NAME = /^(?!consul-|zone$|draining$)[A-Za-z0-9_-]{1,128}$/;

function keyOf(
  { service, prefix, random = systemRandom }: RegisterOptions,
  registry: RegistryOptions | ConsulRegistryOptions,
  hostKey: string,
): string {
  if (registry.type !== 'consul')
    return registrationKey(prefix ?? registry.prefix ?? DEFAULT_PREFIX, service, hostKey);
  // An id of its own for each process: one that is still leaving must not drain or remove its successor.
  const own = randomBelow(random, 2 ** 32)
    .toString(16)
    .padStart(8, '0');
  return `${service}-${hostKey}-${own}`;
}

function readRegistry(registry: RegisterOptions['registry']): RegistryOptions | ConsulRegistryOptions {
  if (typeof registry !== 'string') return registry;
  const { type, endpoints, prefix, username, password, token } = parseRegistryUrl(registry);
  return type === 'consul' ? { type, endpoints, token } : { type, endpoints, prefix, username, password };
}

function readAddress(address: string | number, endpoints: readonly string[]): Address {
  const text = typeof address === 'string' ? address : formatAddress(ownHost(endpoints), address);
  const parsed = parseAddress(text);
  if (typeof parsed === 'string') throw new WatchgateError('BAD_FLAG', `address: "${text}" ${parsed}`);
  return parsed;
}

function require(holds: boolean, option: string, wanted: string): void {
  if (!holds) throw new WatchgateError('BAD_FLAG', `${option}: ${wanted}`);
}
