import type { SchemaChoice } from '../../core/schema-names.js';
import { autoSchema } from './auto.js';
import { goMicroSchema } from './go-micro.js';
import { goZeroSchema } from './go-zero.js';
import { grpcNamingSchema } from './grpc-naming.js';
import { hertzSchema } from './hertz.js';
import { kitexSchema } from './kitex.js';
import { kratosSchema } from './kratos.js';
import { plainSchema } from './plain.js';
import { rpcxSchema } from './rpcx.js';
import type { Schema } from './schema.js';
import { singleKeySchema } from './single-key.js';
import { watchgateSchema } from './watchgate.js';

/** The schema behind each value of `schema:`. */
export const schemas: Readonly<Record<SchemaChoice, Schema>> = {
  auto: autoSchema,
  plain: plainSchema,
  'single-key': singleKeySchema,
  'grpc-naming': grpcNamingSchema,
  'go-zero': goZeroSchema,
  kratos: kratosSchema,
  kitex: kitexSchema,
  hertz: hertzSchema,
  'go-micro': goMicroSchema,
  rpcx: rpcxSchema,
  watchgate: watchgateSchema,
};
