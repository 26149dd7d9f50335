import type { Clock } from '../core/clock.js';
import type { Announce, SourceEvent } from '../core/events.js';
import type { Random } from '../core/random.js';
import { Reflector, type ReflectorListener } from './reflector.js';
import type { Registrations } from './registrations.js';
import type { LeaseTerm, RegistryClient, RegistryEvent } from './registry-client.js';
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

/** A source that keeps up with any registry that has a revisioned history. */
export class ReflectedSource implements Source {
  readonly name: string;
  readonly #options: ReflectedSourceOptions;
  readonly #reflector: Reflector;
  readonly #snapshots = new Snapshots();
  #flush: NodeJS.Immediate | undefined;
  #relisted = false;
  #arrivedAt: number | undefined;
  #revision = 0n;
  #lastFault: string | undefined;

  constructor(options: ReflectedSourceOptions) {
    this.name = options.name;
    this.#options = options;
    const { client, clock, random } = options;
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
    await this.#reflector.close();
  }

  #listener(): ReflectorListener {
    return {
      changes: (changes, origin, revision) => this.#take(changes, origin === 'list', revision),
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

  #take(changes: readonly RegistryEvent[], relisted: boolean, revision: bigint): void {
    this.#arrivedAt ??= this.#options.clock.monotonic();
    for (const change of changes) {
      if (change.type === 'put') this.#options.registrations.put(change.entry);
      else this.#options.registrations.delete(change.key, relisted ? undefined : change.revision);
    }
    this.#revision = revision;
    this.#relisted ||= relisted;
    // At the end of this turn of the event loop: a burst makes one snapshot, and no change waits for a timer.
    this.#flush ??= setImmediate(() => this.#publish());
  }

  #publish(): void {
    this.#flush = undefined;
    const { services, changed, departures } = this.#options.registrations.build();
    const [relisted, arrivedAt] = [this.#relisted, this.#arrivedAt];
    this.#relisted = false;
    this.#arrivedAt = undefined;
    if (changed.size === 0 && this.#snapshots.current !== undefined) return;
    const revision = String(this.#revision);
    this.#snapshots.publish({ services, revision, changed, relisted, departures, arrivedAt });
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
