import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import type { GrpcObject, ServiceDefinition } from '@grpc/grpc-js';
import { loadPackageDefinition } from '@grpc/grpc-js';
import { load } from '@grpc/proto-loader';

export type ServiceName = 'KV' | 'Watch' | 'Lease' | 'Cluster' | 'Maintenance' | 'Auth';

/** etcd's own API definition, as the etcd3 package carries it: the client and the server read the same file. */
const PROTO = createRequire(import.meta.url).resolve('etcd3/proto/rpc.proto');

/** Loads the definitions of etcd's services. How their messages look in JavaScript is said in messages.ts. */
export async function loadServices(): Promise<Readonly<Record<ServiceName, ServiceDefinition>>> {
  const definition = await load(PROTO, {
    includeDirs: [dirname(PROTO)],
    longs: String,
    enums: String,
    defaults: true,
    oneofs: true,
  });
  const api = loadPackageDefinition(definition)['etcdserverpb'];
  const service = (name: ServiceName): ServiceDefinition => serviceOf(api, name);
  return {
    KV: service('KV'),
    Watch: service('Watch'),
    Lease: service('Lease'),
    Cluster: service('Cluster'),
    Maintenance: service('Maintenance'),
    Auth: service('Auth'),
  };
}

function serviceOf(api: GrpcObject[string] | undefined, name: ServiceName): ServiceDefinition {
  const entry = typeof api === 'object' && name in api ? (api as GrpcObject)[name] : undefined;
  if (typeof entry !== 'function') throw new Error(`${PROTO} has no service ${name}`);
  return entry.service;
}
