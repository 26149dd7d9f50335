import type { ConsulTls } from '../../consul/agent.js';
import { ConsulAgents } from '../../consul/agents.js';
import type { ServiceEntry } from '../../consul/entries.js';
import type { Clock } from '../../core/clock.js';
import type { Endpoint, EndpointSet } from '../../core/endpoint.js';
import type { Announce, SourceEvent } from '../../core/events.js';
import type { Random } from '../../core/random.js';
import { formatServiceSelector } from '../../core/service-selector.js';
import { type AddressPolicy, createAddressPolicy } from '../address-policy.js';
import { Contact } from '../contact.js';
import { Snapshots } from '../snapshots.js';
import type { Departure, SnapshotListener, Source, SourceSnapshot, SourceView } from '../source.js';
import type { AnswerKind } from './blocking-query.js';
import { Following } from './following.js';
import { heartbeatWhile } from './heartbeat.js';
import { Selection, type WantedServices } from './selection.js';
import { ServiceSets } from './service-sets.js';

export interface ConsulSourceOptions {
  readonly name: string;
  /** `http://host:port` or `https://host:port` of agents of one datacenter, at least one. */
  readonly endpoints: readonly string[];
  /** Absent: that of the agent. */
  readonly datacenter?: string | undefined;
  /** Absent or empty: that of the agent. */
  readonly token?: string | undefined;
  readonly tls?: ConsulTls | undefined;
  /** Absent: all there are. */
  readonly wanted?: WantedServices | undefined;
  /** Absent: everything but link-local, metadata and multicast addresses. */
  readonly allowed?: AddressPolicy | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly announce: Announce;
}

/** A source that follows some services of a Consul datacenter, or all of them. */
export interface ConsulSource extends Source {
  /** Follows these from now on. Of a new one nothing is known until Consul has answered. */
  want(wanted: WantedServices): void;
}

const MOST_INVALID_SHOWN = 1_000;

/** A source on the agents of one datacenter. */
export function createConsulSource(options: ConsulSourceOptions): ConsulSource {
  return new FollowedDatacenter(options);
}

class FollowedDatacenter implements ConsulSource {
  readonly name: string;
  readonly #options: ConsulSourceOptions;
  readonly #agents: ConsulAgents;
  readonly #following: Following;
  readonly #sets: ServiceSets;
  readonly #contact: Contact;
  readonly #snapshots = new Snapshots();
  readonly #lists = new Map<string, readonly ServiceEntry[]>();
  #selection: Selection;
  readonly #over = new AbortController();
  #beating: Promise<void> | undefined;
  readonly #changed = new Set<string>();
  #relisted: 'start' | 'revision-went-back' | undefined;
  #flush: NodeJS.Immediate | undefined;

