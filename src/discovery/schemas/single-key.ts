import { isServiceName } from '../../core/registration.js';
import { readBareAddress } from './plain.js';
import { schemaOf } from './schema.js';

/**
 * `/service/b` → `ip:port`, without a lease: one key for the whole service, named by its last segment. The
 * prefix may be that key itself.
 */
export const singleKeySchema = schemaOf('single-key', ({ isInside, name, text }) => {
  // The range that holds a key and all below it holds its neighbours too: /user-admin beside /user.
  if (!isInside) return [];
  if (!isServiceName(name)) return 'the last segment of the key is no valid service name';
  return readBareAddress(text, name);
});
