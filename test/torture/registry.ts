import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../src/core/clock.js';
import { systemRandom } from '../../src/core/random.js';
import { type EmbeddedRegistry, startEmbeddedRegistry } from '../../src/embedded/server.js';
import { EtcdMembers } from '../../src/etcd/members.js';
import { prefixEnd } from '../../src/etcd/wire.js';
import { type EtcdCluster, startEtcdCluster } from '../support/etcd-cluster.js';
import { freePort } from '../support/free-ports.js';

export type RegistryKind = 'etcd' | 'embedded';
export const registryKinds: readonly RegistryKind[] = ['etcd', 'embedded'];

export const PREFIX = '/torture';

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** A registry to torture, and a way to it that the faults do not touch. */
export interface TortureRegistry {
  /** `http://host:port` of each member. */
  readonly endpoints: readonly string[];
  /** Only a real cluster has members to hang, kill and restore. Throws for the embedded registry. */
  readonly cluster: EtcdCluster;
  /** Ends all of it at once and starts it again after `downMs`, with its services registered. */
  crash(downMs: number): Promise<void>;
  close(): Promise<void>;
}

export async function openRegistry(kind: RegistryKind, args: readonly string[]): Promise<TortureRegistry> {
  return kind === 'etcd' ? openEtcd(args) : openEmbedded();
}

async function openEtcd(args: readonly string[]): Promise<TortureRegistry> {
  const cluster = await startEtcdCluster({ args });
  return {
    cluster,
    get endpoints() {
      return cluster.endpoints;
    },
    async crash(downMs) {
      await cluster.killAll();
      await sleep(downMs);
      await cluster.startAll();
    },
    close: () => cluster.stop(),
  };
}

async function openEmbedded(): Promise<TortureRegistry> {
  const listen = { host: '127.0.0.1', port: await freePort() };
  let registry: EmbeddedRegistry = await startEmbeddedRegistry({ listen, clock: systemClock });
  const { endpoint } = registry;
  return {
    endpoints: [endpoint],
    get cluster(): EtcdCluster {
      throw new Error('the embedded registry is no cluster');
    },
    async crash(downMs) {
      const registered = await readAll([endpoint]);
      await registry.close();
      await sleep(downMs);
      registry = await startEmbeddedRegistry({ listen, clock: systemClock });
      // Its memory is gone; what services with a registrar do of their own accord is done here for them.
      await withMember([endpoint], async (writer) => {
        for (const [key, value] of registered) await writer.call((member) => member.put(key, value));
      });
    },
    close: () => registry.close(),
  };
}

/** Every key below the prefix with its value, from the registry itself. */
export function readAll(
  endpoints: readonly string[],
  credentials?: Credentials,
): Promise<Map<string, string>> {
  const range = { key: `${PREFIX}/`, end: prefixEnd(`${PREFIX}/`) };
  return withMember(
    endpoints,
    async (reader) => {
      const { kvs } = await reader.call((member) => member.range(range));
      return new Map(kvs.map(({ key, value }) => [key, value]));
    },
    credentials,
  );
}

async function withMember<T>(
  endpoints: readonly string[],
  use: (members: EtcdMembers) => Promise<T>,
  credentials?: Credentials,
): Promise<T> {
  const members = new EtcdMembers({ endpoints, ...credentials, clock: systemClock, random: systemRandom });
  try {
    return await use(members);
  } finally {
    members.close();
  }
}
