import { readCloudwego } from './cloudwego.js';
import { schemaOf } from './schema.js';

/** hertz (hertz-contrib/registry): `hertz/registry-etcd/<service>/<ip:port>`, without a leading slash. */
export const hertzSchema = schemaOf('hertz', readCloudwego);

/** Kitex and hertz differ in nothing but this. */
export const HERTZ_HOME = 'hertz/registry-etcd';
