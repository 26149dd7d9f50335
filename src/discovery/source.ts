import type { EndpointSet } from '../core/endpoint.js';
import type { RegistryView } from '../core/views.js';

/** Everything a registry lists, at one moment. Immutable; unchanged services keep their EndpointSet object. */
export interface SourceSnapshot {
  /** By service name. A service with no endpoint left is absent. */
  readonly services: ReadonlyMap<string, EndpointSet>;
  /** Registry revision that this is true for, decimal; empty when the registry has none. */
  readonly revision: string;
  /**
   * Names of the services that differ from the snapshot before, gone ones included, so that whoever
   * follows need not compare them all. Absent: compare them all.
   */
  readonly changed?: ReadonlySet<string>;
  /** Whether a list found the changes, and not the watch: their causes and revisions are then unknown. */
  readonly relisted?: boolean;
}

export type SnapshotListener = (snapshot: SourceSnapshot) => void;

/**
 * One watched registry. After `start` it keeps trying for as long as it lives: errors never empty
 * the view, they only make it older. The first snapshot handed over is complete.
 */
export interface Source {
  /** Name under `registries:`. */
  readonly name: string;
  start(): void;
  /** The newest snapshot; undefined before the first complete list. */
  snapshot(): SourceSnapshot | undefined;
  /** Calls `listener` for each new snapshot, and at once when there is one. Returns the function that stops it. */
  subscribe(listener: SnapshotListener): () => void;
  view(): RegistryView;
  /** Ends every stream, timer and connection. Idempotent. */
  close(): Promise<void>;
}
