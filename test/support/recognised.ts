import assert from 'node:assert/strict';
import type { SchemaChoice } from '../../src/core/schema-names.js';
import { schemas } from '../../src/discovery/schemas/by-name.js';
import type { Recognition, Registration } from '../../src/discovery/schemas/schema.js';
import { SchemaEntry } from '../../src/discovery/schemas/schema-entry.js';

/** A key and its value as found in a registry. */
export interface Found {
  readonly key: string;
  readonly value: string;
  readonly prefix: string;
}

export function recognise(schema: SchemaChoice, { key, value, prefix }: Found): Recognition {
  return schemas[schema].recognise(new SchemaEntry(key, value, prefix));
}

/** A registration with its address as text, and without what is as usual. */
export type Said = Omit<Partial<Registration>, 'address'> & {
  readonly service: string;
  readonly address: string;
};

/** What the schema makes of it, and `auto` too, which must come to the same. */
export function registered(schema: SchemaChoice, found: Found): Said[] {
  const own = recognise(schema, found);
  assert.equal(own.rubbish, undefined);
  assert.deepEqual(recognise('auto', found), own, 'auto reads it as something else');
  return own.registrations.map(said);
}

/** Why the schema has no use for it. */
export function reason(schema: SchemaChoice, found: Found): string {
  const { registrations, rubbish } = recognise(schema, found);
  assert.deepEqual(registrations, []);
  assert.ok(rubbish !== undefined, 'it is not rubbish');
  return rubbish;
}

export function said({ service, address, weight, zone, metadata, draining }: Registration): Said {
  return {
    service,
    address: address.text,
    ...(weight !== 1 && { weight }),
    ...(zone !== undefined && { zone }),
    ...(Object.keys(metadata).length > 0 && { metadata }),
    ...(draining && { draining }),
  };
}
