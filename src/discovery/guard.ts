import type { Clock, Timer } from '../core/clock.js';
import { type Endpoint, type EndpointSet, endpointSet } from '../core/endpoint.js';
import type { Announce } from '../core/events.js';
import { isUnconfirmed, UNCONFIRMED_AFTER_MS } from './confirmation.js';
import { doubtful, type Loss, lossesBetween } from './guard-policy.js';
import { HeldEndpoints } from './held-endpoints.js';
import { LossWindow } from './loss-window.js';
import type { LeaseTerm } from './registry-client.js';
import type { SnapshotFile } from './snapshot-file.js';
import { SnapshotWriter } from './snapshot-writer.js';
import { Snapshots } from './snapshots.js';
import type { ReleaseReason, SnapshotListener, Source, SourceSnapshot, SourceView } from './source.js';

type Sets = ReadonlyMap<string, EndpointSet>;

export interface GuardOptions {
  /** Started and closed with the guard. */
  readonly source: Source;
  readonly clock: Clock;
  readonly announce: Announce;
  /** Whether an endpoint of a service can take requests: a connection, or its health check. Never rejects. */
  readonly probe: (service: string, endpoint: Endpoint) => Promise<boolean>;
  /** How long an endpoint may be used that the registry does not list, in milliseconds; 0 believes every list. */
  readonly staleTtl: number;
  /** Where what is known survives a restart; undefined when it does not. */
  readonly file?: SnapshotFile | undefined;
  /** How long the registry may take for its first list before the file is read, in milliseconds. */
  readonly grace?: number;
}

const GRACE_MS = 1_000;

/**
 * A source that believes a sudden emptiness only with evidence. Both mistakes are on record: an emptied
 * list passed on while a registry restarted, and dead endpoints kept for ever. So what a registry loses
 * all at once is asked itself: while it answers, it stays in use; when it does not, it is gone.
 */
export class GuardedSource implements Source {
  readonly name: string;
  readonly #options: GuardOptions;
  readonly #snapshots = new Snapshots();
  readonly #held: HeldEndpoints;
  readonly #losses: LossWindow;
  readonly #writer: SnapshotWriter | undefined;
  /** What the registry lists; undefined before its first list. */
  #listed: SourceSnapshot | undefined;
  /** The sets that have a held endpoint in them. */
  readonly #mixed = new Map<string, EndpointSet>();
  #dirty = new Set<string>();
  #released = new Map<Endpoint, ReleaseReason>();
  #coldStarted = false;
  #flush: NodeJS.Immediate | undefined;
  #grace: Timer | undefined;
  #unsubscribe: () => void = () => {};
  #closed = false;

