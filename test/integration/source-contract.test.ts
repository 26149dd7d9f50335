import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, type TestContext } from 'node:test';
import { parseAddress } from '../../src/core/address.js';
import { systemClock } from '../../src/core/clock.js';
import { registrationKey } from '../../src/core/registration.js';
import { createConsulSource } from '../../src/discovery/consul/source.js';
import { createDnsSource } from '../../src/discovery/dns/source.js';
import { createEtcdSource } from '../../src/discovery/etcd/source.js';
import { createFileSource } from '../../src/discovery/file/source.js';
import { createStaticSource } from '../../src/discovery/static-source.js';
import { describeSource, type RegistryUnderContract } from '../contract/source.js';
import { type ConsulServer, consulMissing, startConsul } from '../support/consul-server.js';
import type { TestRecord } from '../support/dns-message.js';
import { a, srv, TestDnsServer } from '../support/dns-server.js';
import { startEmbedded } from '../support/embedded-registry.js';
import { bytes, EtcdApi } from '../support/etcd-api.js';
import { etcdVersions, startEtcd } from '../support/etcd-server.js';
import { hastyClock } from '../support/hasty-clock.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import type { Listed } from '../support/watched-source.js';

/** Each test has a prefix of its own, so that they can share a server. */
let prefixes = 0;
const SERVICES = ['goods', 'orders'];

/** A registry that speaks etcd's API, behind a proxy that can be cut. */
async function etcdRegistry(
  t: TestContext,
  endpoint: string,
  listed: Listed,
): Promise<RegistryUnderContract> {
  const prefix = `/services-${prefixes++}`;
  const proxy = await startTcpProxy(new URL(endpoint).host);
  t.after(() => proxy.close());
  const api = new EtcdApi(endpoint);
  t.after(() => api.close());
  let keys = new Set<string>();
  const list = async (wanted: Listed): Promise<void> => {
    const puts = Object.entries(wanted).flatMap(([service, addresses]) =>
      addresses.map((address) => [registrationKey(prefix, service, address), address] as const),
    );
    for (const [key, value] of puts) {
      if (!keys.has(key)) await api.call('KV/Put', { key: bytes(key), value: bytes(value) });
    }
    const next = new Set(puts.map(([key]) => key));
    for (const key of keys) {
      if (!next.has(key)) await api.call('KV/DeleteRange', { key: bytes(key) });
    }
    keys = next;
  };
  await list(listed);
  return {
    list,
    open: (announce) =>
      createEtcdSource({
        name: 'main',
        endpoints: [`http://${proxy.address}`],
        prefix,
        clock: systemClock,
        random: () => 0,
        announce,
      }),
    fail: async () => proxy.cut(),
    mend: async () => proxy.mend(),
  };
}

/** A Consul that others have used before, behind a proxy that can be cut. */
async function consulRegistry(
  t: TestContext,
  consul: ConsulServer,
  listed: Listed,
): Promise<RegistryUnderContract> {
  const proxy = await startTcpProxy(consul.address);
  t.after(() => proxy.close());
  const list = async (wanted: Listed): Promise<void> => {
    const before = new Set(Object.keys(await consul.api<object>('GET', '/v1/agent/services')));
    for (const [name, addresses] of Object.entries(wanted)) {
      for (const text of addresses) {
        const address = parseAddress(text);
        if (typeof address === 'string') throw new Error(`${text} ${address}`);
        const id = `${name}-${text}`;
        if (!before.delete(id))
          await consul.register({ id, name, address: address.host, port: address.port });
      }
    }
    for (const id of before)
      await consul.api('PUT', `/v1/agent/service/deregister/${encodeURIComponent(id)}`);
  };
  await list(listed);
  return {
    list,
    open: (announce) =>
      createConsulSource({
        name: 'main',
        endpoints: [`http://${proxy.address}`],
        wanted: { services: SERVICES, all: false },
        clock: systemClock,
        random: () => 0,
        announce,
      }),
    fail: async () => proxy.cut(),
    mend: async () => proxy.mend(),
  };
}

async function fileRegistry(t: TestContext, listed: Listed): Promise<RegistryUnderContract> {
  const folder = await mkdtemp(join(tmpdir(), 'watchgate-source-'));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, 'endpoints.yaml');
  const write = async (text: string): Promise<void> => {
    await writeFile(`${path}.new`, text);
    await rename(`${path}.new`, path);
  };
  const list = (wanted: Listed): Promise<void> => write(JSON.stringify({ services: wanted }));
  await list(listed);
  return {
    list,
    open: (announce) => createFileSource({ name: 'main', path, clock: hastyClock, announce }),
    fail: () => write('services: { goods: [nonsense] }'),
    mend: () => list(listed),
  };
}

async function dnsRegistry(t: TestContext, listed: Listed): Promise<RegistryUnderContract> {
  const server = await TestDnsServer.start(t, zoneOf(listed));
  const names = SERVICES.map((service) => [service, { name: `_${service}._tcp.test`, port: undefined }]);
  return {
    list: async (wanted) => {
      server.zone = zoneOf(wanted);
    },
    open: (announce) =>
      createDnsSource({
        name: 'main',
        servers: [server.address],
        names: Object.fromEntries(names),
        family: 'any',
        clock: hastyClock,
        random: () => 0,
        announce,
      }),
    fail: async () => {
      server.override = () => ({ code: 2 });
    },
    mend: async () => {
      server.override = undefined;
    },
  };
}

function zoneOf(listed: Listed): TestRecord[] {
  return Object.entries(listed).flatMap(([service, addresses]) =>
    addresses.flatMap((text) => {
      const address = parseAddress(text);
      if (typeof address === 'string') throw new Error(`${text} ${address}`);
      const target = `${address.host.replaceAll('.', '-')}.test`;
      return [srv(`_${service}._tcp.test`, target, address.port, { ttl: 1 }), a(target, address.host, 1)];
    }),
  );
}

// At once: most of their time is spent waiting for registries.
describe('one contract', { concurrency: true }, () => {
  for (const version of etcdVersions) {
    const running = startEtcd(version);
    after(async () => (await running).stop());
    describeSource({
      name: `etcd ${version}`,
      start: async (t, listed) => etcdRegistry(t, (await running).endpoint, listed),
    });
  }

  const embedded = startEmbedded();
  after(async () => (await embedded).close());
  describeSource({
    name: 'the embedded registry',
    start: async (t, listed) => etcdRegistry(t, (await embedded).endpoint, listed),
  });

  const consul = consulMissing === undefined ? startConsul() : undefined;
  after(async () => (await consul)?.stop());
  describeSource({
    name: 'Consul',
    skip: consulMissing,
    oneAtATime: 'all that one agent can keep apart are names, and those are given',
    start: async (t, listed) => {
      const running = await consul;
      if (running === undefined) throw new Error(consulMissing);
      return consulRegistry(t, running, listed);
    },
  });

  describeSource({ name: 'DNS', start: dnsRegistry });

  describeSource({ name: 'a file', start: fileRegistry });

  describeSource({
    name: 'a list held by the program',
    completeBeforeStart: 'the program has said all there is',
    start: async (_, listed) => {
      const source = createStaticSource({ name: 'main', clock: systemClock });
      const list = async (wanted: Listed): Promise<void> => {
        for (const service of SERVICES) {
          const before = source
            .snapshot()
            ?.services.get(service)
            ?.endpoints.map(({ address }) => address);
          const next = wanted[service] ?? [];
          if (next.join() !== (before ?? []).join()) source.setEndpoints(service, next);
        }
      };
      await list(listed);
      return { open: () => source, list };
    },
  });
});
