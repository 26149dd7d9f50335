import { DEFAULT_PREFIX, isServiceName } from '../../core/registration.js';
import { readAddress } from './read-address.js';
import { NO_METADATA, type Reading, schemaOf } from './schema.js';
import type { SchemaEntry } from './schema-entry.js';
import { readWatchgateObject } from './watchgate-object.js';

/**
 * `<prefix>/<service>/<host>` → `ip:port`. The service is the first segment below the prefix; what follows
 * only has to be there. Takes the watchgate object too, for that is what our registrar writes in place of
 * the address when it begins to drain.
 */
export const plainSchema = schemaOf('plain', readPlain);

export function readPlain(entry: SchemaEntry): Reading {
  const below = belowPrefix(entry);
  const slash = below.indexOf('/');
  if (slash < 0 || slash === below.length - 1) return 'the key names no host below the service';
  const service = below.slice(0, slash);
  if (!isServiceName(service)) return 'the key names no valid service below the prefix';
  const { text } = entry;
  return text.startsWith('{') ? readWatchgateObject(entry, service) : readBareAddress(text, service);
}

/** A whole registry is read too: below its root, the usual prefix is no service. */
function belowPrefix({ key, prefix, below }: SchemaEntry): string {
  const isUsual = prefix === '' && key.startsWith(`${DEFAULT_PREFIX}/`);
  return isUsual ? key.slice(DEFAULT_PREFIX.length + 1) : below;
}

/** A value that is nothing but an address. */
export function readBareAddress(text: string, service: string): Reading {
  const address = readAddress(text);
  if (typeof address === 'string') return address;
  return [{ service, address, weight: 1, zone: undefined, metadata: NO_METADATA, draining: false }];
}
