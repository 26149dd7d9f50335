import { readAddress } from './read-address.js';
import { boundedWeight } from './read-weight.js';
import { NO_METADATA, type Reading } from './schema.js';
import { isJsonObject, type SchemaEntry } from './schema-entry.js';

/**
 * Reads `{"address","weight","zone","metadata","draining"}`, all but the address optional. Strictly, since
 * the other side is ours or follows our documentation; further members are left for newer versions.
 */
export function readWatchgateObject({ object }: SchemaEntry, service: string): Reading {
  if (object === undefined) return 'the value is not valid JSON';
  const { address, weight = 1, zone = '', metadata = NO_METADATA, draining = false } = object;
  if (typeof address !== 'string') return 'the value has no "address"';
  const parsed = readAddress(address, '"address"');
  if (typeof parsed === 'string') return parsed;
  if (typeof weight !== 'number' || !(weight > 0 && Number.isFinite(weight)))
    return '"weight" is not a number above 0';
  if (typeof zone !== 'string') return '"zone" is not a string';
  if (!isStringRecord(metadata)) return '"metadata" is not an object of strings';
  if (typeof draining !== 'boolean') return '"draining" is not true or false';
  return [
    {
      service,
      address: parsed,
      weight: boundedWeight(weight),
      zone: zone === '' ? undefined : zone,
      metadata,
      draining,
    },
  ];
}

function isStringRecord(value: unknown): value is Readonly<Record<string, string>> {
  return isJsonObject(value) && Object.values(value).every((member) => typeof member === 'string');
}
