import { readCloudwego } from './cloudwego.js';
import { schemaOf } from './schema.js';

/** kitex (kitex-contrib/registry-etcd): `kitex/registry-etcd/<service>/<ip:port>`, without a leading slash. */
export const kitexSchema = schemaOf('kitex', readCloudwego);
