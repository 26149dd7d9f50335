import type { SchemaName } from '../../src/core/schema-names.js';
import type { EtcdMember } from '../../src/etcd/member.js';

/** One registration as a framework writes it: the key, the value, and seconds of the lease it asks for. */
interface Written {
  readonly schema: SchemaName;
  readonly key: string;
  readonly value: string;
  readonly ttl?: number;
}

const go = (value: unknown): string => JSON.stringify(value);

/** Two endpoints of one service for each framework, at the keys that each uses when nothing else is said. */
export const FRAMEWORKS: readonly Written[] = [
  { schema: 'plain', key: '/service_registry_discovery/plain/a', value: '10.0.1.1:80', ttl: 3 },
  { schema: 'plain', key: '/service_registry_discovery/plain/b', value: '10.0.1.2:80', ttl: 3 },
  {
    schema: 'watchgate',
    key: '/service_registry_discovery/own/a',
    value: go({ address: '10.0.2.1:80', weight: 2, zone: 'a', metadata: { version: '1' } }),
    ttl: 3,
  },
  {
    schema: 'watchgate',
    key: '/service_registry_discovery/own/b',
    value: go({ address: '10.0.2.2:80', draining: true }),
    ttl: 3,
  },
  { schema: 'single-key', key: '/alone', value: '10.0.3.1:80' },
  {
    schema: 'grpc-naming',
    key: 'grpc/naming/10.0.4.1:90',
    value: go({ Op: 0, Addr: '10.0.4.1:90', Metadata: { version: 'v2' } }),
    ttl: 20,
  },
  {
    schema: 'grpc-naming',
    key: 'grpc/naming/10.0.4.2:90',
    value: go({ Op: 0, Addr: '10.0.4.2:90', Metadata: null }),
    ttl: 20,
  },
  { schema: 'go-zero', key: 'user.rpc/7587883716236152071', value: '10.0.5.1:8080', ttl: 10 },
  { schema: 'go-zero', key: 'user.rpc/7587883716236152075', value: '10.0.5.2:8080', ttl: 10 },
  {
    schema: 'kratos',
    key: '/microservices/helloworld/6c1d3b2e',
    value: go({
      id: '6c1d3b2e',
      name: 'helloworld',
      version: 'v1.0.0',
      metadata: { weight: '50' },
      endpoints: ['http://10.0.6.1:8000', 'grpc://10.0.6.1:9000'],
    }),
    ttl: 15,
  },
  {
    schema: 'kratos',
    key: '/microservices/helloworld/7d2e4c3f',
    value: go({
      id: '7d2e4c3f',
      name: 'helloworld',
      version: 'v1.0.0',
      metadata: {},
      endpoints: ['grpc://10.0.6.2:9000?isSecure=true', 'http://10.0.6.2:8000?isSecure=false'],
    }),
    ttl: 15,
  },
  {
    schema: 'kitex',
    key: 'kitex/registry-etcd/echo/10.0.7.1:8888',
    value: go({ network: 'tcp', address: '10.0.7.1:8888', weight: 0, tags: null }),
    ttl: 60,
  },
  {
    schema: 'kitex',
    key: 'kitex/registry-etcd/echo/10.0.7.2:8888',
    value: go({ network: 'tcp', address: '10.0.7.2:8888', weight: 30, tags: { idc: 'b' } }),
    ttl: 60,
  },
  {
    schema: 'hertz',
    key: 'hertz/registry-etcd/web/10.0.8.1:8888',
    value: go({ network: 'tcp', address: '10.0.8.1:8888', weight: 10, tags: null }),
    ttl: 60,
  },
  {
    schema: 'go-micro',
    key: '/micro/registry/greeter/greeter-1b7d2a6f',
    value: go({
      name: 'greeter',
      version: 'latest',
      metadata: null,
      endpoints: [{ name: 'Say.Hello', request: null, response: null, metadata: {} }],
      nodes: [
        { id: 'greeter-1b7d2a6f', address: '10.0.9.1:51234', metadata: { protocol: 'http' } },
        { id: 'greeter-2c8e3b7a', address: '10.0.9.2:51234', metadata: { protocol: 'http' } },
      ],
    }),
    ttl: 90,
  },
  { schema: 'rpcx', key: '/rpcx', value: 'rpcx_path' },
  { schema: 'rpcx', key: '/rpcx/Arith', value: 'Arith' },
  { schema: 'rpcx', key: '/rpcx/Arith/tcp@10.0.10.1:8972', value: 'group=blue&weight=4', ttl: 30 },
  { schema: 'rpcx', key: '/rpcx/Arith/tcp@10.0.10.2:8972', value: 'state=inactive', ttl: 30 },
];

/** Writes them all, each under a lease of its own as its framework would. */
export async function writeFrameworks(member: EtcdMember): Promise<void> {
  for (const { key, value, ttl } of FRAMEWORKS) {
    // Long enough to outlive a test on a slow machine; `ttl` is what the framework asks for.
    const lease = ttl === undefined ? undefined : await member.leaseGrant(ttl + 60);
    await member.put(key, value, lease?.id);
  }
}
