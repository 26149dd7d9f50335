import { DEFAULT_PREFIX } from '../core/registration.js';
import type { SchemaChoice, SchemaName } from '../core/schema-names.js';
import { autoSchema } from './schemas/auto.js';
import { schemas } from './schemas/by-name.js';
import { SchemaEntry } from './schemas/schema-entry.js';

/** What to set for a gateway to read some keys. */
export interface RegistryPlan {
  readonly prefix: string;
  readonly schema: SchemaChoice;
}

/** Where a key belongs: what its registrar would call the prefix. Undefined for what is no registration. */
export interface KeyPlace {
  readonly key: string;
  readonly value: string;
  readonly schema: SchemaName | undefined;
  readonly home: string | undefined;
}

/** Finds the home of a key that was found below `prefix`, which its home never goes above. */
export function placeOf(key: string, value: string, prefix: string): KeyPlace {
  const { schema, registrations } = autoSchema.recognise(new SchemaEntry(key, value, prefix));
  const home = schema === undefined || registrations.length === 0 ? undefined : homeOf(schema, key, prefix);
  return { key, value, schema, home };
}

function homeOf(schema: SchemaName, key: string, prefix: string): string {
  if (schema === 'plain' || schema === 'watchgate') {
    // The first segment below the prefix names the service: the prefix that we were given is the word to take.
    if (prefix !== '') return prefix;
    if (key.startsWith(`${DEFAULT_PREFIX}/`)) return DEFAULT_PREFIX;
  }
  if (schema === 'single-key' && key === prefix) return prefix;
  const home = withoutLast(key, schema === 'single-key' ? 1 : 2);
  return home.length < prefix.length ? prefix : home;
}

function withoutLast(key: string, segments: number): string {
  return key.split('/').slice(0, -segments).join('/');
}

/**
 * One registry that reads every key as its own home has it, from the deepest prefix that all homes share;
 * when that would read some of them differently, one registry for each home.
 */
export function readingPlans(places: readonly KeyPlace[]): RegistryPlan[] {
  const homes = new Map<string, Set<SchemaName>>();
  for (const { home, schema } of places) {
    if (home !== undefined && schema !== undefined)
      homes.set(home, (homes.get(home) ?? new Set()).add(schema));
  }
  if (homes.size === 0) return [];
  const each = [...homes].map(([prefix, found]) => ({ prefix, schema: schemaFor(prefix, found) }));
  if (each.length === 1) return each;
  const shared: RegistryPlan = { prefix: sharedPrefix([...homes.keys()]), schema: 'auto' };
  return places.every((place) => readsAlike(place, shared)) ? [shared] : each;
}

/** A whole registry holds other things too, which only `auto` knows to tell from registrations. */
function schemaFor(prefix: string, found: ReadonlySet<SchemaName>): SchemaChoice {
  const [only, ...others] = found;
  return only === undefined || others.length > 0 || prefix === '' ? 'auto' : only;
}

function sharedPrefix(prefixes: readonly string[]): string {
  const [first = [], ...rest] = prefixes.map((prefix) => prefix.split('/'));
  const isShared = (segment: string, index: number): boolean =>
    rest.every((other) => other[index] === segment);
  const length = first.findIndex((segment, index) => !isShared(segment, index));
  return first.slice(0, length < 0 ? first.length : length).join('/');
}

function readsAlike({ key, value, home }: KeyPlace, plan: RegistryPlan): boolean {
  if (home === undefined) return true;
  const [own, other] = [home, plan.prefix].map((prefix) =>
    schemas.auto
      .recognise(new SchemaEntry(key, value, prefix))
      .registrations.map(({ service, address }) => `${service} ${address.text}`)
      .join(),
  );
  return own === other && (key !== plan.prefix || plan.schema === 'single-key');
}
