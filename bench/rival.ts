import type { Launch } from './process.js';
import type { BenchRegistry } from './registry.js';

/** What a load may need of a proxy beyond passing requests to one endpoint. */
export type Feature = 'routes' | 'endpoints' | 'registry' | 'websocket';

/** What a proxy is to serve. */
export interface Site {
  /** Path prefixes, all for the same service; `/` alone for everything. */
  readonly routes: readonly string[];
  /** `host:port` of each. */
  readonly endpoints: readonly string[];
}

export interface Work {
  /** On 127.0.0.1, where the proxy is to listen. */
  readonly port: number;
  /** For its files; exists, empty. */
  readonly folder: string;
  readonly site: Site;
  readonly registry: BenchRegistry;
}

export interface RivalLaunch extends Launch {
  /** Where the endpoints are registered; absent for a proxy that was told them. */
  readonly registryPrefix?: string;
}

/** One proxy, or one way to run it. */
export interface Rival {
  readonly name: string;
  readonly version: string;
  readonly features: ReadonlySet<Feature>;
  /** Measured only under the loads that ask for it. */
  readonly aside?: boolean;
  /** Writes the configuration and names the command. Absent for no proxy at all. */
  readonly launch?: (work: Work) => Promise<RivalLaunch>;
}
