import type { Clock } from '../core/clock.js';
import type { Announce, SourceEvent } from '../core/events.js';
import type { Random } from '../core/random.js';
import { Reflector, type ReflectorListener } from './reflector.js';
import type { Built, Registrations } from './registrations.js';
import type { LeaseTerm, RegistryClient, RegistryEvent } from './registry-client.js';
import { Slices } from './slices.js';
import { Snapshots } from './snapshots.js';
import type { SnapshotListener, Source, SourceSnapshot, SourceView } from './source.js';

export interface ReflectedSourceOptions {
  readonly name: string;
  /** Kind of registry, as views show it. */
  readonly type: string;
  /** Closed with the source. */
  readonly client: RegistryClient;
  readonly registrations: Registrations;
  readonly clock: Clock;
  readonly random: Random;
  readonly announce: Announce;
}

const MOST_INVALID_SHOWN = 1_000;
const MOST_DRIFT_KEYS_NAMED = 10;
/** Changes between two looks at the clock. */
const LOOK_EVERY = 16;

/** Of changes that have come in together. */
interface News {
  /** Whether a list found them. */
  relisted: boolean;
  revision: bigint;
  /** How long the view before had not been proved current, milliseconds. */
  unconfirmedMs: number;
}

/** Changes that are told of in one snapshot. */
interface Batch extends News {
  readonly changes: { readonly event: RegistryEvent; readonly relisted: boolean }[];
  /** How many of them have been applied. */
  applied: number;
  /** Of the first, monotonic milliseconds. */
  readonly arrivedAt: number;
}

/** A source that keeps up with any registry that has a revisioned history. */
export class ReflectedSource implements Source {
  readonly name: string;
  readonly #options: ReflectedSourceOptions;
  readonly #reflector: Reflector;
  readonly #snapshots = new Snapshots();
  readonly #slices: Slices;
  #flush: NodeJS.Immediate | undefined;
  /** What came in since the work on the next snapshot began. */
  #waiting: Batch | undefined;
  /** What the next snapshot is made of. */
  #current: Batch | undefined;
  #lastFault: string | undefined;

  constructor(options: ReflectedSourceOptions) {
    this.name = options.name;
    this.#options = options;
    const { client, clock, random } = options;
    this.#slices = new Slices(clock, (mayGoOn) => this.#advance(mayGoOn));
    this.#reflector = new Reflector({ client, clock, random, listener: this.#listener() });
  }

  start(): void {
    this.#reflector.start();
  }

  snapshot(): SourceSnapshot | undefined {
    return this.#snapshots.current;
  }

  subscribe(listener: SnapshotListener): () => void {
    return this.#snapshots.subscribe(listener);
  }

  view(): SourceView {
    const { connected, ready, member, revision, confirmedMsAgo, drift, lastError } = this.#reflector.state();
    return {
      source: this.name,
      type: this.#options.type,
      connected,
      ready,
      member: member ?? null,
      revision: ready ? String(revision) : '',
      confirmedMsAgo: confirmedMsAgo ?? null,
      drift,
      services: this.#options.registrations.serviceCount,
      endpoints: this.#options.registrations.endpointCount,
      invalidValues: this.#options.registrations.invalidValues(MOST_INVALID_SHOWN),
      lastError: lastError ?? null,
    };
  }

  async leaseTerm(lease: string): Promise<LeaseTerm> {
    const term = this.#options.client.current().leaseTerm?.(lease);
    if (term === undefined) throw new Error('this registry knows no leases');
    return term;
  }

  async close(): Promise<void> {
    clearImmediate(this.#flush);
    this.#slices.stop();
    await this.#reflector.close();
  }

  #listener(): ReflectorListener {
    return {
      changes: (changes, origin, revision, unconfirmedMs = 0) =>
        this.#take(changes, { relisted: origin === 'list', revision, unconfirmedMs }),
      connected: (member) => {
        this.#lastFault = undefined;
        this.#announce('connected', member);
      },
      disconnected: (error) => this.#announce('disconnected', error?.message ?? 'the watch ended'),
      relisted: (reason) => this.#announce('relisted', reason),
      drift: (keys) => this.#announce('drift', namedKeys(keys)),
      fault: (error) => this.#announceFault(error.message),
    };
  }

  #take(changes: readonly RegistryEvent[], { relisted, revision, unconfirmedMs }: News): void {
    const arrivedAt = this.#options.clock.monotonic();
    this.#waiting ??= { changes: [], applied: 0, relisted: false, revision, unconfirmedMs, arrivedAt };
    for (const event of changes) this.#waiting.changes.push({ event, relisted });
    this.#waiting.revision = revision;
    this.#waiting.relisted ||= relisted;
    this.#waiting.unconfirmedMs = Math.max(this.#waiting.unconfirmedMs, unconfirmedMs);
    // At the end of this turn of the event loop: a burst makes one snapshot, and no change waits for a timer.
    this.#flush ??= setImmediate(() => {
      this.#flush = undefined;
      // Before the first snapshot there is nobody to keep waiting.
      this.#slices.run(this.#snapshots.current === undefined);
    });
  }

  /**
   * Works on the next snapshot. What comes in meanwhile is for the one after it, so that each is whole and none is
   * put off for ever. Answers whether there is nothing left to do.
   */
  #advance(mayGoOn: () => boolean): boolean {
    this.#current ??= this.#waiting;
    if (this.#current === this.#waiting) this.#waiting = undefined;
    if (this.#current === undefined) return true;
    const batch = this.#current;
    const { registrations } = this.#options;
    if (!this.#apply(batch, mayGoOn) || !registrations.rebuild(mayGoOn)) return false;
    this.#current = undefined;
    this.#publish(registrations.build(), batch);
    for (const line of registrations.takeInvalidNews()) this.#announce('invalid-value', line);
    return this.#waiting === undefined;
  }

  /** Answers whether all of it has been applied. */
  #apply(batch: Batch, mayGoOn: () => boolean): boolean {
    const { registrations } = this.#options;
    while (batch.applied < batch.changes.length) {
      const change = batch.changes[batch.applied++];
      if (change?.event.type === 'put') registrations.put(change.event.entry);
      else if (change !== undefined) {
        const { key, revision } = change.event;
        registrations.delete(key, change.relisted ? undefined : revision);
      }
      if (batch.applied % LOOK_EVERY === 0 && !mayGoOn()) return false;
    }
    return true;
  }

  #publish({ services, changed, departures }: Built, batch: Batch): void {
    if (changed.size === 0 && this.#snapshots.current !== undefined) return;
    const { relisted, revision, unconfirmedMs, arrivedAt } = batch;
    this.#snapshots.publish({
      services,
      revision: String(revision),
      changed,
      relisted,
      unconfirmedMs,
      departures,
      arrivedAt,
    });
  }

  /** An outage is tried again every second or two: its reason is told once, until it is another. */
  #announceFault(message: string): void {
    if (message === this.#lastFault) return;
    this.#lastFault = message;
    this.#announce('fault', message);
  }

  #announce(kind: SourceEvent['kind'], detail: string): void {
    this.#options.announce('source', { at: this.#options.clock.now(), source: this.name, kind, detail });
  }
}

function namedKeys(keys: readonly string[]): string {
  const more = keys.length - MOST_DRIFT_KEYS_NAMED;
  return keys.slice(0, MOST_DRIFT_KEYS_NAMED).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
