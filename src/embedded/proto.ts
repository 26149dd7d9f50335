import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import type { ServiceDefinition } from '@grpc/grpc-js';
import {
  type AnyDefinition,
  type EnumTypeDefinition,
  load,
  type MessageTypeDefinition,
  type PackageDefinition,
} from '@grpc/proto-loader';

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
  const service = (name: ServiceName): ServiceDefinition => serviceOf(definition, name);
  return {
    KV: service('KV'),
    Watch: service('Watch'),
    Lease: service('Lease'),
    Cluster: service('Cluster'),
    Maintenance: service('Maintenance'),
    Auth: service('Auth'),
  };
}

/** A package's entries are services, messages and enums; only these two have a format. */
function serviceOf(definition: PackageDefinition, name: ServiceName): ServiceDefinition {
  const entry = definition[`etcdserverpb.${name}`];
  if (entry === undefined || isType(entry)) throw new Error(`${PROTO} has no service ${name}`);
  return entry;
}

function isType(entry: AnyDefinition): entry is MessageTypeDefinition | EnumTypeDefinition {
  return 'format' in entry;
}
