import { systemClock } from '../core/clock.js';
import { systemRandom } from '../core/random.js';
import { type Naming, registerScheme } from './grpc-js.js';
import { planConsul, planEtcd, type ResolverOptions } from './options.js';
import type { Resolution } from './resolution.js';
import { SharedSources } from './shared-sources.js';
import { consulFollowing, etcdFollowing, type Following } from './sources.js';
import { parseTarget, type Scheme, type Target } from './target.js';

export type { SourceEvent } from '../core/events.js';
export type { GrpcModule } from './grpc-js.js';
export type { ConsulNaming, EtcdNaming, ResolverOptions } from './options.js';

/** The resolvers of this process. */
export interface Resolvers {
  /** How many watches are open: one for each name that is dialled, or for each prefix. */
  readonly watches: number;
  /**
   * Ends every watch. Channels keep the servers that they have and hear of no change any more; new ones fail with
   * UNAVAILABLE. Not needed where every client is closed: a watch ends with the last channel that uses it.
   */
  close(): Promise<void>;
}

const STALE_TTL_MS = 60_000;

/**
 * Teaches grpc-js to dial `etcd:///foo` and `consul:///foo`, and `etcd://host:port/foo` for a registry that the target
 * names. To be called before the first such client is made; called again, it is used for channels made from then on.
 * Throws a WatchgateError when an option is wrong; says nothing of registries that cannot be reached, which are tried
 * for as long as a channel wants them.
 *
 * ```js
 * registerResolvers({ etcd: 'etcd://10.0.0.2:2379/services' });
 * const client = new Say('etcd:///say', credentials.createInsecure(), {
 *   'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] }),
 * });
 * ```
 */
export function registerResolvers(options: ResolverOptions = {}): Resolvers {
  const { clock = systemClock, random = systemRandom, staleTtl = STALE_TTL_MS, onEvent } = options;
  const etcd = planEtcd(options.etcd);
  const consul = planConsul(options.consul);
  const followingOf: Record<Scheme, (target: Target) => Following> = {
    etcd: (target) => etcdFollowing(etcd, target),
    consul: (target) => consulFollowing(consul, target),
  };
  const sources = new SharedSources({
    clock,
    random,
    staleTtl,
    // On a turn of its own: a listener that throws must not break the watch.
    onEvent: (event) => onEvent && queueMicrotask(() => onEvent(event)),
  });
  for (const scheme of ['etcd', 'consul'] as const) {
    const naming: Naming = {
      authorityOf: (uri) => parseTarget(scheme, uri).service,
      follow: (uri, listener) => {
        const target = parseTarget(scheme, uri);
        return sources.follow(followingOf[scheme](target), (resolution) =>
          listener(explained(target, resolution)),
        );
      },
    };
    registerScheme(scheme, naming, options.grpc);
  }
  return {
    get watches() {
      return sources.size;
    },
    close: () => sources.close(),
  };
}

/** A failure is read where the target is not in sight. */
function explained({ text }: Target, resolution: Resolution): Resolution {
  return 'failure' in resolution ? { ...resolution, failure: `${text}: ${resolution.failure}` } : resolution;
}
