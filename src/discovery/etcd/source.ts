import type { Clock } from '../../core/clock.js';
import type { Announce } from '../../core/events.js';
import type { Random } from '../../core/random.js';
import { normalizePrefix } from '../../core/registration.js';
import type { SchemaChoice } from '../../core/schema-names.js';
import type { EtcdTls } from '../../etcd/channel.js';
import { rangeBelow, rangeFrom } from '../../etcd/key-range.js';
import { EtcdMembers } from '../../etcd/members.js';
import { type AddressPolicy, createAddressPolicy } from '../address-policy.js';
import { ReflectedSource } from '../reflected-source.js';
import { Registrations } from '../registrations.js';
import { schemas } from '../schemas/by-name.js';
import type { Source } from '../source.js';
import { EtcdRegistryClient } from './client.js';

export interface EtcdSourceOptions {
  readonly name: string;
  /** As the configuration calls it; `etcd` when absent. */
  readonly type?: 'etcd' | 'embedded' | undefined;
  /** `http://host:port` or `https://host:port`, at least one. */
  readonly endpoints: readonly string[];
  /** Taken as it is, but for slashes at the end; empty for the whole registry. */
  readonly prefix: string;
  /** Follows only the keys below this key, which is itself below the prefix; absent: all below the prefix. */
  readonly below?: string | undefined;
  /** `auto` when absent. */
  readonly schema?: SchemaChoice | undefined;
  /** Empty or absent: no authentication. */
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly tls?: EtcdTls | undefined;
  /** Absent: everything but link-local, metadata and multicast addresses. */
  readonly allowed?: AddressPolicy | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly announce: Announce;
}

/** A source that follows a prefix of an etcd cluster. */
export function createEtcdSource(options: EtcdSourceOptions): Source {
  const { name, type = 'etcd', clock, random, announce, allowed, schema = 'auto' } = options;
  const prefix = normalizePrefix(options.prefix);
  const policy = allowed ?? createAddressPolicy();
  const registrations = new Registrations({ schema: schemas[schema], prefix, policy, clock });
  const keys = schema === 'single-key' ? rangeFrom(prefix) : rangeBelow(options.below ?? prefix);
  const client = new EtcdRegistryClient(new EtcdMembers(options), keys);
  return new ReflectedSource({ name, type, client, registrations, clock, random, announce });
}