  constructor(options: GuardOptions) {
    const { source, clock, probe, staleTtl, file } = options;
    this.name = source.name;
    this.#options = options;
    this.#losses = new LossWindow(clock);
    this.#held = new HeldEndpoints({
      clock,
      probe,
      staleTtl,
      leaseLives: async (lease) => (await source.leaseTerm?.(lease))?.lives ?? false,
      onChange: (service) => this.#stir(service),
      onRelease: (service, endpoint, reason) => {
        if (reason === 'its owner deleted it') this.#losses.forget(service, endpoint.address);
        this.#released.set(endpoint, reason);
      },
    });
    this.#writer = file && new SnapshotWriter({ file, clock, confirmedAt: () => this.#confirmedAt() });
  }

  start(): void {
    const { source, clock, grace = GRACE_MS } = this.#options;
    this.#unsubscribe = source.subscribe((snapshot) => this.#take(snapshot));
    source.start();
    if (this.#options.file === undefined || this.#listed !== undefined) return;
    this.#grace = clock.after(grace, () => void this.#startCold());
  }

  snapshot(): SourceSnapshot | undefined {
    return this.#snapshots.current;
  }

  subscribe(listener: SnapshotListener): () => void {
    return this.#snapshots.subscribe(listener);
  }

  view(): SourceView {
    const view = this.#options.source.view();
    const fromDisk = this.#listed === undefined && this.#snapshots.current !== undefined;
    return fromDisk ? { ...view, fromDisk } : view;
  }

  async leaseTerm(lease: string): Promise<LeaseTerm> {
    const term = this.#options.source.leaseTerm?.(lease);
    if (term === undefined) throw new Error('this registry knows no leases');
    return term;
  }

  reportDead(service: string, address: string): void {
    this.#held.reportDead(service, address);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#unsubscribe();
    this.#grace?.cancel();
    clearImmediate(this.#flush);
    this.#held.close();
    await Promise.all([this.#options.source.close(), this.#writer?.close()]);
  }

  #take(next: SourceSnapshot): void {
    this.#grace?.cancel();
    const listed = this.#listed;
    const previous = listed?.services ?? this.#held.endColdStart();
    // What changed is told relative to the snapshot before, which is not the one on disk.
    const changed = (listed && next.changed) ?? new Set([...previous.keys(), ...next.services.keys()]);
    this.#listed = next;
    if (!this.#held.empty || !this.#losses.empty) this.#forgetListed(changed, next.services);
    const lost = lossesBetween(previous, next.services, changed, next.departures);
    if (lost.length > 0 && this.#options.staleTtl > 0) this.#doubt(lost, next);
    if (listed === undefined) this.#releaseUnlisted(previous, next.services);
    this.#publish(this.#dirty.size === 0 ? changed : new Set([...changed, ...this.#dirty]), next);
  }

  /** What is listed is neither held nor lost. */
  #forgetListed(changed: Iterable<string>, listed: Sets): void {
    for (const service of changed) {
      const set = listed.get(service);
      if (set === undefined) continue;
      this.#held.forgetListed(set);
      this.#losses.forgetListed(set);
    }
  }

  /** Those lost a moment ago come back, too, when the losses have become too many; unused until they pass. */
  #doubt(lost: readonly Loss[], next: SourceSnapshot): void {
    this.#losses.add(lost);
    const losses = this.#losses.recent();
    // A list makes the view current; what it lacks was lost while nobody could tell.
    const unconfirmed =
      isUnconfirmed(this.#options.source.view()) || (next.unconfirmedMs ?? 0) >= UNCONFIRMED_AFTER_MS;
    const fresh = new Set(lost);
    const doubts = doubtful({ losses, next: next.services, unconfirmed });
    this.#held.hold(
      doubts.flatMap(([loss, reason]) => {
        const { service, endpoint, lease } = loss;
        if (this.#held.has(service, endpoint.address)) return [];
        return [{ service, endpoint, reason, lease, shown: fresh.has(loss) ? endpoint : undefined }];
      }),
    );
  }

  /** What only the snapshot on disk had, and the guard lets go. */
  #releaseUnlisted(previous: Sets, next: Sets): void {
    for (const [service, { endpoints }] of previous) {
      const listed = new Set(next.get(service)?.endpoints.map(({ address }) => address));
      for (const endpoint of endpoints) {
        if (listed.has(endpoint.address) || this.#held.has(service, endpoint.address)) continue;
        this.#released.set(endpoint, 'the registry does not list it');
      }
    }
  }

  async #startCold(): Promise<void> {
    const { file, clock, announce } = this.#options;
    const stored = await file?.load();
    if (stored === undefined || this.#isOver()) return;
    const endpoints = [...stored.services.values()].flatMap(({ service, endpoints }) =>
      endpoints.map((endpoint) => ({ service, endpoint })),
    );
    await Promise.all(endpoints.map(({ service, endpoint }) => this.#held.holdCold(service, endpoint)));
    if (this.#isOver()) return;
    this.#coldStarted = true;
    const age = Math.round((clock.now() - stored.confirmedAt) / 1000);
    const answering = [...this.#held.services()].reduce((sum, name) => sum + this.#held.of(name).length, 0);
    const detail = `${answering} of ${endpoints.length} endpoints answer, as of ${age} s ago`;
    announce('source', { at: clock.now(), source: this.name, kind: 'cold-start', detail });
    this.#publishHeld();
  }

  #isOver(): boolean {
    return this.#closed || this.#listed !== undefined;
  }

  /** At the end of this turn of the event loop: probes that end together make one snapshot. */
  #stir(service: string): void {
    this.#dirty.add(service);
    this.#flush ??= setImmediate(() => {
      this.#flush = undefined;
      this.#publishHeld();
    });
  }

  #publishHeld(): void {
    if (this.#dirty.size === 0 || this.#closed) return;
    const isFirst = this.#snapshots.current === undefined;
    // A snapshot of which nothing answers is no reason to call the gateway ready.
    if (this.#listed !== undefined || (this.#coldStarted && (!isFirst || this.#anyInUse()))) {
      this.#publish(this.#dirty);
    }
  }

  #anyInUse(): boolean {
    return [...this.#held.services()].some((service) => this.#held.of(service).length > 0);
  }

  /** `news`: what the registry told just now; absent for what the guard found out. */
  #publish(changed: ReadonlySet<string>, news?: SourceSnapshot): void {
    const listed = this.#listed?.services ?? new Map<string, EndpointSet>();
    if (!this.#held.empty || this.#mixed.size > 0) this.#mix(changed, listed);
    const services = this.#mixed.size === 0 ? listed : new Map([...listed, ...this.#mixed]);
    const released = this.#released;
    this.#dirty = new Set();
    this.#released = new Map();
    const revision = this.#listed?.revision ?? '';
    const relisted = news?.relisted === true && { relisted: true };
    this.#snapshots.publish({
      services,
      revision,
      changed,
      released,
      departures: news?.departures,
      arrivedAt: news?.arrivedAt,
      ...relisted,
    });
    this.#writer?.offer(services);
  }

  /** Puts the held endpoints of the services that changed beside the listed ones. */
  #mix(changed: Iterable<string>, listed: Sets): void {
    for (const service of changed) {
      const held = this.#held.of(service);
      if (held.length === 0) this.#mixed.delete(service);
      else
        this.#mixed.set(service, endpointSet(service, [...(listed.get(service)?.endpoints ?? []), ...held]));
    }
  }

  /** Milliseconds since the epoch; undefined before the first time. */
  #confirmedAt(): number | undefined {
    const { confirmedMsAgo } = this.#options.source.view();
    return confirmedMsAgo === null ? undefined : this.#options.clock.now() - confirmedMsAgo;
  }
}
