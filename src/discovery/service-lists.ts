import type { Clock } from '../core/clock.js';
import { type Endpoint, type EndpointSet, endpointSet, sameForTraffic } from '../core/endpoint.js';
import type { InvalidValueView } from '../core/views.js';
import type { AddressPolicy } from './address-policy.js';
import { InvalidNews } from './invalid-news.js';
import { permitted } from './permitted.js';
import type { Registration } from './schemas/schema.js';

export interface ServiceListsOptions {
  readonly policy: AddressPolicy;
  readonly clock: Clock;
}

/**
 * Endpoint sets of a registry that gives whole lists of services, without keys and revisions. What did
 * not change keeps its object, so that "changed" is a comparison of references.
 */
export class ServiceLists {
  readonly #options: ServiceListsOptions;
  readonly #invalid = new Map<string, InvalidValueView>();
  readonly invalidNews = new InvalidNews();
  #sets: ReadonlyMap<string, EndpointSet> = new Map();

  constructor(options: ServiceListsOptions) {
    this.#options = options;
  }

  /** By service. Another map after each change. */
  get sets(): ReadonlyMap<string, EndpointSet> {
    return this.#sets;
  }

  get endpointCount(): number {
    return [...this.#sets.values()].reduce((sum, set) => sum + set.endpoints.length, 0);
  }

  /** What was listed and may not be used. */
  get invalidValues(): readonly InvalidValueView[] {
    return [...this.#invalid.values()];
  }

  /**
   * Replaces the list of one service; an empty one removes it. `key` says where it stands. Of an address
   * that is listed twice the first mention counts. Returns whether the set is another one now.
   */
  replace(service: string, key: string, registrations: readonly Registration[]): boolean {
    const { registrations: usable, rubbish } = permitted(
      { schema: undefined, registrations },
      this.#options.policy,
    );
    if (rubbish === undefined) this.#invalid.delete(service);
    else {
      const invalid = { key, reason: rubbish };
      this.invalidNews.note(invalid, this.#invalid.get(service)?.reason);
      this.#invalid.set(service, invalid);
    }
    const before = this.#sets.get(service);
    const after = this.#setOf(service, key, usable, before);
    if (after === before) return false;
    const sets = new Map(this.#sets);
    if (after === undefined) sets.delete(service);
    else sets.set(service, after);
    this.#sets = sets;
    return true;
  }

  #setOf(
    service: string,
    key: string,
    registrations: readonly Registration[],
    before: EndpointSet | undefined,
  ): EndpointSet | undefined {
    const known = new Map(before?.endpoints.map((endpoint) => [endpoint.address, endpoint]));
    const endpoints = new Map<string, Endpoint>();
    for (const registration of registrations) {
      const { text } = registration.address;
      if (!endpoints.has(text)) endpoints.set(text, this.#endpointFrom(registration, key, known.get(text)));
    }
    if (endpoints.size === 0) return undefined;
    const same =
      endpoints.size === known.size && [...endpoints].every(([text, is]) => known.get(text) === is);
    return same ? before : endpointSet(service, endpoints.values());
  }

  /** Answers `before` itself when nothing about it changed. */
  #endpointFrom(registration: Registration, key: string, before: Endpoint | undefined): Endpoint {
    const { address, weight, zone, metadata, draining } = registration;
    const endpoint: Endpoint = {
      address: address.text,
      host: address.host,
      port: address.port,
      weight,
      zone,
      metadata,
      standing: draining ? 'draining' : 'listed',
      keys: [key],
      revision: '',
      lease: '',
      since: before?.since ?? this.#options.clock.now(),
    };
    return before !== undefined && sameForTraffic(before, endpoint) ? before : endpoint;
  }
}
