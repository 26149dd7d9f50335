import { readPlain } from './plain.js';
import { schemaOf } from './schema.js';

/**
 * What our own registrar writes: keys as in the plain schema, and as value an object that can say weight,
 * zone, metadata and draining, or the bare address when there is nothing of that to say.
 */
export const watchgateSchema = schemaOf('watchgate', readPlain);
