import type { Endpoint, EndpointSet } from '../core/endpoint.js';
import type { RegistryView } from '../core/views.js';
import type { LeaseTerm } from './registry-client.js';

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
  /** How long the view had not been proved current before this one, milliseconds; absent for not at all. */
  readonly unconfirmedMs?: number;
  /** What the registry told about those that the snapshot before had and this one has not. */
  readonly departures?: ReadonlyMap<Endpoint, Departure> | undefined;
  /** When the first of its changes had come in, milliseconds on the monotonic clock; absent when nobody noted it. */
  readonly arrivedAt?: number | undefined;
  /** Why the guard let go of endpoints that the snapshot before had. */
  readonly released?: ReadonlyMap<Endpoint, ReleaseReason>;
}

/** How the last key of an endpoint went. */
export interface Departure {
  /** The owner said so: it was draining, or the key says something else now. */
  readonly willing: boolean;
  /** Of the delete that a watch told of; undefined when a list found the key missing. */
  readonly revision: bigint | undefined;
  /** Decimal; empty when the key had none. */
  readonly lease: string;
  /** Why the value that the key holds now cannot be used; absent when the key holds none, or a good one. */
  readonly rubbish?: string | undefined;
}

export type ReleaseReason =
  | 'a probe failed'
  | 'a request could not connect'
  | 'its owner deleted it'
  | 'held long enough'
  | 'the registry does not list it';

/** What a source knows of itself; whether that is fresh enough is for others to judge. */
export type SourceView = Omit<RegistryView, 'degraded'> & {
  /** The registry has not been heard of yet: what is served comes from the snapshot on disk. */
  readonly fromDisk?: boolean;
};

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
  view(): SourceView;
  /** What became of a lease. Rejects when the registry does not say. */
  leaseTerm?(lease: string): Promise<LeaseTerm>;
  /** A request could not connect to this address. */
  reportDead?(service: string, address: string): void;
  /** Ends every stream, timer and connection. Idempotent. */
  close(): Promise<void>;
}
