/**
 * What the reflector asks of a registry with a revisioned history. Small enough that a scripted
 * server can stand in for one.
 */
export interface RegistryClient {
  /** How many members there are. */
  readonly size: number;
  /** The member in use. */
  current(): RegistryMember;
  /** Moves on to another member; does nothing when `failed` has been left already. */
  leave(failed: RegistryMember): void;
  /** Ends every connection. Idempotent. */
  close(): void;
}

/** One server of the registry. Promises reject with RegistryError only. */
export interface RegistryMember {
  readonly name: string;
  /** One page of everything under the prefix, linearizable. */
  list(page: PageRequest): Promise<ListPage>;
  /** Follows the prefix from revision `from` on, that one included. */
  watch(from: bigint, handlers: RegistryWatchHandlers): Promise<RegistryWatch>;
  /** A linearizable read: where the whole registry has got to. Rejects within 1.5 s when silent. */
  confirm(): Promise<Position>;
  /** What became of a lease. Absent: the registry has none. */
  leaseTerm?(lease: string): Promise<LeaseTerm>;
}

export interface LeaseTerm {
  readonly lives: boolean;
  /** Seconds, by the word of the registry, which may be more than was asked for; 0 when it is gone. */
  readonly granted: number;
}

/** Which history, and how far along it. */
export interface Position {
  readonly clusterId: string;
  readonly revision: bigint;
}

export interface PageRequest {
  /** `next` of the page before; undefined for the first. */
  readonly cursor: Buffer | undefined;
  /** Revision of the first page, so that all pages show one moment; undefined for the first. */
  readonly revision: bigint | undefined;
}

export interface ListPage extends Position {
  readonly entries: readonly RegistryEntry[];
  readonly next: Buffer | undefined;
}

/** A key, as the registry keeps it. */
export interface RegistryEntry {
  readonly key: string;
  readonly value: string;
  /** Revision of the last write to this key. */
  readonly revision: bigint;
  /** Decimal; empty when none. */
  readonly lease: string;
}

/** A change of one key. A delete carries no value. */
export type RegistryEvent =
  | { readonly type: 'put'; readonly entry: RegistryEntry }
  | { readonly type: 'delete'; readonly key: string; readonly revision: bigint };

export interface RegistryWatchMessage extends Position {
  /**
   * `created`: the watch stands; says nothing about events. `progress`: events up to `revision` have been
   * sent. Of `events`, `revision` is where the registry is, which may be ahead of the events.
   */
  readonly kind: 'created' | 'events' | 'progress';
  /** More messages of the same revision follow. */
  readonly fragment: boolean;
  readonly events: readonly RegistryEvent[];
}

export interface RegistryWatchHandlers {
  readonly message: (message: RegistryWatchMessage) => void;
  /** Once, when the watch is over; not called after `close`. */
  readonly end: (error: RegistryError) => void;
}

export interface RegistryWatch {
  /** Asks for a `progress` message. */
  requestProgress(): void;
  /** Idempotent. */
  close(): void;
}

/**
 * `broken`: the member or the way to it; another may do. `refused`: we may not, or not any more.
 * `compacted`: that part of the history is gone. `unknown`: anything else.
 */
export type RegistryFault = 'broken' | 'refused' | 'compacted' | 'unknown';

export class RegistryError extends Error {
  readonly fault: RegistryFault;

  constructor(fault: RegistryFault, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'RegistryError';
    this.fault = fault;
  }
}

export function revisionOf(event: RegistryEvent): bigint {
  return event.type === 'put' ? event.entry.revision : event.revision;
}

export function keyOf(event: RegistryEvent): string {
  return event.type === 'put' ? event.entry.key : event.key;
}
