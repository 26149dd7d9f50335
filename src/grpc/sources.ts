import type { Clock } from '../core/clock.js';
import type { Announce } from '../core/events.js';
import type { Random } from '../core/random.js';
import { normalizePrefix } from '../core/registration.js';
import { createConsulSource } from '../discovery/consul/source.js';
import { createEtcdSource } from '../discovery/etcd/source.js';
import type { Source } from '../discovery/source.js';
import type { ConsulNaming, EtcdNaming } from './options.js';
import type { Target } from './target.js';

export interface SourceTools {
  readonly clock: Clock;
  readonly random: Random;
  readonly announce: Announce;
}

/** What has to be followed for a target. */
export interface Following {
  /** Equal for targets that one source can serve. For people too. */
  readonly id: string;
  /** Which service of the source it is; undefined for all, where the source has no other. */
  readonly service: string | undefined;
  open(tools: SourceTools): Source;
}

/**
 * With a prefix there is one source for all names. Without one, all that names have in common is the whole
 * registry, which a client should neither read nor need the permission for: each name is followed by itself.
 */
export function etcdFollowing(naming: EtcdNaming, { name, service, hosts }: Target): Following {
  const { prefix = '/', tls, endpoints: known, ...rest } = naming;
  const base = normalizePrefix(prefix);
  const full = prefix === '' ? name : `${base}/${name}`;
  const home = full.slice(0, -service.length).replace(/\/$/, '');
  const endpoints = endpointsOf(hosts, known, tls);
  const at = `etcd ${endpoints.join(',')}`;
  const open = (own: { prefix: string; below?: string }) => (tools: SourceTools) =>
    createEtcdSource({ ...rest, ...own, ...tools, tls, endpoints, name: 'etcd' });
  if (naming.schema === 'single-key') return { id: `${at} ${full}`, service, open: open({ prefix: full }) };
  if (base !== '') return { id: `${at} ${home}/`, service, open: open({ prefix: home }) };
  return { id: `${at} ${full}/`, service: undefined, open: open({ prefix: home, below: full }) };
}

/** Consul answers for one service at a time. */
export function consulFollowing(naming: ConsulNaming, { name, hosts }: Target): Following {
  const { endpoints: known, ...rest } = naming;
  const endpoints = endpointsOf(hosts, known, naming.tls);
  return {
    id: `consul ${endpoints.join(',')} ${name}`,
    service: name,
    open: (tools) =>
      createConsulSource({
        ...rest,
        ...tools,
        endpoints,
        name: 'consul',
        wanted: { services: [name], all: false },
      }),
  };
}

/** Hosts that a target names take the place of those in the options, over TLS where the options have it. */
function endpointsOf(
  hosts: readonly string[],
  endpoints: readonly string[],
  tls: object | undefined,
): readonly string[] {
  if (hosts.length === 0) return endpoints;
  const secure = tls !== undefined || endpoints.some((endpoint) => endpoint.startsWith('https:'));
  return hosts.map((host) => `${secure ? 'https' : 'http'}://${host}`);
}
