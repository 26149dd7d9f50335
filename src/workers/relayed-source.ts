import type { EndpointSet } from '../core/endpoint.js';
import { Snapshots } from '../discovery/snapshots.js';
import type { SnapshotListener, Source, SourceSnapshot, SourceView } from '../discovery/source.js';
import type { SourceChange, SourceState } from './messages.js';

/**
 * A source in a worker: what the primary says that a registry lists. The primary watches it, and says
 * how fresh that is; here it is only followed.
 */
export class RelayedSource implements Source {
  readonly name: string;
  readonly #snapshots = new Snapshots();
  readonly #tellDead: (service: string, address: string) => void;
  #version: number;

  /** `tellDead` takes to the primary what a request found dead and the registry may not list any more. */
  constructor(state: SourceState, tellDead: (service: string, address: string) => void) {
    this.name = state.source;
    this.#tellDead = tellDead;
    this.#version = state.version;
    if (state.version > 0) this.#publish(new Map(), state);
  }

  /** Throws when a change before this one is missing: what the registry lists is then not known. */
  take(change: SourceChange): void {
    if (change.version <= this.#version) return;
    if (change.version !== this.#version + 1) {
      throw new Error(`${this.name}: change ${change.version} follows on ${this.#version}`);
    }
    this.#version = change.version;
    this.#publish(new Map(this.#snapshots.current?.services), change);
  }

  start(): void {}

  snapshot(): SourceSnapshot | undefined {
    return this.#snapshots.current;
  }

  subscribe(listener: SnapshotListener): () => void {
    return this.#snapshots.subscribe(listener);
  }

  view(): SourceView {
    const sets = [...(this.#snapshots.current?.services.values() ?? [])];
    return {
      source: this.name,
      type: 'relayed',
      connected: true,
      ready: this.#version > 0,
      member: null,
      revision: this.#snapshots.current?.revision ?? '',
      confirmedMsAgo: 0,
      drift: 0,
      services: sets.length,
      endpoints: sets.reduce((sum, { endpoints }) => sum + endpoints.length, 0),
      invalidValues: [],
      lastError: null,
    };
  }

  /** Only of an endpoint that the guard holds does the primary want to know. */
  reportDead(service: string, address: string): void {
    const set = this.#snapshots.current?.services.get(service);
    const endpoint = set?.endpoints.find((one) => one.address === address);
    if (endpoint?.standing === 'stale') this.#tellDead(service, address);
  }

  async close(): Promise<void> {}

  #publish(services: Map<string, EndpointSet>, { sets, revision }: SourceChange): void {
    for (const set of sets) {
      if (set.endpoints.length === 0) services.delete(set.service);
      else services.set(set.service, set);
    }
    const changed = new Set(sets.map(({ service }) => service));
    this.#snapshots.publish({ services, revision, changed });
  }
}
