import { getServers } from 'node:dns';
import { isIPv6 } from 'node:net';
import { formatAddress } from '../../core/address.js';
import type { Clock } from '../../core/clock.js';
import type { Announce } from '../../core/events.js';
import type { Random } from '../../core/random.js';
import type { InvalidValueView } from '../../core/views.js';
import { type AddressPolicy, createAddressPolicy } from '../address-policy.js';
import { Contact } from '../contact.js';
import type { Registration } from '../schemas/schema.js';
import { ServiceLists } from '../service-lists.js';
import { Snapshots } from '../snapshots.js';
import type { SnapshotListener, Source, SourceSnapshot, SourceView } from '../source.js';
import { DnsClient } from './client.js';
import type { DnsServer } from './exchange.js';
import { Follower } from './follower.js';
import { type DnsName, type Family, type Located, Lookups } from './lookup.js';

export interface DnsSourceOptions {
  readonly name: string;
  /** Asked in this order. Absent: those of the system (`/etc/resolv.conf`), as they are when the source is made. */
  readonly servers?: readonly DnsServer[] | undefined;
  /** By service. */
  readonly names: Readonly<Record<string, DnsName>>;
  readonly family: Family;
  /** Absent: everything but link-local, metadata and multicast addresses. */
  readonly allowed?: AddressPolicy | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly announce: Announce;
}

const DNS_PORT = 53;

/** A source that asks DNS for the endpoints of each of its services, again and again as their TTLs say. */
export function createDnsSource(options: DnsSourceOptions): Source {
  return new DnsSource(options);
}

class DnsSource implements Source {
  readonly name: string;
  readonly #options: DnsSourceOptions;
  readonly #client: DnsClient;
  readonly #followers = new Map<string, Follower>();
  readonly #lists: ServiceLists;
  readonly #contact: Contact;
  readonly #snapshots = new Snapshots();

  constructor(options: DnsSourceOptions) {
    this.name = options.name;
    this.#options = options;
    const { name, names, servers, family, allowed, clock, random, announce } = options;
    this.#client = new DnsClient({ servers: servers ?? systemServers(), clock });
    const lookups = new Lookups(this.#client, family);
    for (const [service, dnsName] of Object.entries(names)) {
      const follower = new Follower({
        lookUp: (remembered, signal) => lookups.lookUp(dnsName, remembered, signal),
        clock,
        random,
        onChange: () => this.#take(service),
      });
      this.#followers.set(service, follower);
    }
    this.#lists = new ServiceLists({ policy: allowed ?? createAddressPolicy(), clock });
    this.#contact = new Contact({ source: name, clock, announce });
  }

  start(): void {
    for (const follower of this.#followers.values()) follower.start();
  }

  snapshot(): SourceSnapshot | undefined {
    return this.#snapshots.current;
  }

  subscribe(listener: SnapshotListener): () => void {
    return this.#snapshots.subscribe(listener);
  }

  view(): SourceView {
    return {
      source: this.name,
      type: 'dns',
      connected: this.#contact.connected,
      ready: this.#snapshots.current !== undefined,
      member: this.#client.server ?? null,
      revision: '',
      confirmedMsAgo: this.#confirmedMsAgo(),
      drift: 0,
      services: this.#lists.sets.size,
      endpoints: this.#lists.endpointCount,
      invalidValues: [...this.#lists.invalidValues, ...this.#unresolved()],
      lastError: this.#contact.lastError ?? null,
    };
  }

  async close(): Promise<void> {
    await Promise.all([...this.#followers.values()].map((follower) => follower.close()));
  }

  #take(service: string): void {
    const follower = this.#followers.get(service);
    const name = this.#options.names[service]?.name ?? service;
    const registrations = (follower?.located ?? []).map((located) => registrationOf(service, located));
    const isChanged = this.#lists.replace(service, name, registrations);
    this.#settleContact();
    this.#contact.invalid(this.#lists.invalidNews.take());
    const isFirst = this.#snapshots.current === undefined;
    if (isFirst ? !this.#isComplete() : !isChanged) return;
    const { sets } = this.#lists;
    const changed = new Set(isFirst ? sets.keys() : [service]);
    this.#snapshots.publish({ services: sets, revision: '', changed });
  }

  #isComplete(): boolean {
    return [...this.#followers.values()].every(({ located }) => located !== undefined);
  }

  /** One name without an answer is a fault of the source: its endpoints are getting older. */
  #settleContact(): void {
    const failing = [...this.#followers].filter(([, { error }]) => error !== undefined);
    const [first] = failing;
    if (first === undefined) this.#contact.good(this.#client.server ?? 'DNS');
    else this.#contact.bad(`${first[0]}: ${first[1].error}`);
  }

  /** DNS itself says how long an answer holds: the view is current until the first one has run out. */
  #confirmedMsAgo(): number | null {
    const ends = [...this.#followers.values()].map(({ holdsUntil }) => holdsUntil);
    const first = ends.reduce((a, b) => (a === undefined || b === undefined ? undefined : Math.min(a, b)));
    return first === undefined ? null : Math.max(0, Math.round(this.#options.clock.monotonic() - first));
  }

  #unresolved(): InvalidValueView[] {
    return [...this.#followers].flatMap(([service, { unresolved }]) =>
      unresolved.map((target) => ({
        key: this.#options.names[service]?.name ?? service,
        reason: `its target ${target} has no address`,
      })),
    );
  }
}

function registrationOf(service: string, { ip, port, weight, target }: Located): Registration {
  const host = isIPv6(ip) ? new URL(`http://[${ip}]`).hostname.slice(1, -1) : ip;
  return {
    service,
    address: { text: formatAddress(host, port), host, port },
    weight,
    zone: undefined,
    metadata: target === undefined ? {} : { target },
    draining: false,
  };
}

/** The system's, in Node's form: `10.0.0.2`, `10.0.0.2:5353`, `::1`, `[::1]:5353`. */
function systemServers(): DnsServer[] {
  return getServers().map((text) => {
    const [, bracketed, bare, port] = /^(?:\[(.*)\]|([^:]*))(?::(\d+))?$/.exec(text) ?? [];
    return { host: bracketed ?? bare ?? text, port: port === undefined ? DNS_PORT : Number(port) };
  });
}
