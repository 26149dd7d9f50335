import type { SchemaName } from '../core/schema-names.js';
import type { InvalidValueView } from '../core/views.js';
import { createAddressPolicy } from './address-policy.js';
import { permitted } from './permitted.js';
import { placeOf, type RegistryPlan, readingPlans } from './reading-plan.js';
import type { RegistryEntry } from './registry-client.js';
import { schemas } from './schemas/by-name.js';
import type { Registration } from './schemas/schema.js';
import { SchemaEntry } from './schemas/schema-entry.js';

/** One key, as a gateway with the recommended settings reads it. */
export interface SurveyedKey {
  readonly key: string;
  /** Undefined when it looks like none. */
  readonly schema: SchemaName | undefined;
  readonly registrations: readonly Registration[];
  readonly rubbish: string | undefined;
  /** Decimal; empty when none. */
  readonly lease: string;
}

/** Keys of one schema below one prefix. */
export interface SurveyedGroup {
  readonly prefix: string;
  readonly schema: SchemaName;
  readonly keys: number;
  readonly services: number;
  /** Addresses, each counted once per service. */
  readonly endpoints: number;
  readonly keysWithoutLease: number;
  /** Some of the leases, distinct, to ask the registry about. */
  readonly leases: readonly string[];
}

export interface SurveyedService {
  readonly name: string;
  readonly schemas: readonly SchemaName[];
  readonly endpoints: number;
  readonly draining: number;
}

export interface Survey {
  readonly keys: readonly SurveyedKey[];
  readonly groups: readonly SurveyedGroup[];
  /** By name. */
  readonly services: readonly SurveyedService[];
  readonly rubbish: readonly InvalidValueView[];
  /** Settings that read all of it: one registry when one can. Empty when nothing is registered. */
  readonly plans: readonly RegistryPlan[];
}

/** A key, and the prefix that it was found below. */
export interface FoundEntry {
  readonly entry: RegistryEntry;
  readonly prefix: string;
}

const MOST_LEASES = 5;

/** Says what registers in the given keys, and how a gateway has to be set to read it. */
export function survey(found: readonly FoundEntry[]): Survey {
  const places = found.map(({ entry, prefix }) => placeOf(entry.key, entry.value, prefix));
  const plans = readingPlans(places);
  const keys = found.map(({ entry, prefix }) => readKey(entry, planFor(plans, entry.key, prefix)));
  const groups = new Map<string, GroupCount>();
  keys.forEach(({ schema, registrations, lease }, index) => {
    const prefix = places[index]?.home;
    if (schema === undefined || prefix === undefined || registrations.length === 0) return;
    const id = `${prefix} ${schema}`;
    const group = groups.get(id) ?? new GroupCount(prefix, schema);
    groups.set(id, group.add(registrations, lease));
  });
  return {
    keys,
    groups: [...groups].sort(byName).map(([, group]) => group.total()),
    services: servicesIn(keys),
    rubbish: keys.flatMap(({ key, rubbish }) => (rubbish === undefined ? [] : [{ key, reason: rubbish }])),
    plans,
  };
}

/** The narrowest plan that the key is below. */
function planFor(plans: readonly RegistryPlan[], key: string, found: string): RegistryPlan {
  const inside = plans.filter(({ prefix }) => new SchemaEntry(key, '', prefix).isInside);
  const narrowest = inside.sort((a, b) => b.prefix.length - a.prefix.length)[0];
  return narrowest ?? { prefix: found, schema: 'auto' };
}

function readKey(entry: RegistryEntry, { prefix, schema }: RegistryPlan): SurveyedKey {
  const { key, value, lease } = entry;
  const recognition = schemas[schema].recognise(new SchemaEntry(key, value, prefix));
  const { registrations, rubbish } = permitted(recognition, USUAL_POLICY);
  return { key, schema: recognition.schema, registrations, rubbish, lease };
}

const USUAL_POLICY = createAddressPolicy();

class GroupCount {
  readonly #prefix: string;
  readonly #schema: SchemaName;
  readonly #services = new Set<string>();
  readonly #endpoints = new Set<string>();
  readonly #leases = new Set<string>();
  #keys = 0;
  #keysWithoutLease = 0;

  constructor(prefix: string, schema: SchemaName) {
    this.#prefix = prefix;
    this.#schema = schema;
  }

  add(registrations: readonly Registration[], lease: string): this {
    this.#keys += 1;
    if (lease === '') this.#keysWithoutLease += 1;
    else if (this.#leases.size < MOST_LEASES) this.#leases.add(lease);
    for (const { service, address } of registrations) {
      this.#services.add(service);
      this.#endpoints.add(`${service} ${address.text}`);
    }
    return this;
  }

  total(): SurveyedGroup {
    return {
      prefix: this.#prefix,
      schema: this.#schema,
      keys: this.#keys,
      services: this.#services.size,
      endpoints: this.#endpoints.size,
      keysWithoutLease: this.#keysWithoutLease,
      leases: [...this.#leases],
    };
  }
}

interface ServiceCount {
  readonly schemas: Set<SchemaName>;
  /** Whether it drains, by address. */
  readonly endpoints: Map<string, boolean>;
}

function servicesIn(keys: readonly SurveyedKey[]): SurveyedService[] {
  const services = new Map<string, ServiceCount>();
  for (const { schema, registrations } of keys) {
    for (const { service, address, draining } of registrations) {
      const count = services.get(service) ?? { schemas: new Set(), endpoints: new Map() };
      services.set(service, count);
      if (schema !== undefined) count.schemas.add(schema);
      count.endpoints.set(address.text, draining);
    }
  }
  return [...services].sort(byName).map(([name, count]) => ({
    name,
    schemas: [...count.schemas],
    endpoints: count.endpoints.size,
    draining: [...count.endpoints.values()].filter(Boolean).length,
  }));
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}
