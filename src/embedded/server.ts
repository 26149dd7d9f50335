import { createServer, isIP } from 'node:net';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { formatAddress } from '../core/address.js';
import type { Clock } from '../core/clock.js';
import { WatchgateError } from '../core/errors.js';
import { type Random, systemRandom } from '../core/random.js';
import { kvService } from './kv-service.js';
import { Leases } from './lease.js';
import { leaseService } from './lease-service.js';
import { headerOf, newMember } from './member.js';
import { authService, clusterService, maintenanceService } from './member-service.js';
import { loadServices } from './proto.js';
import { Store } from './store.js';
import { type WatchCall, WatchStream } from './watch-stream.js';

export interface EmbeddedRegistryOptions {
  /** A loopback address; port 0 takes any free one. */
  readonly listen: { readonly host: string; readonly port: number };
  readonly clock: Clock;
  readonly random?: Random;
  /** How much history a watch or an old read can go back. */
  readonly keepRevisions?: number;
  /** The least TTL granted. Two seconds is what an etcd with its default settings grants. */
  readonly shortestLeaseSeconds?: number;
  readonly progressIntervalMs?: number;
}

export interface EmbeddedRegistry {
  /** `http://127.0.0.1:port` */
  readonly endpoint: string;
  readonly port: number;
  /** Ends every stream, lease and connection. What was stored is gone. Idempotent. */
  close(): Promise<void>;
}

/** In etcd: `--max-request-bytes` and 512 KiB for gRPC. */
const MAX_MESSAGE_BYTES = 2 * 1024 * 1024;
const DEFAULTS = { keepRevisions: 10_000, shortestLeaseSeconds: 2, progressIntervalMs: 600_000 };

/**
 * Starts an etcd v3 API server that holds everything in memory and listens on loopback only: it has
 * no password, no second member and no disk, so it must not become the registry of more than one machine.
 * Throws PORT_TAKEN, LISTEN_FAILED, or BAD_FLAG for an address that is not loopback.
 */
export async function startEmbeddedRegistry(options: EmbeddedRegistryOptions): Promise<EmbeddedRegistry> {
  const { clock, random = systemRandom } = options;
  const host = loopback(options.listen.host);
  const store = new Store(options.keepRevisions ?? DEFAULTS.keepRevisions);
  const shortest = options.shortestLeaseSeconds ?? DEFAULTS.shortestLeaseSeconds;
  const leases = new Leases(store, clock, random, shortest);
  const progressIntervalMs = options.progressIntervalMs ?? DEFAULTS.progressIntervalMs;
  const server = await makeServer({ store, leases, clock, random, progressIntervalMs, url });
  const port = await bind(server, host, options.listen.port);

  function url(): string {
    return `http://${formatAddress(host, port)}`;
  }

  let closing: Promise<void> | undefined;
  return { endpoint: url(), port, close: () => (closing ??= closeAll(server, leases)) };
}

interface Parts {
  readonly store: Store;
  readonly leases: Leases;
  readonly clock: Clock;
  readonly random: Random;
  readonly progressIntervalMs: number;
  /** Known once the port is. */
  readonly url: () => string;
}

/** Methods that are not given here answer UNIMPLEMENTED; that is grpc-js's own doing. */
async function makeServer({ store, leases, url, ...rest }: Parts): Promise<Server> {
  const services = await loadServices();
  const member = newMember(rest.random);
  const header = (revision = store.revision) => headerOf(member, revision);
  const now = () => header();
  const server = new Server({
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_send_message_length': -1,
  });
  server.addService(services.KV, kvService({ store, leases }, now));
  server.addService(services.Lease, leaseService(leases, now));
  server.addService(services.Watch, {
    Watch: (call: WatchCall) => new WatchStream(call, { ...rest, store, header }),
  });
  server.addService(services.Cluster, clusterService(member, url, now));
  server.addService(services.Maintenance, maintenanceService(store, member, now));
  server.addService(services.Auth, authService(now));
  return server;
}

function loopback(host: string): string {
  const address = host === 'localhost' ? '127.0.0.1' : host;
  if (address === '::1' || (isIP(address) === 4 && address.startsWith('127.'))) return address;
  throw new WatchgateError(
    'BAD_FLAG',
    `embedded registry: ${host} is not a loopback address; it is for one machine and has no password. ` +
      'For more than one, run etcd and set `registry: { type: etcd, endpoints: [http://HOST:2379] }`',
  );
}

async function bind(server: Server, host: string, port: number): Promise<number> {
  const address = formatAddress(host, port);
  // Tried first with a plain socket, because grpc-js writes its own line to stderr when it cannot listen.
  const failure = await tryListen(host, port);
  if (failure?.code === 'EADDRINUSE') {
    throw new WatchgateError('PORT_TAKEN', `embedded registry: ${address} is in use by another program`);
  }
  const failed = (error: Error): WatchgateError =>
    new WatchgateError('LISTEN_FAILED', `embedded registry: cannot listen on ${address}: ${error.message}`);
  if (failure !== undefined) throw failed(failure);
  return new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(failed(error)),
    );
  });
}

function tryListen(host: string, port: number): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', resolve);
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve(undefined)));
  });
}

/** Watches never end by themselves, so they are cut; the promise waits until the port is free. */
function closeAll(server: Server, leases: Leases): Promise<void> {
  leases.close();
  return new Promise((resolve) => {
    server.tryShutdown(() => resolve());
    server.forceShutdown();
  });
}
