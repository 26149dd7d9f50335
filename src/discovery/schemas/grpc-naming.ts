import { isServiceName } from '../../core/registration.js';
import { readAddress } from './read-address.js';
import { readMetadata } from './read-metadata.js';
import { schemaOf } from './schema.js';

const DELETE = 1;

/**
 * gRPC naming, as etcd's own Go client writes it (client/v3/naming/endpoints): `<target>/<any>` →
 * `{"Op":0,"Addr":"ip:port","Metadata":…}`. Op 1 takes the address back. The service is the last segment of
 * the target. Members in small letters are taken too: Go's JSON reader makes no difference.
 */
export const grpcNamingSchema = schemaOf('grpc-naming', ({ object, parent }) => {
  if (object === undefined) return 'the value is not a JSON object';
  if (!isServiceName(parent)) return 'the key names no valid service before its last segment';
  const address = object['Addr'] ?? object['addr'];
  if ((object['Op'] ?? object['op']) === DELETE) return [];
  if (typeof address !== 'string') return 'the value has no "Addr"';
  const parsed = readAddress(address, '"Addr"');
  if (typeof parsed === 'string') return parsed;
  const metadata = readMetadata(object['Metadata'] ?? object['metadata']);
  return [{ service: parent, address: parsed, weight: 1, zone: undefined, metadata, draining: false }];
});
