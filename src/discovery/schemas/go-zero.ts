import { isServiceName } from '../../core/registration.js';
import { readBareAddress } from './plain.js';
import { schemaOf } from './schema.js';

/**
 * go-zero's discov.Publisher: `<key>/<leaseID>` → `ip:port`, the key being what the service's configuration
 * says, such as `user.rpc`; usually without a leading slash. The service is the last segment of that key.
 */
export const goZeroSchema = schemaOf('go-zero', ({ name, parent, text }) => {
  if (!isLeaseId(name)) return 'the key does not end in a lease id';
  if (!isServiceName(parent)) return 'the key names no valid service before the lease id';
  return readBareAddress(text, parent);
});

/** A lease id in decimal, or the smaller number that a publisher was given instead (`WithId`). */
export function isLeaseId(segment: string): boolean {
  return /^\d{1,20}$/.test(segment);
}
