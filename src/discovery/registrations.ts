import type { Clock } from '../core/clock.js';
import { type Endpoint, type EndpointSet, endpointSet } from '../core/endpoint.js';
import type { InvalidValueView } from '../core/views.js';
import type { AddressPolicy } from './address-policy.js';
import { InvalidValues } from './invalid-values.js';
import { permitted } from './permitted.js';
import type { RegistryEntry } from './registry-client.js';
import type { Registration, Schema } from './schemas/schema.js';
import { SchemaEntry } from './schemas/schema-entry.js';
import type { Departure } from './source.js';

/** One key's word for one address. */
interface Claim {
  readonly key: string;
  readonly revision: bigint;
  readonly lease: string;
  readonly registration: Registration;
}

interface Service {
  /** By address, of different keys, most often one: an address stays while any key claims it. */
  readonly claims: Map<string, Claim[]>;
  set: EndpointSet | undefined;
  /** Addresses that something changed about; of one whose last key went, how it went. */
  readonly touched: Map<string, Departure | undefined>;
}

export interface RegistrationsOptions {
  readonly schema: Schema;
  /** Without a trailing slash. */
  readonly prefix: string;
  readonly policy: AddressPolicy;
  readonly clock: Clock;
}

/** What `build` answers. */
export interface Built {
  readonly services: ReadonlyMap<string, EndpointSet>;
  /** Names of the services whose set is another than before, gone ones included. */
  readonly changed: ReadonlySet<string>;
  /** How those left that were in the sets before and are in none of these under their service. */
  readonly departures: ReadonlyMap<Endpoint, Departure>;
}

/**
 * Registry keys on one side, endpoint sets on the other. Remembers what each key registered, because a
 * delete names only the key, and counts the keys behind each address.
 */
export class Registrations {
  readonly #options: RegistrationsOptions;
  readonly #byKey = new Map<string, readonly Claim[]>();
  readonly #services = new Map<string, Service>();
  readonly #touched = new Set<string>();
  readonly #invalid = new InvalidValues();
  /** Services rebuilt since the last `build`, with their new sets. */
  #rebuilt = new Map<string, EndpointSet | undefined>();
  #departures = new Map<Endpoint, Departure>();
  #built: ReadonlyMap<string, EndpointSet> = new Map();
  #endpoints = 0;

  constructor(options: RegistrationsOptions) {
    this.#options = options;
  }

  put(entry: RegistryEntry): void {
    const { schema, prefix, policy } = this.#options;
    const recognition = schema.recognise(new SchemaEntry(entry.key, entry.value, prefix));
    const { registrations, rubbish } = permitted(recognition, policy);
    this.#invalid.note(entry.key, rubbish);
    // Another value in place of the old one is the owner's word for it, unless it is rubbish.
    this.#withdraw(entry.key, { willing: rubbish === undefined, revision: undefined, rubbish });
    if (registrations.length === 0) return;
    const { key, revision, lease } = entry;
    const claims = registrations.map((registration): Claim => ({ key, revision, lease, registration }));
    this.#byKey.set(entry.key, claims);
    for (const claim of claims) this.#add(claim);
  }

  /** `revision` is that of the delete; undefined when a list just did not have the key. */
  delete(key: string, revision?: bigint): void {
    this.#invalid.forget(key);
    this.#withdraw(key, { willing: false, revision });
  }