  constructor(options: ConsulSourceOptions) {
    const { name, clock, announce, datacenter, allowed } = options;
    this.name = name;
    this.#options = options;
    this.#selection = new Selection(options.wanted ?? { services: [], all: true });
    this.#agents = new ConsulAgents(options);
    this.#contact = new Contact({ source: name, clock, announce });
    this.#sets = new ServiceSets({ policy: allowed ?? createAddressPolicy(), clock });
    this.#following = new Following({
      ...options,
      agents: this.#agents,
      datacenter,
      listener: {
        listed: (service, entries, kind) => this.#take(service, entries, kind),
        dropped: (service) => this.#drop(service),
        answered: (agent) => this.#hear(agent),
        failed: (error) => this.#contact.bad(error.message),
      },
    });
  }

  start(): void {
    if (this.#beating !== undefined || this.#over.signal.aborted) return;
    this.#beating = heartbeatWhile({
      ...this.#options,
      agents: this.#agents,
      signal: this.#over.signal,
      ask: async (agent, signal) => {
        await this.#following.check(agent, signal);
        this.#hear(agent.endpoint);
      },
      failed: (error) => this.#contact.bad(error.message),
    });
    this.#follow();
  }

  want(wanted: WantedServices): void {
    const before = this.#selection;
    this.#selection = new Selection(wanted);
    if (this.#beating === undefined || this.#over.signal.aborted) return;
    // Lists that are known already need no new answer.
    for (const [name, entries] of this.#lists) this.#reselect(name, entries, before);
    this.#follow();
  }

  snapshot(): SourceSnapshot | undefined {
    return this.#snapshots.current;
  }

  subscribe(listener: SnapshotListener): () => void {
    return this.#snapshots.subscribe(listener);
  }

  view(): SourceView {
    const ready = this.snapshot() !== undefined;
    const { confirmedAt, index } = this.#following;
    return {
      source: this.name,
      type: 'consul',
      connected: this.#contact.connected,
      ready,
      member: this.#agents.current().endpoint,
      revision: ready ? String(index) : '',
      confirmedMsAgo:
        confirmedAt === undefined || !ready
          ? null
          : Math.round(this.#options.clock.monotonic() - confirmedAt),
      drift: 0,
      services: this.#sets.sets.size,
      endpoints: this.#sets.endpointCount,
      invalidValues: this.#sets.invalidValues(MOST_INVALID_SHOWN),
      lastError: this.#contact.lastError ?? null,
    };
  }

  async close(): Promise<void> {
    this.#over.abort();
    clearImmediate(this.#flush);
    this.#agents.close();
    await Promise.all([this.#beating, this.#following.close()]);
  }

  /** What is followed is made to be what is wanted. */
  #follow(): void {
    this.#following.want(this.#selection.names, this.#selection.all);
    this.#publishSoon();
  }

  #reselect(name: string, entries: readonly ServiceEntry[], before: Selection): void {
    const wanted = this.#selection.of(name);
    for (const gone of before.named(name).map(formatServiceSelector)) {
      if (!wanted.some((selector) => formatServiceSelector(selector) === gone)) this.#remove(gone);
    }
    for (const changed of this.#sets.replace(name, entries, wanted)) this.#changed.add(changed);
  }

  #take(name: string, entries: readonly ServiceEntry[], kind: AnswerKind): void {
    this.#lists.set(name, entries);
    for (const changed of this.#sets.replace(name, entries, this.#selection.of(name)))
      this.#changed.add(changed);
    if (kind !== 'next') this.#relisted = kind === 'first' ? 'start' : 'revision-went-back';
    this.#publishSoon();
  }

  #drop(name: string): void {
    this.#lists.delete(name);
    for (const text of [...this.#sets.sets.keys()]) {
      if (text === name || text.startsWith(`${name}?`)) this.#remove(text);
    }
    this.#publishSoon();
  }

  #remove(text: string): void {
    if (this.#sets.remove(text)) this.#changed.add(text);
  }

  #hear(agent: string): void {
    if (this.#following.complete && !this.#following.failing) this.#contact.good(agent);
    this.#publishSoon();
  }

  /** At the end of this turn of the event loop: a burst makes one snapshot, and no change waits for a timer. */
  #publishSoon(): void {
    this.#flush ??= setImmediate(() => this.#publish());
  }

  #publish(): void {
    this.#flush = undefined;
    const before = this.#snapshots.current?.services;
    const first = before === undefined;
    if (first && !this.#following.complete) return;
    const relisted = this.#relisted;
    this.#relisted = undefined;
    if (relisted !== undefined) this.#announce('relisted', relisted);
    this.#contact.invalid(this.#sets.invalidNews.take());
    if (!first && this.#changed.size === 0) return;
    const changed = new Set(this.#changed);
    this.#changed.clear();
    this.#snapshots.publish({
      services: this.#sets.sets,
      revision: String(this.#following.index),
      changed,
      departures: this.#departures(before ?? new Map(), changed),
      relisted: relisted !== undefined,
    });
  }

  /** Consul says what is there, not how the rest went; so far as that was said before, it is told here. */
  #departures(
    before: ReadonlyMap<string, EndpointSet>,
    changed: ReadonlySet<string>,
  ): ReadonlyMap<Endpoint, Departure> {
    const departures = new Map<Endpoint, Departure>();
    for (const name of changed) {
      const left = new Set(this.#sets.sets.get(name)?.endpoints.map(({ address }) => address));
      const unwanted = !this.#selection.has(name);
      for (const endpoint of before.get(name)?.endpoints ?? []) {
        if (left.has(endpoint.address)) continue;
        const willing = unwanted || endpoint.standing === 'draining';
        const rubbish = this.#sets.reasonAgainst(name.split('?')[0] ?? '', endpoint.keys);
        departures.set(endpoint, { willing, revision: undefined, lease: '', rubbish });
      }
    }
    return departures;
  }

  #announce(kind: SourceEvent['kind'], detail: string): void {
    this.#options.announce('source', { at: this.#options.clock.now(), source: this.name, kind, detail });
  }
}
