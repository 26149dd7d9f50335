import { isServiceName } from '../../core/registration.js';
import { readAddress } from './read-address.js';
import { readMetadata } from './read-metadata.js';
import { relativeWeight } from './read-weight.js';
import { schemaOf } from './schema.js';
import type { SchemaEntry } from './schema-entry.js';

/** Counters that rpcx writes anew at each renewal: kept, they would be a change of every endpoint each time. */
const COUNTERS = new Set(['calls', 'connections']);

/**
 * rpcx (rpcx-etcd's serverplugin): `<base>/<service>/tcp@ip:port` → `weight=5&state=inactive&group=…`. The
 * address is in the key; the value, which may be empty, is a form-encoded query. `state=inactive` is how its
 * clients are told to send nothing more.
 */
export const rpcxSchema = schemaOf('rpcx', (entry) => {
  const at = entry.name.indexOf('@');
  if (at < 0) return isDirectory(entry) ? [] : 'the key does not end in network@address';
  if (!/^(?:tcp[46]?|http)$/.test(entry.name.slice(0, at))) return 'the network in the key is not tcp';
  if (!isServiceName(entry.parent)) return 'the key names no valid service before the address';
  const address = readAddress(entry.name.slice(at + 1), 'the address in the key');
  if (typeof address === 'string') return address;
  // As lenient as it gets: a broken escape stays as it is, where rpcx's clients ignore the whole value.
  const query = new URLSearchParams(entry.text);
  const about = [...query].filter(([name]) => name !== 'weight' && name !== 'state' && !COUNTERS.has(name));
  return [
    {
      service: entry.parent,
      address,
      weight: relativeWeight(query.get('weight'), 1),
      zone: undefined,
      metadata: readMetadata(Object.fromEntries(about)),
      draining: query.get('state') === 'inactive',
    },
  ];
});

/** Keys that stand for a folder: the base holds `rpcx_path`, and that of a service the service's name. */
export function isDirectory({ text, name }: SchemaEntry): boolean {
  return text === 'rpcx_path' || (text !== '' && text === name);
}
