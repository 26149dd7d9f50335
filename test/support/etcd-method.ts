import { createRequire } from 'node:module';
import { loadSync, type MethodDefinition } from '@grpc/proto-loader';

const definitions = loadSync(createRequire(import.meta.url).resolve('etcd3/proto/rpc.proto'), {
  keepCase: true,
  longs: String,
  enums: String,
  defaults: true,
});

/** A method of etcd's API, as `KV/Range`, with its messages as protobufjs writes and reads them. */
export function etcdMethod(name: string): MethodDefinition<object, object> {
  const [service = '', method = ''] = name.split('/');
  const found = definitions[`etcdserverpb.${service}`];
  const definition = found === undefined || 'format' in found ? undefined : found[method];
  if (definition === undefined) throw new Error(`etcd has no ${name}`);
  return definition;
}
