import { isServiceName } from '../../core/registration.js';
import { readAddress } from './read-address.js';
import { readMetadata } from './read-metadata.js';
import { MOST_ADDRESSES, type Registration, schemaOf } from './schema.js';
import { isJsonObject, type JsonObject } from './schema-entry.js';

/**
 * go-micro (registry/etcd): `/micro/registry/<service>/<id>` →
 * `{"name","version","metadata","endpoints":[…],"nodes":[{"id","address","metadata"}]}`. Its `endpoints`
 * are the methods of the service, often most of the value; the addresses are in `nodes`.
 */
export const goMicroSchema = schemaOf('go-micro', ({ object, parent }) => {
  if (object === undefined) return 'the value is not a JSON object';
  const { name, version, metadata, nodes } = object;
  // The registrar writes a slash in a name as a dash in the key.
  const service = typeof name === 'string' && name !== '' ? name.replaceAll('/', '-') : parent;
  if (!isServiceName(service)) return '"name" is no valid service name';
  if (!Array.isArray(nodes) || nodes.length === 0) return '"nodes" names no address';
  if (nodes.length > MOST_ADDRESSES) return `"nodes" has more than ${MOST_ADDRESSES} members`;
  const registrations: Registration[] = [];
  let rubbish: string | undefined;
  nodes.forEach((node: unknown, index) => {
    const address = isJsonObject(node)
      ? readNode(node, `nodes[${index}].address`)
      : `nodes[${index}] is no object`;
    if (typeof address === 'string') rubbish ??= address;
    else {
      const own = isJsonObject(node) ? node['metadata'] : undefined;
      const about = readMetadata({ version }, metadata, own);
      registrations.push({ service, address, weight: 1, zone: undefined, metadata: about, draining: false });
    }
  });
  return rubbish === undefined ? registrations : { registrations, rubbish };
});

/** Before version 1.0 the port was a member of its own. */
function readNode({ address, port }: JsonObject, what: string) {
  if (typeof address !== 'string') return `${what} is missing`;
  const separate = typeof port === 'number' && port > 0;
  return readAddress(separate ? `${address}:${port}` : address, what);
}
