import type { ServiceEntry } from '../../consul/entries.js';
import { formatAddress, parseAddress } from '../../core/address.js';
import type { Clock } from '../../core/clock.js';
import { type Endpoint, type EndpointSet, endpointSet } from '../../core/endpoint.js';
import { formatServiceSelector, type ServiceSelector } from '../../core/service-selector.js';
import type { InvalidValueView } from '../../core/views.js';
import { type AddressPolicy, mayList } from '../address-policy.js';
import { InvalidNews } from '../invalid-news.js';
import { boundedWeight } from '../schemas/read-weight.js';

export interface ServiceSetsOptions {
  readonly policy: AddressPolicy;
  readonly clock: Clock;
}

/**
 * What Consul lists of each service on one side, endpoint sets on the other: one for the service, and one
 * for each selection of its registrations by tags. What did not change keeps its object.
 */
export class ServiceSets {
  readonly #options: ServiceSetsOptions;
  #sets: ReadonlyMap<string, EndpointSet> = new Map();
  readonly #invalid = new Map<string, readonly InvalidValueView[]>();
  readonly invalidNews = new InvalidNews();

  constructor(options: ServiceSetsOptions) {
    this.#options = options;
  }

  get sets(): ReadonlyMap<string, EndpointSet> {
    return this.#sets;
  }

  /** Each address of a service once, however many selections it is in. */
  get endpointCount(): number {
    const addresses = new Set<string>();
    for (const [name, { endpoints }] of this.#sets) {
      const service = name.split('?')[0];
      for (const { address } of endpoints) addresses.add(`${service} ${address}`);
    }
    return addresses.size;
  }

  invalidValues(limit: number): InvalidValueView[] {
    return [...this.#invalid.values()].flat().slice(0, limit);
  }

  /** Why one of these keys of a service cannot be used; undefined when all of those that are there can. */
  reasonAgainst(name: string, keys: readonly string[]): string | undefined {
    return this.#invalid.get(name)?.find(({ key }) => keys.includes(key))?.reason;
  }

  /** Takes the whole list of a service. Answers the names of the sets that are other ones now. */
  replace(name: string, entries: readonly ServiceEntry[], selectors: readonly ServiceSelector[]): string[] {
    const { usable, invalid } = this.#sort(name, entries);
    const before = new Map(this.#invalid.get(name)?.map(({ key, reason }) => [key, reason]));
    for (const one of invalid) this.invalidNews.note(one, before.get(one.key));
    if (invalid.length === 0) this.#invalid.delete(name);
    else this.#invalid.set(name, invalid);
    const sets = new Map(this.#sets);
    const changed = selectors.map(formatServiceSelector).filter((text, index) => {
      const tags = selectors[index]?.tags ?? [];
      const chosen = usable.filter((candidate) => tags.every((tag) => candidate.entry.tags.includes(tag)));
      const before = sets.get(text);
      const after = this.#setOf(text, chosen, before);
      if (after === undefined) sets.delete(text);
      else sets.set(text, after);
      return after !== before;
    });
    if (changed.length > 0) this.#sets = sets;
    return changed;
  }

  /** Forgets a set that nobody wants any more. Answers whether there was one. */
  remove(text: string): boolean {
    if (!text.includes('?')) this.#invalid.delete(text);
    if (!this.#sets.has(text)) return false;
    const sets = new Map(this.#sets);
    sets.delete(text);
    this.#sets = sets;
    return true;
  }

  #sort(name: string, entries: readonly ServiceEntry[]): Sorted {
    const usable: Candidate[] = [];
    const invalid: InvalidValueView[] = [];
    for (const entry of entries) {
      const key = `${name}/${entry.node}/${entry.id}`;
      const candidate = candidateOf(entry, key, this.#options.policy);
      if (typeof candidate === 'string') invalid.push({ key, reason: candidate });
      else usable.push(candidate);
    }
    return { usable, invalid };
  }

  #setOf(
    text: string,
    candidates: readonly Candidate[],
    before: EndpointSet | undefined,
  ): EndpointSet | undefined {
    if (candidates.length === 0) return undefined;
    const known = new Map(before?.endpoints.map((endpoint) => [endpoint.address, endpoint]));
    const endpoints = [...byAddress(candidates)].map(([address, claims]) =>
      endpointOf(claims, known.get(address), this.#options.clock),
    );
    const same =
      endpoints.length === known.size &&
      endpoints.every((endpoint) => known.get(endpoint.address) === endpoint);
    return same ? before : endpointSet(text, endpoints);
  }
}

/** A registration with an address that may be used. */
interface Candidate {
  readonly entry: ServiceEntry;
  readonly key: string;
  readonly address: string;
  readonly host: string;
}

interface Sorted {
  readonly usable: readonly Candidate[];
  readonly invalid: readonly InvalidValueView[];
}

function candidateOf(entry: ServiceEntry, key: string, policy: AddressPolicy): Candidate | string {
  const address = parseAddress(formatAddress(entry.address, entry.port));
  if (typeof address === 'string') return `its address ${address}`;
  if (!mayList(policy, address.host)) return `${address.host} is outside the allowed addresses`;
  return { entry, key, address: address.text, host: address.host };
}

function byAddress(candidates: readonly Candidate[]): Map<string, Candidate[]> {
  const grouped = new Map<string, Candidate[]>();
  for (const candidate of candidates) {
    const claims = grouped.get(candidate.address);
    if (claims === undefined) grouped.set(candidate.address, [candidate]);
    else claims.push(candidate);
  }
  return grouped;
}

/** The newest registration speaks for the address. Answers `before` itself when nothing about it changed. */
function endpointOf(claims: readonly Candidate[], before: Endpoint | undefined, clock: Clock): Endpoint {
  const newest = claims.reduce((best, claim) => (isNewer(claim, best) ? claim : best));
  const { entry, address, host } = newest;
  const endpoint: Endpoint = {
    address,
    host,
    port: entry.port,
    weight: boundedWeight(entry.weight),
    zone: entry.meta['zone'] || undefined,
    metadata: metadataOf(entry),
    standing: entry.meta['draining'] === 'true' ? 'draining' : 'listed',
    keys: claims.map(({ key }) => key).sort(),
    revision: String(entry.modifyIndex),
    lease: '',
    since: before?.since ?? clock.now(),
  };
  return before !== undefined && sameRegistration(before, endpoint) ? before : endpoint;
}

/** Of two that are as new as each other, always the same one. */
function isNewer(a: Candidate, b: Candidate): boolean {
  if (a.entry.modifyIndex !== b.entry.modifyIndex) return a.entry.modifyIndex > b.entry.modifyIndex;
  return a.key < b.key;
}

/** By content: the indexes of a registry that lost its data begin again, and may meet the old ones. */
function sameRegistration(a: Endpoint, b: Endpoint): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** The registration's metadata, what has a place of its own left out, and its tags as `tags`. */
function metadataOf({ meta, tags }: ServiceEntry): Readonly<Record<string, string>> {
  const { zone: _zone, draining: _draining, ...rest } = meta;
  return tags.length === 0 ? rest : { ...rest, tags: tags.join(',') };
}
