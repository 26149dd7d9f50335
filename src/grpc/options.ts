import type { Clock } from '../core/clock.js';
import { WatchgateError } from '../core/errors.js';
import type { SourceEvent } from '../core/events.js';
import type { Random } from '../core/random.js';
import { parseRegistryUrl } from '../core/registry-url.js';
import type { SchemaChoice } from '../core/schema-names.js';
import type { ConsulSourceOptions } from '../discovery/consul/source.js';
import type { EtcdSourceOptions } from '../discovery/etcd/source.js';
import type { GrpcModule } from './grpc-js.js';

/** Where `etcd:` targets are looked up, when a URL cannot say it all. */
export interface EtcdNaming {
  /** `http://host:port` or `https://host:port` of the members of one cluster, at least one. */
  readonly endpoints: readonly string[];
  /**
   * What names stand below, as it is written: absent or `/`, the keys of `etcd:///foo` are those below `/foo/`;
   * empty, those below `foo/`; `/services`, those below `/services/foo/`, and one watch of `/services/` serves
   * every name that is dialled.
   */
  readonly prefix?: string | undefined;
  /** `auto` when absent. */
  readonly schema?: SchemaChoice | undefined;
  /** Empty or absent: no authentication. */
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** PEM. Goes with `https://`, and with the hosts that a target names. */
  readonly tls?: EtcdSourceOptions['tls'];
}

/** Where `consul:` targets are looked up, when a URL cannot say it all. */
export interface ConsulNaming {
  /** `http://host:port` or `https://host:port` of agents of one datacenter, at least one. */
  readonly endpoints: readonly string[];
  /** Absent: that of the agent. */
  readonly datacenter?: string | undefined;
  /** Absent or empty: that of the agent. */
  readonly token?: string | undefined;
  /** PEM. Goes with `https://`, and with the hosts that a target names. */
  readonly tls?: ConsulSourceOptions['tls'];
}

export interface ResolverOptions {
  /** `etcd://[user:password@]host:port[,host:port…][/prefix]`, `etcds://` for TLS; or its parts. `etcd://127.0.0.1:2379` when absent. */
  readonly etcd?: string | EtcdNaming | undefined;
  /** `consul://[token@]host:port[,host:port…]`, `consuls://` for TLS; or its parts. `consul://127.0.0.1:8500` when absent. */
  readonly consul?: string | ConsulNaming | undefined;
  /**
   * How long servers are used, while they accept connections, that the registry lost all at once and without their
   * doing; milliseconds, 60,000 when absent. 0 believes the registry whatever it says.
   */
  readonly staleTtl?: number | undefined;
  /** Hears what becomes of the registries: connected, disconnected, faults. For logs. */
  readonly onEvent?: ((event: SourceEvent) => void) | undefined;
  /** The program's own `@grpc/grpc-js`, where it is another copy than Watchgate's: resolvers are registered in one copy. */
  readonly grpc?: GrpcModule | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}

const DEFAULT_ETCD = 'etcd://127.0.0.1:2379';
const DEFAULT_CONSUL = 'consul://127.0.0.1:8500';

/** Throws a WatchgateError when the option is wrong. */
export function planEtcd(option: string | EtcdNaming = DEFAULT_ETCD): EtcdNaming {
  if (typeof option !== 'string') return withEndpoints('etcd', option);
  const { type, ...url } = parseRegistryUrl(option, '/');
  if (type !== 'etcd') throw new WatchgateError('BAD_FLAG', 'etcd: wanted etcd://host:port');
  return url;
}

/** Throws a WatchgateError when the option is wrong. */
export function planConsul(option: string | ConsulNaming = DEFAULT_CONSUL): ConsulNaming {
  if (typeof option !== 'string') return withEndpoints('consul', option);
  const { type, endpoints, token } = parseRegistryUrl(option);
  if (type !== 'consul') throw new WatchgateError('BAD_FLAG', 'consul: wanted consul://host:port');
  return { endpoints, token };
}

function withEndpoints<T extends { readonly endpoints: readonly string[] }>(name: string, option: T): T {
  if (option.endpoints.length === 0)
    throw new WatchgateError('BAD_FLAG', `${name}: wanted at least one endpoint`);
  return option;
}
