import { type Endpoint, type EndpointSet, endpointSet, type Standing } from '../../src/core/endpoint.js';
import { EventHub, type MembershipChange, type SourceEvent } from '../../src/core/events.js';
import { Directory } from '../../src/discovery/directory.js';
import { GuardedSource, type GuardOptions } from '../../src/discovery/guard.js';
import { Snapshots } from '../../src/discovery/snapshots.js';
import type { Departure, Source, SourceView } from '../../src/discovery/source.js';
import { ManualClock, settle } from './manual-clock.js';

/** An endpoint at `10.0.0.<host>:80`. */
export function endpointAt(host: number, over: Partial<Endpoint> = {}): Endpoint {
  const address = `10.0.0.${host}:80`;
  return {
    address,
    host: `10.0.0.${host}`,
    port: 80,
    weight: 1,
    zone: undefined,
    metadata: {},
    standing: 'listed',
    keys: [`/p/goods/${host}`],
    revision: '5',
    lease: '',
    since: 0,
    ...over,
  };
}

/** `count` endpoints from `10.0.0.1:80` on. */
export function endpoints(count: number, standing: Standing = 'listed'): Endpoint[] {
  return Array.from({ length: count }, (_, i) => endpointAt(i + 1, { standing }));
}

export function setsOf(services: Readonly<Record<string, readonly Endpoint[]>>): Map<string, EndpointSet> {
  const present = Object.entries(services).filter(([, list]) => list.length > 0);
  return new Map(present.map(([name, list]) => [name, endpointSet(name, list)]));
}

/** How one endpoint left, by its address. */
export type Departures = Readonly<Record<string, Partial<Departure>>>;

/** A guard between a registry and a directory, both moved by hand. */
export class GuardRig {
  readonly clock = new ManualClock();
  readonly changes: MembershipChange[] = [];
  readonly events: SourceEvent[] = [];
  /** Every probe, in order: `goods 10.0.0.1:80`. */
  readonly probes: string[] = [];
  /** Addresses that answer no probe. */
  readonly dead = new Set<string>();
  readonly livingLeases = new Set<string>();
  /** Leases about which the registry says nothing until `answer` does. */
  readonly silentLeases = new Set<string>();
  readonly #answers = new Map<string, ((lives: boolean) => void)[]>();
  confirmedMsAgo: number | null = 0;
  readonly guard: GuardedSource;
  readonly directory: Directory;
  readonly #snapshots = new Snapshots();
  #services: ReadonlyMap<string, EndpointSet> = new Map();
  #revision = 5;

  constructor(over: Partial<GuardOptions> = {}) {
    const hub = new EventHub();
    hub.on('membership', (change) => this.changes.push(change));
    hub.on('source', (event) => this.events.push(event));
    const { clock } = this;
    this.guard = new GuardedSource({
      source: this.#source(),
      clock,
      announce: hub.announce,
      staleTtl: 60_000,
      probe: async (service, { address }) => {
        this.probes.push(`${service} ${address}`);
        return !this.dead.has(address);
      },
      ...over,
    });
    this.directory = new Directory([this.guard], { announce: hub.announce, clock });
  }

  /** What the registry lists from now on. */
  list(
    services: Readonly<Record<string, readonly Endpoint[]>>,
    departures: Departures = {},
    relisted = false,
    unconfirmedMs = 0,
  ): void {
    this.#revision += 1;
    const before = [...this.#services.values()].flatMap((set) => set.endpoints);
    const told = Object.entries(departures).map(([address, departure]): [Endpoint, Departure] => {
      const endpoint = before.find((candidate) => candidate.address === address);
      if (endpoint === undefined) throw new Error(`${address} was not listed`);
      const revision = BigInt(this.#revision);
      return [endpoint, { willing: false, revision, lease: endpoint.lease, ...departure }];
    });
    this.#services = setsOf(services);
    this.#snapshots.publish({
      services: this.#services,
      revision: String(this.#revision),
      departures: new Map(told),
      relisted,
      unconfirmedMs,
    });
  }

  /** Says at last whether a lease that was asked about lives. */
  async answer(lease: string, lives: boolean): Promise<void> {
    for (const answer of this.#answers.get(lease) ?? []) answer(lives);
    await settle();
  }

  /** The endpoints in use: `10.0.0.1:80`, with a `*` when held. */
  inUse(service = 'goods'): string[] {
    return this.directory
      .get({ service, registry: 'main' })
      .endpoints.map(({ address, standing }) => (standing === 'stale' ? `${address}*` : address));
  }

  /** What was announced since the last call: `changed 10.0.0.1:80 held: cold start`. */
  announced(): string[] {
    return this.changes
      .splice(0)
      .map(({ change, address, cause, reason }) =>
        [change, address, reason === undefined ? cause : `${cause}: ${reason}`].join(' '),
      );
  }

  async #lives(lease: string): Promise<boolean> {
    if (!this.silentLeases.has(lease)) return this.livingLeases.has(lease);
    return new Promise((resolve) => {
      this.#answers.set(lease, [...(this.#answers.get(lease) ?? []), resolve]);
    });
  }

  #source(): Source {
    return {
      name: 'main',
      start: () => {},
      snapshot: () => this.#snapshots.current,
      subscribe: (listener) => this.#snapshots.subscribe(listener),
      view: () => this.#view(),
      leaseTerm: async (lease) => ({ lives: await this.#lives(lease), granted: 10 }),
      close: async () => {},
    };
  }

  #view(): SourceView {
    return {
      source: 'main',
      type: 'scripted',
      connected: true,
      ready: this.#snapshots.current !== undefined,
      member: null,
      revision: '',
      confirmedMsAgo: this.#snapshots.current === undefined ? null : this.confirmedMsAgo,
      drift: 0,
      services: this.#services.size,
      endpoints: 0,
      invalidValues: [],
      lastError: null,
    };
  }
}
