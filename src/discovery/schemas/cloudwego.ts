import { isServiceName } from '../../core/registration.js';
import { readAddress } from './read-address.js';
import { readMetadata } from './read-metadata.js';
import { relativeWeight } from './read-weight.js';
import type { Reading } from './schema.js';
import type { SchemaEntry } from './schema-entry.js';

/** Their resolvers take a weight of 0 or less for this one. */
const USUAL_WEIGHT = 10;

/**
 * Reads what kitex and hertz register alike: `…/<service>/<ip:port>` →
 * `{"network":"tcp","address":"ip:port","weight":10,"tags":{…}}`. The service is the segment before the
 * address, whatever prefix the registrar was given.
 */
export function readCloudwego({ object, parent }: SchemaEntry): Reading {
  if (object === undefined) return 'the value is not a JSON object';
  if (!isServiceName(parent)) return 'the key names no valid service before the address';
  const { network, address, weight, tags } = object;
  if (typeof network === 'string' && network !== '' && !/^tcp[46]?$/.test(network)) {
    return '"network" is not tcp';
  }
  if (typeof address !== 'string') return 'the value has no "address"';
  const parsed = readAddress(address, '"address"');
  if (typeof parsed === 'string') return parsed;
  return [
    {
      service: parent,
      address: parsed,
      weight: relativeWeight(weight, USUAL_WEIGHT),
      zone: undefined,
      metadata: readMetadata(tags),
      draining: false,
    },
  ];
}
