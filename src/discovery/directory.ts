import type { Clock } from '../core/clock.js';
import type { EndpointSet } from '../core/endpoint.js';
import type { Announce } from '../core/events.js';
import type { ServiceRef } from '../core/route.js';
import type { RegistryView } from '../core/views.js';
import { Confirmation } from './confirmation.js';
import { LeaseTerms } from './lease-terms.js';
import { membershipChanges } from './membership.js';
import type { LeaseTerm } from './registry-client.js';
import { Slices } from './slices.js';
import type { Source, SourceSnapshot } from './source.js';

export interface DirectoryOptions {
  readonly announce: Announce;
  readonly clock: Clock;
}

/** Gets the set of one service, whenever it is another one. Empty when the service has no endpoint. */
export type SetListener = (set: EndpointSet) => void;

/** Gets every service that has an endpoint. */
export type ServicesListener = (services: readonly ServiceRef[]) => void;

/** A service whose set is another one since `snapshot`. */
interface Change {
  readonly was: EndpointSet | undefined;
  readonly is: EndpointSet | undefined;
  readonly snapshot: SourceSnapshot;
}

interface Shelf {
  readonly source: Source;
  readonly confirmation: Confirmation;
  readonly leases: LeaseTerms;
  readonly listeners: Map<string, Set<SetListener>>;
  snapshot: SourceSnapshot | undefined;
  /** Whether all of the first snapshot has been told. */
  ready: boolean;
  /** By service: changes that nobody has been told of yet, the longest untold first; of each, oldest first. */
  readonly untold: Map<string, Change[]>;
  /** Whether services have appeared or disappeared among those that were told. */
  otherServices: boolean;
  readonly slices: Slices;
  unsubscribe: () => void;
}

/** All sources as one: which endpoints has this service now, and tell me when that changes. */
export class Directory {
  readonly #options: DirectoryOptions;
  readonly #shelves = new Map<string, Shelf>();
  readonly #servicesListeners = new Set<ServicesListener>();
  readonly #awaitingReady = new Set<() => void>();

  /** Takes over `sources`: `start` starts them and `close` closes them. Their names must differ. */
  constructor(sources: readonly Source[], options: DirectoryOptions) {
    this.#options = options;
    for (const source of sources) {
      const slices = new Slices(options.clock, (mayGoOn) => this.#tellSome(shelf, mayGoOn));
      const shelf: Shelf = {
        source,
        confirmation: new Confirmation({ source, ...options }),
        leases: new LeaseTerms({ source: source.name, ...options, ask: (lease) => termOf(source, lease) }),
        listeners: new Map(),
        snapshot: undefined,
        ready: false,
        untold: new Map(),
        otherServices: false,
        slices,
        unsubscribe: () => {},
      };
      this.#shelves.set(source.name, shelf);
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

  /**
   * Calls `listener` at once, and when a service has got its first endpoint or lost its last: once for all that
   * changed together. Returns the function that stops it.
   */
  subscribeServices(listener: ServicesListener): () => void {
    const own: ServicesListener = (services) => listener(services);
    this.#servicesListeners.add(own);
    own(this.services());
    return () => void this.#servicesListeners.delete(own);
  }

  /** Every service that has an endpoint. */
  services(): ServiceRef[] {
    return [...this.#shelves].flatMap(([registry, { snapshot }]) =>
      [...(snapshot?.services.keys() ?? [])].map((service) => ({ service, registry })),
    );
  }

  /** Names of the sources that have neither had their first complete list nor found a snapshot of use on disk. */
  waitingFor(): string[] {
    return [...this.#shelves.values()].filter((shelf) => !shelf.ready).map((shelf) => shelf.source.name);
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
    for (const { unsubscribe, confirmation, leases, slices } of shelves) {
      unsubscribe();
      leases.close();
      confirmation.close();
      slices.stop();
    }
    await Promise.all(shelves.map((shelf) => shelf.source.close()));
  }

  #take(shelf: Shelf, snapshot: SourceSnapshot): void {
    const before = shelf.snapshot;
    shelf.snapshot = snapshot;
    // `changed` is relative to the snapshot before, which we have not seen when this is our first.
    const names = (before && snapshot.changed) ?? namesIn(before, snapshot);
    for (const service of names) {
      const [was, is] = [before?.services.get(service), snapshot.services.get(service)];
      if (was === is) continue;
      const earlier = shelf.untold.get(service);
      if (earlier === undefined) shelf.untold.set(service, [{ was, is, snapshot }]);
      else earlier.push({ was, is, snapshot });
    }
    // The first snapshot in one go, since nobody waits for anything else.
    shelf.slices.run(!shelf.ready);
  }

  /** Tells what is untold, as long as it may go on; answers whether all has been told. */
  #tellSome(shelf: Shelf, mayGoOn: () => boolean): boolean {
    for (const [service, changes] of shelf.untold) {
      shelf.untold.delete(service);
      this.#tell(shelf, service, changes);
      if (shelf.untold.size > 0 && !mayGoOn()) return false;
    }
    this.#toldAll(shelf);
    return true;
  }

  #toldAll(shelf: Shelf): void {
    if (shelf.otherServices) {
      shelf.otherServices = false;
      const services = this.services();
      for (const listener of [...this.#servicesListeners]) listener(services);
    }
    if (shelf.ready) return;
    shelf.ready = true;
    if (this.waitingFor().length > 0) return;
    for (const resolve of this.#awaitingReady) resolve();
    this.#awaitingReady.clear();
  }

  /** Traffic first, and of several changes only the newest set; whoever watches and logs can wait, and hears of all. */
  #tell(shelf: Shelf, service: string, changes: readonly Change[]): void {
    const [first, last] = [changes[0], changes.at(-1)];
    const set = last?.is ?? emptySet(service);
    for (const listener of [...(shelf.listeners.get(service) ?? [])]) listener(set);
    shelf.otherServices ||= (first?.was === undefined) !== (last?.is === undefined);
    for (const change of changes) this.#announce(shelf, service, change);
  }

  #announce(shelf: Shelf, service: string, { was, is, snapshot }: Change): void {
    const { announce, clock } = this.#options;
    const context = {
      at: clock.now(),
      source: shelf.source.name,
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
