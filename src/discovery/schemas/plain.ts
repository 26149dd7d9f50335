import { isServiceName } from '../../core/registration.js';
import { rubbish, type Schema } from './schema.js';
import { readRegistrationValue } from './watchgate-value.js';

/**
 * `<prefix>/<service>/<host>` → `ip:port`, or the object that Watchgate's own registrar writes there.
 * The service is the first segment below the prefix; what follows only has to be there.
 */
export const plainSchema: Schema = {
  name: 'plain',
  recognise(key, value, prefix) {
    const below = key.slice(prefix.length + 1);
    const slash = below.indexOf('/');
    if (slash < 0 || slash === below.length - 1) return rubbish('the key names no host below the service');
    const service = below.slice(0, slash);
    if (!isServiceName(service)) return rubbish('the key names no valid service below the prefix');
    const body = readRegistrationValue(value);
    if (typeof body === 'string') return rubbish(body);
    return { kind: 'registrations', registrations: [{ service, ...body }] };
  },
};