  /**
   * Rebuilds the sets of touched services, and in them the touched endpoints. Asks after each service whether it may
   * go on; answers whether none is left.
   */
  rebuild(mayGoOn: () => boolean): boolean {
    for (const name of this.#touched) {
      this.#touched.delete(name);
      this.#rebuildService(name);
      if (this.#touched.size > 0 && !mayGoOn()) return false;
    }
    return true;
  }

  /** The sets as they are now. Rebuilds what `rebuild` has left. */
  build(): Built {
    this.rebuild(() => true);
    const [rebuilt, departures] = [this.#rebuilt, this.#departures];
    if (rebuilt.size > 0) {
      this.#rebuilt = new Map();
      this.#departures = new Map();
      const services = new Map(this.#built);
      for (const [name, set] of rebuilt) {
        if (set === undefined) services.delete(name);
        else services.set(name, set);
      }
      this.#built = services;
    }
    return { services: this.#built, changed: new Set(rebuilt.keys()), departures };
  }

  get endpointCount(): number {
    return this.#endpoints;
  }

  get serviceCount(): number {
    return this.#built.size;
  }

  /** Keys whose values could not be used, at most `limit` of them. */
  invalidValues(limit: number): InvalidValueView[] {
    return this.#invalid.views(limit);
  }

  /** What has become invalid since the last call, a line each. */
  takeInvalidNews(): readonly string[] {
    return this.#invalid.news.take();
  }

  #withdraw(key: string, how: Omit<Departure, 'lease'>): void {
    const claims = this.#byKey.get(key);
    if (claims === undefined) return;
    this.#byKey.delete(key);
    for (const claim of claims) this.#remove(claim, how);
  }

  #add(claim: Claim): void {
    const { service: name, address } = claim.registration;
    const service = this.#service(name);
    const claims = service.claims.get(address.text);
    // A value may name an address twice.
    const same = claims === undefined ? -1 : indexOfKey(claims, claim.key);
    if (claims === undefined) service.claims.set(address.text, [claim]);
    else claims.splice(same < 0 ? claims.length : same, 1, claim);
    this.#touch(name, service, address.text);
  }

  #remove(claim: Claim, how: Omit<Departure, 'lease'>): void {
    const { service: name, address, draining } = claim.registration;
    const service = this.#service(name);
    const claims = service.claims.get(address.text) ?? [];
    const at = indexOfKey(claims, claim.key);
    if (at >= 0) claims.splice(at, 1);
    if (claims.length === 0) service.claims.delete(address.text);
    this.#touch(name, service, address.text, {
      ...how,
      willing: how.willing || draining,
      lease: claim.lease,
    });
  }

  #service(name: string): Service {
    let service = this.#services.get(name);
    if (service === undefined) {
      service = { claims: new Map(), set: undefined, touched: new Map() };
      this.#services.set(name, service);
    }
    return service;
  }

  #touch(name: string, service: Service, address: string, departure?: Departure): void {
    this.#touched.add(name);
    service.touched.set(address, departure);
  }

  #rebuildService(name: string): void {
    const service = this.#services.get(name);
    if (service === undefined) return;
    const before = service.set;
    service.set = this.#setOf(name, service, this.#departures);
    this.#endpoints += (service.set?.endpoints.length ?? 0) - (before?.endpoints.length ?? 0);
    if (service.set === before) return;
    this.#rebuilt.set(name, service.set);
    if (service.claims.size === 0) this.#services.delete(name);
  }

  #setOf(name: string, service: Service, departures: Map<Endpoint, Departure>): EndpointSet | undefined {
    const { touched } = service;
    const kept: Endpoint[] = [];
    let same = true;
    for (const endpoint of service.set?.endpoints ?? []) {
      const claims = touched.has(endpoint.address) ? service.claims.get(endpoint.address) : undefined;
      const now = touched.has(endpoint.address)
        ? claims && endpointFrom(claims, endpoint, endpoint.since)
        : endpoint;
      if (now !== endpoint) same = false;
      const departure = touched.get(endpoint.address);
      if (now !== undefined) kept.push(now);
      else if (departure !== undefined) departures.set(endpoint, departure);
      touched.delete(endpoint.address);
    }
    for (const address of touched.keys()) {
      const claims = service.claims.get(address);
      if (claims === undefined) continue;
      kept.push(endpointFrom(claims, undefined, this.#options.clock.now()));
      same = false;
    }
    touched.clear();
    if (same) return service.set;
    return kept.length === 0 ? undefined : endpointSet(name, kept);
  }
}

function indexOfKey(claims: readonly Claim[], key: string): number {
  return claims.findIndex((claim) => claim.key === key);
}

/** The newest claim speaks for the address. Answers `before` itself when nothing about it changed. */
function endpointFrom(claims: readonly Claim[], before: Endpoint | undefined, since: number): Endpoint {
  const newest = claims.reduce((best, claim) => (claim.revision > best.revision ? claim : best));
  const { address, weight, zone, metadata, draining } = newest.registration;
  const endpoint: Endpoint = {
    address: address.text,
    host: address.host,
    port: address.port,
    weight,
    zone,
    metadata,
    standing: draining ? 'draining' : 'listed',
    keys: claims.map((claim) => claim.key).sort(),
    revision: String(newest.revision),
    lease: newest.lease,
    since,
  };
  return before !== undefined && before.revision === endpoint.revision && sameKeys(before.keys, endpoint.keys)
    ? before
    : endpoint;
}

function sameKeys(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((key, index) => key === b[index]);
}
