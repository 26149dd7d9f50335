import { hostname } from 'node:os';
import { type Address, formatAddress, parseAddress } from '../core/address.js';
import type { Clock } from '../core/clock.js';
import { WatchgateError } from '../core/errors.js';
import type { Random } from '../core/random.js';
import {
  DEFAULT_LEASE_SECONDS,
  DEFAULT_PREFIX,
  isServiceName,
  type RegistrationValue,
  registrationKey,
} from '../core/registration.js';
import { parseRegistryUrl } from '../core/registry-url.js';
import type { EtcdTls } from '../etcd/channel.js';
import type { HealthCheck } from './health-checks.js';
import { ownHost } from './own-address.js';

/** A registry to register in, where a URL cannot say it all. */
export interface RegistryOptions {
  /** `http://host:port` or `https://host:port` of the members of one etcd cluster, at least one. */
  readonly endpoints: readonly string[];
  /** `/service_registry_discovery` when absent. */
  readonly prefix?: string | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly tls?: EtcdTls | undefined;
}

export interface RegisterOptions {
  /** `etcd://[user:password@]host:port[,host:port…][/prefix]`, `etcds://` for TLS, or its parts. */
  readonly registry: string | RegistryOptions;
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
  /** Last segment of the key, distinct for each process of a service; the host name when absent. */
  readonly hostKey?: string | undefined;
  /** Overrides the prefix of `registry`. Taken as it is, like the gateway's: a leading slash is not added. */
  readonly prefix?: string | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}

/** The options, checked and completed. */
export interface RegistrationPlan {
  readonly key: string;
  readonly address: Address;
  readonly value: RegistrationValue;
  readonly ttlSeconds: number;
  readonly registry: RegistryOptions;
}

/** A day; a lease that outlives its process for longer is a mistake in the units. */
const MAX_TTL_SECONDS = 86_400;

/** Throws a WatchgateError naming the option that is wrong. */
export function planRegistration(options: RegisterOptions): RegistrationPlan {
  const registry = readRegistry(options.registry);
  const { service, ttl = DEFAULT_LEASE_SECONDS, hostKey = hostname(), weight, zone, metadata } = options;
  require(isServiceName(service), 'service', 'wanted 1 to 128 letters, digits or . _ ~ -');
  require(Number.isInteger(ttl) &&
    ttl >= 1 &&
    ttl <= MAX_TTL_SECONDS, 'ttl', `wanted whole seconds from 1 to ${MAX_TTL_SECONDS}`);
  require(isHostKey(hostKey), 'hostKey', 'wanted 1 to 253 characters without space or /');
  require(weight === undefined ||
    (Number.isFinite(weight) && weight > 0), 'weight', 'wanted a number above 0');
  const address = readAddress(options.address, registry);
  return {
    key: registrationKey(options.prefix ?? registry.prefix ?? DEFAULT_PREFIX, service, hostKey),
    address,
    value: {
      address: address.text,
      ...(weight !== undefined && { weight }),
      ...(zone !== undefined && { zone }),
      ...(metadata !== undefined && { metadata }),
    },
    ttlSeconds: ttl,
    registry,
  };
}

/** A host key is one key segment that can be read aloud. */
export function isHostKey(text: string): boolean {
  return /^[^\s/\p{Cc}]{1,253}$/u.test(text);
}

function readRegistry(registry: string | RegistryOptions): RegistryOptions {
  if (typeof registry !== 'string') {
    require(registry.endpoints.length > 0, 'registry', 'wanted at least one endpoint');
    return registry;
  }
  const url = parseRegistryUrl(registry);
  if (url.type !== 'etcd')
    throw new WatchgateError('REGISTRY_URL', 'registry: registering works in etcd only, wanted etcd://…');
  return url;
}

function readAddress(address: string | number, registry: RegistryOptions): Address {
  const text = typeof address === 'string' ? address : formatAddress(ownHost(registry.endpoints), address);
  const parsed = parseAddress(text);
  if (typeof parsed === 'string') throw new WatchgateError('BAD_FLAG', `address: "${text}" ${parsed}`);
  return parsed;
}

function require(holds: boolean, option: string, wanted: string): void {
  if (!holds) throw new WatchgateError('BAD_FLAG', `${option}: ${wanted}`);
}
