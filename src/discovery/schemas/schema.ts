import type { Address } from '../../core/address.js';
import type { SchemaChoice, SchemaName } from '../../core/schema-names.js';
import type { SchemaEntry } from './schema-entry.js';

/** What one registry value says about one address of one service. */
export interface Registration {
  readonly service: string;
  readonly address: Address;
  /** Above 0; 1 is the share of an endpoint of which nothing is said. */
  readonly weight: number;
  readonly zone: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  readonly draining: boolean;
}

/**
 * What one key says. Registrations and rubbish may stand side by side, when part of a value is of use;
 * a key with neither is one that registers nothing, and rightly so.
 */
export interface Recognition {
  /** The schema that it was read by; undefined when it looks like none. */
  readonly schema: SchemaName | undefined;
  readonly registrations: readonly Registration[];
  /** Why the key, or some of it, cannot be used. Never repeats a value, which may hold a secret. */
  readonly rubbish?: string;
}

/** Of the many endpoints of which a registry says nothing more: one for all. */
export const NO_METADATA: Registration['metadata'] = Object.freeze({});

/** How one family of registrars lays out keys and values. */
export interface Schema {
  readonly name: SchemaChoice;
  /** Never throws, whatever the key and the value are. */
  recognise(entry: SchemaEntry): Recognition;
}

/** The most addresses that one value may register; more are not a registration but an attack or a mistake. */
export const MOST_ADDRESSES = 64;

/** A schema of its own, made of a function that answers registrations, or a sentence why there are none. */
export function schemaOf(name: SchemaName, read: (entry: SchemaEntry) => Reading): Schema {
  return {
    name,
    recognise(entry) {
      const reading = entry.tooLarge ? TOO_LARGE : read(entry);
      if (typeof reading === 'string') return { schema: name, registrations: [], rubbish: reading };
      return 'rubbish' in reading ? { schema: name, ...reading } : { schema: name, registrations: reading };
    },
  };
}

/** Registrations; or why there are none; or some, and why not more. */
export type Reading =
  | readonly Registration[]
  | string
  | { readonly registrations: readonly Registration[]; readonly rubbish: string };

export const TOO_LARGE = 'the value is larger than 256 KiB';
