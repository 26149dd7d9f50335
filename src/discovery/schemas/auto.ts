import { parseAddress } from '../../core/address.js';
import { goMicroSchema } from './go-micro.js';
import { goZeroSchema, isLeaseId } from './go-zero.js';
import { grpcNamingSchema } from './grpc-naming.js';
import { HERTZ_HOME, hertzSchema } from './hertz.js';
import { kitexSchema } from './kitex.js';
import { kratosSchema } from './kratos.js';
import { plainSchema } from './plain.js';
import { isDirectory, rpcxSchema } from './rpcx.js';
import { type Recognition, type Schema, TOO_LARGE } from './schema.js';
import type { JsonObject, SchemaEntry } from './schema-entry.js';
import { singleKeySchema } from './single-key.js';
import { watchgateSchema } from './watchgate.js';

/**
 * Recognises each key on its own, so that several frameworks can share one cluster and even one prefix. A
 * value is either a JSON object, told apart by the members that only one of them has, or short text, told
 * apart by the key.
 */
export const autoSchema: Schema = {
  name: 'auto',
  recognise(entry) {
    if (entry.tooLarge) return unknown(TOO_LARGE);
    if (entry.text.startsWith('{')) return recogniseObject(entry);
    return schemaOfText(entry).recognise(entry);
  },
};

function unknown(rubbish: string): Recognition {
  return { schema: undefined, registrations: [], rubbish };
}

function recogniseObject(entry: SchemaEntry): Recognition {
  const { object } = entry;
  if (object === undefined) return unknown('the value is not valid JSON');
  const schema = schemaOfObject(object, entry.key);
  if (schema === undefined) return unknown('the value is a JSON object of no known schema');
  return schema.recognise(entry);
}

/** In this order because go-micro has `endpoints` as well, and kitex and hertz have an `address`. */
function schemaOfObject(object: JsonObject, key: string): Schema | undefined {
  if ('Addr' in object || 'addr' in object) return grpcNamingSchema;
  if ('nodes' in object) return goMicroSchema;
  if ('endpoints' in object) return kratosSchema;
  if (!('address' in object)) return undefined;
  if (!('network' in object)) return watchgateSchema;
  return key.includes(HERTZ_HOME) ? hertzSchema : kitexSchema;
}

/** Whose key stands over text; what fits nowhere is judged as plain, which says what is wrong with it. */
function schemaOfText(entry: SchemaEntry): Schema {
  const { below, key, name, text } = entry;
  if (typeof parseAddress(text) === 'string') {
    return name.includes('@') || isDirectory(entry) ? rpcxSchema : plainSchema;
  }
  const isAlone = !below.includes('/');
  if (isLeaseId(name) && (isAlone || !key.startsWith('/'))) return goZeroSchema;
  return isAlone ? singleKeySchema : plainSchema;
}
