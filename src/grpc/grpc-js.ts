import { experimental as ownExperimental, status } from '@grpc/grpc-js';
import { WatchgateError } from '../core/errors.js';
import { type Resolution, sameResolution } from './resolution.js';
import type { TargetUri } from './target.js';

type Experimental = typeof ownExperimental;
type ResolverConstructor = Parameters<Experimental['registerResolver']>[1];
type Listener = ConstructorParameters<ResolverConstructor>[1];

/** What is used of `@grpc/grpc-js`. */
export interface GrpcModule {
  readonly experimental: Pick<Experimental, 'registerResolver' | 'statusOrFromValue' | 'statusOrFromError'>;
}

/** Who knows where services are. */
export interface Naming {
  /** What a channel to this target sends as `:authority`. Throws when there can be no such target. */
  authorityOf(target: TargetUri): string;
  /** Tells what is known, and whatever is known next, never before it returns. Answers how to stop it. */
  follow(target: TargetUri, listener: (resolution: Resolution) => void): () => void;
}

/**
 * Makes grpc-js ask `naming` for targets of a scheme. All that Watchgate needs of grpc-js's experimental API is in
 * this file; it is as of 1.14.
 */
export function registerScheme(scheme: string, naming: Naming, module?: GrpcModule): void {
  const experimental = module?.experimental ?? ownExperimental;
  // Resolvers answered in another way before 1.14.
  if (typeof experimental.statusOrFromError !== 'function')
    throw new WatchgateError('BAD_FLAG', 'grpc: wanted @grpc/grpc-js 1.14 or newer');

  class RegistryResolver {
    readonly #target: TargetUri;
    readonly #listener: Listener;
    #told: Resolution | undefined;
    #stop: (() => void) | undefined;

    constructor(target: TargetUri, listener: Listener) {
      this.#target = target;
      this.#listener = listener;
    }

    /**
     * Called when a channel wakes, and whenever a connection of its ends. Who follows hears of each change anyway, and
     * what has been told is not repeated: the policy would start over, for the very list that brought it here.
     */
    updateResolution(): void {
      this.#stop ??= naming.follow(this.#target, (resolution) => this.#tell(resolution));
    }

    /** A channel that went idle calls `updateResolution` later. */
    destroy(): void {
      this.#stop?.();
      this.#stop = undefined;
      this.#told = undefined;
    }

    #tell(resolution: Resolution): void {
      const told = this.#told;
      if (sameResolution(told, resolution)) return;
      this.#told = resolution;
      if ('addresses' in resolution) {
        const endpoints = resolution.addresses.map((address) => ({ addresses: [address] }));
        this.#listener(experimental.statusOrFromValue(endpoints), {}, null, '');
        return;
      }
      // A policy that gets an error keeps the servers it has. Those that left for good must not be kept: their
      // addresses may be somebody else's tomorrow. An empty list alone would leave calls without a reason. It has the
      // reason too, for pick_first hears the error while it still has a connection, forgets it, and when that ends
      // has nothing but the note to say.
      if (resolution.empty && told !== undefined)
        this.#listener(experimental.statusOrFromValue([]), {}, null, resolution.failure);
      const error = { code: status.UNAVAILABLE, details: resolution.failure };
      this.#listener(experimental.statusOrFromError(error), {}, null, '');
    }

    static getDefaultAuthority(target: TargetUri): string {
      return naming.authorityOf(target);
    }
  }

  experimental.registerResolver(scheme, RegistryResolver);
}
