import type { Clock } from '../core/clock.js';
import type { EndpointSet } from '../core/endpoint.js';
import type { Announce } from '../core/events.js';
import type { ServiceRef } from '../core/route.js';
import type { RegistryView } from '../core/views.js';
import { Confirmation } from './confirmation.js';
import { LeaseTerms } from './lease-terms.js';
import { membershipChanges } from './membership.js';
import type { LeaseTerm } from './registry-client.js';
import type { Source, SourceSnapshot } from './source.js';

export interface DirectoryOptions {
  readonly announce: Announce;
  readonly clock: Clock;
}

/** Gets the set of one service, whenever it is another one. Empty when the service has no endpoint. */
export type SetListener = (set: EndpointSet) => void;

/** Gets every set that changed, with the registry it belongs to. */
export type AnySetListener = (ref: ServiceRef, set: EndpointSet) => void;

interface Shelf {
  readonly source: Source;
  readonly confirmation: Confirmation;
  readonly leases: LeaseTerms;
  readonly listeners: Map<string, Set<SetListener>>;
  snapshot: SourceSnapshot | undefined;
  unsubscribe: () => void;
}

/** All sources as one: which endpoints has this service now, and tell me when that changes. */
export class Directory {
  readonly #options: DirectoryOptions;
  readonly #shelves = new Map<string, Shelf>();
  readonly #anyListeners = new Set<AnySetListener>();
  readonly #awaitingReady = new Set<() => void>();

  /** Takes over `sources`: `start` starts them and `close` closes them. Their names must differ. */
  constructor(sources: readonly Source[], options: DirectoryOptions) {
    this.#options = options;
    for (const source of sources) {
      this.#shelves.set(source.name, {
        source,
        confirmation: new Confirmation({ source, ...options }),
        leases: new LeaseTerms({ source: source.name, ...options, ask: (lease) => termOf(source, lease) }),
        listeners: new Map(),
        snapshot: undefined,
        unsubscribe: () => {},
      });
    }
  }

  start(): void {
    for (const shelf of this.#shelves.values()) {
      shelf.unsubscribe = shelf.source.subscribe((snapshot) => this.#take(shelf, snapshot));
      shelf.source.start();
      shelf.confirmation.start();
    }
  }

  /** The set as it is now; empty when the service or its registry is not known. */
  get(ref: ServiceRef): EndpointSet {
    return this.#shelves.get(ref.registry)?.snapshot?.services.get(ref.service) ?? emptySet(ref.service);
  }

  /** Calls `listener` at once and on each change. Returns the function that stops it. */
  subscribe(ref: ServiceRef, listener: SetListener): () => void {
    listener(this.get(ref));
    const listeners = this.#shelves.get(ref.registry)?.listeners;
    if (listeners === undefined) return () => {};
    const own: SetListener = (set) => listener(set);
    const ofService = listeners.get(ref.service) ?? new Set();
    listeners.set(ref.service, ofService.add(own));
    return () => {
      ofService.delete(own);
      if (ofService.size === 0 && listeners.get(ref.service) === ofService) listeners.delete(ref.service);
    };
  }

  /** Calls `listener` for every service there is, and on each change. Returns the function that stops it. */
  subscribeAll(listener: AnySetListener): () => void {
    const own: AnySetListener = (ref, set) => listener(ref, set);
    this.#anyListeners.add(own);
    for (const ref of this.services()) own(ref, this.get(ref));
    return () => void this.#anyListeners.delete(own);
  }

  /** Every service that has an endpoint. */
  services(): ServiceRef[] {
    return [...this.#shelves].flatMap(([registry, { snapshot }]) =>
      [...(snapshot?.services.keys() ?? [])].map((service) => ({ service, registry })),
    );
  }

  /** Names of the sources that have neither had their first complete list nor found a snapshot of use on disk. */
  waitingFor(): string[] {
    return [...this.#shelves.values()]
      .filter((shelf) => shelf.snapshot === undefined)
      .map((shelf) => shelf.source.name);
  }

  /** Resolves once `waitingFor` names none. */
  ready(): Promise<void> {
    if (this.waitingFor().length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#awaitingReady.add(resolve));
  }

  views(): RegistryView[] {
    return [...this.#shelves.values()].map(({ source, confirmation }) => {
      const view = source.view();
      const { fromDisk: _, ...shown } = view;
      return { ...shown, degraded: confirmation.degraded(view) };
    });
  }

  /** A request could not connect to this address: no reason to doubt the registry, but to stop doubting its emptiness. */
  reportDead({ service, registry }: ServiceRef, address: string): void {
    this.#shelves.get(registry)?.source.reportDead?.(service, address);
  }

  async close(): Promise<void> {
    const shelves = [...this.#shelves.values()];
    for (const { unsubscribe, confirmation, leases } of shelves) {
      unsubscribe();
      leases.close();
      confirmation.close();
    }
    await Promise.all(shelves.map((shelf) => shelf.source.close()));
  }

  #take(shelf: Shelf, snapshot: SourceSnapshot): void {
    const before = shelf.snapshot;
    shelf.snapshot = snapshot;
    // `changed` is relative to the snapshot before, which we have not seen when this is our first.
    const names = (before && snapshot.changed) ?? namesIn(before, snapshot);
    for (const service of names) {
      const was = before?.services.get(service);
      const is = snapshot.services.get(service);
      if (was !== is) this.#tell(shelf, service, was, is, snapshot);
    }
    if (before === undefined && this.waitingFor().length === 0) {
      for (const resolve of this.#awaitingReady) resolve();
      this.#awaitingReady.clear();
    }
  }

  /** Traffic first: whoever watches and logs can wait. */
  #tell(
    shelf: Shelf,
    service: string,
    was: EndpointSet | undefined,
    is: EndpointSet | undefined,
    snapshot: SourceSnapshot,
  ): void {
    const { announce, clock } = this.#options;
    const source = shelf.source.name;
    const set = is ?? emptySet(service);
    for (const listener of [...(shelf.listeners.get(service) ?? [])]) listener(set);
    for (const listener of [...this.#anyListeners]) listener({ service, registry: source }, set);
    const context = {
      at: clock.now(),
      source,
      service,
      snapshot,
      appliedMs: snapshot.arrivedAt === undefined ? undefined : clock.monotonic() - snapshot.arrivedAt,
      grantedOf: (lease: string) => shelf.leases.grantedOf(lease),
    };
    for (const change of membershipChanges(was, is, context)) {
      announce('membership', change);
      shelf.leases.wonder(change);
    }
  }
}

async function termOf(source: Source, lease: string): Promise<LeaseTerm> {
  const term = source.leaseTerm?.(lease);
  if (term === undefined) throw new Error('this registry knows no leases');
  return term;
}

function namesIn(before: SourceSnapshot | undefined, after: SourceSnapshot): Set<string> {
  return new Set([...(before?.services.keys() ?? []), ...after.services.keys()]);
}

function emptySet(service: string): EndpointSet {
  return { service, endpoints: [] };
}
