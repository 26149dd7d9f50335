import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/core/clock.js';
import { EtcdMember } from '../../src/etcd/member.js';
import type { WatchEvent, WatchMessage } from '../../src/etcd/watch.js';
import { prefixEnd } from '../../src/etcd/wire.js';
import { startEmbedded } from '../support/embedded-registry.js';
import { type EtcdVersion, etcdVersions, startEtcd } from '../support/etcd-server.js';
import { freePort } from '../support/free-ports.js';

const PATIENCE_MS = 15_000;

/** Sees every change below a prefix, in order, from the moment it was made. */
export class Witness {
  readonly member: EtcdMember;
  readonly events: WatchEvent[] = [];
  readonly #checks = new Set<() => void>();

  private constructor(member: EtcdMember) {
    this.member = member;
  }

  static async of(endpoint: string, prefix = '/service_registry_discovery/'): Promise<Witness> {
    const member = new EtcdMember({ endpoint, clock: systemClock });
    const witness = new Witness(member);
    await new Promise<void>((resolve, reject) => {
      const message = (message: WatchMessage): void => {
        if (message.created) resolve();
        witness.#see(message.events);
      };
      member
        .openWatch({ message, end: reject })
        .then((watch) => watch.send({ kind: 'create', key: prefix, end: prefixEnd(prefix) }), reject);
    });
    return witness;
  }

  /** The changes as `put VALUE` and `delete`, which is how tests compare them. */
  get story(): string[] {
    return this.events.map(({ type, kv }) => (type === 'put' ? `put ${kv.value}` : 'delete'));
  }

  /** The first change from the `from`th on that is so; waits for it. */
  async until(is: (event: WatchEvent) => boolean, from = 0): Promise<WatchEvent> {
    return new Promise((resolve, reject) => {
      const check = (): void => {
        const found = this.events.slice(from).find(is);
        if (found === undefined) return;
        clearTimeout(limit);
        this.#checks.delete(check);
        resolve(found);
      };
      const limit = setTimeout(() => reject(new Error(`saw only: ${this.story.join(', ')}`)), PATIENCE_MS);
      this.#checks.add(check);
      check();
    });
  }

  #see(events: readonly WatchEvent[]): void {
    this.events.push(...events);
    for (const check of [...this.#checks]) check();
  }

  close(): void {
    this.member.close();
  }
}

/** `embedded`, or the version of a real etcd. */
export type RegistryKind = 'embedded' | EtcdVersion;

export const registryKinds: readonly RegistryKind[] = ['embedded', ...etcdVersions];

export interface TestRegistry {
  readonly endpoint: string;
  /** Ends without a word to anybody. */
  die(): Promise<void>;
  /** After `die`: the same address, with nothing in it. */
  comeBackEmpty(): Promise<void>;
  stop(): Promise<void>;
}

/** A registry that grants leases of `shortestLease` seconds or more. */
export function startRegistry(kind: RegistryKind, shortestLease: 1 | 2 = 1): Promise<TestRegistry> {
  return kind === 'embedded' ? startOurs(shortestLease) : startTheirs(kind, shortestLease);
}

async function startOurs(shortestLeaseSeconds: number): Promise<TestRegistry> {
  const listen = { host: '127.0.0.1', port: await freePort() };
  let registry = await startEmbedded({ shortestLeaseSeconds, listen });
  return {
    endpoint: registry.endpoint,
    die: () => registry.close(),
    async comeBackEmpty() {
      registry = await startEmbedded({ shortestLeaseSeconds, listen });
    },
    stop: () => registry.close(),
  };
}

async function startTheirs(version: EtcdVersion, shortestLease: 1 | 2): Promise<TestRegistry> {
  const data = await mkdtemp(join(tmpdir(), 'watchgate-registrar-'));
  const usual = ['--heartbeat-interval=100', '--election-timeout=1000'];
  const args = [`--data-dir=${data}`, ...(shortestLease === 2 ? usual : [])];
  const etcd = await startEtcd(version, { args });
  return {
    endpoint: etcd.endpoint,
    async die() {
      etcd.kill();
    },
    async comeBackEmpty() {
      await rm(data, { recursive: true });
      await etcd.restart();
    },
    async stop() {
      await etcd.stop();
      await rm(data, { recursive: true, force: true });
    },
  };
}
