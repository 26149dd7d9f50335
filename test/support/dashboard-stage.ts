import { createServer, type Server } from 'node:http';
import { parseConfig } from '../../src/config/load.js';
import { DEFAULT_PREFIX, registrationKey } from '../../src/core/registration.js';
import { type Gateway, startGateway } from '../../src/gateway.js';
import { type Registration, register } from '../../src/registrar/registrar.js';
import { bytes, EtcdApi } from './etcd-api.js';
import { type EtcdVersion, startEtcd } from './etcd-server.js';

/** A service process, as far as the gateway can tell. */
export interface Pod {
  readonly address: string;
  /** Ends it as SIGTERM would: its registration is taken back first. */
  stop(): Promise<void>;
}

/** One that nobody keeps alive. */
export interface MortalPod {
  readonly address: string;
  /** Ends its lease while it goes on serving, as a registry in trouble does. */
  lapse(): Promise<unknown>;
  /** Ends it as SIGKILL would: the registry is told nothing. */
  kill(): void;
}

/** Whoever outlives what is begun for it: a test, as a rule. */
export interface Owner {
  after(end: () => unknown): void;
}

/** A gateway that follows a real etcd with services registered in it. All of it ends with the test. */
export class DashboardStage {
  readonly gateway: Gateway;
  readonly #endpoint: string;
  /** What is to be ended, in the order in which it was begun. */
  readonly #begun: (() => unknown)[];

  private constructor(gateway: Gateway, endpoint: string, begun: (() => unknown)[]) {
    this.gateway = gateway;
    this.#endpoint = endpoint;
    this.#begun = begun;
  }

  static async start(owner: Owner, version: EtcdVersion, more = ''): Promise<DashboardStage> {
    // Registrations are taken back while the registry is still there to hear it: the last begun ends first.
    const begun: (() => unknown)[] = [];
    owner.after(async () => {
      for (const end of begun.reverse()) await end();
    });
    const etcd = await startEtcd(version);
    begun.push(() => etcd.stop());
    const text = [
      'listen: 127.0.0.1:0',
      'admin: 127.0.0.1:0',
      'registry:',
      '  type: etcd',
      `  endpoints: [${etcd.endpoint}]`,
      'routes:',
      '  - prefix: /goods',
      '    service: goods',
      more,
    ].join('\n');
    const config = parseConfig(text, 'routes.yaml', {});
    if ('errors' in config) throw new Error(JSON.stringify(config.errors));
    const logStream = { dropped: 0, write: () => undefined, close: async () => undefined };
    const gateway = await startGateway({ settings: config.settings, logStream });
    begun.push(() => gateway.close());
    return new DashboardStage(gateway, etcd.endpoint, begun);
  }

  /**
   * Starts an endpoint that answers, registered by the registrar. Resolves when the registry lists it. `delayMs`:
   * how long it takes to answer, each time.
   */
  async pod(service = 'goods', delayMs: () => number = () => 0): Promise<Pod> {
    const server = await this.#serve(delayMs);
    const registration = register({
      registry: `etcd://${new URL(this.#endpoint).host}/${DEFAULT_PREFIX.replace(/^\//, '')}`,
      service,
      address: addressOf(server),
      hostKey: `pod-${addressOf(server).split(':')[1]}`,
    });
    this.#begun.push(() => registration.close());
    await new Promise<void>((resolve) => registration.once('registered', () => resolve()));
    return { address: addressOf(server), stop: () => leave(server, registration) };
  }

  /** The same under a lease of `ttl` seconds that ends by itself, as that of a killed process does. */
  async mortalPod(ttl: number): Promise<MortalPod> {
    const server = await this.#serve();
    const api = new EtcdApi(this.#endpoint);
    this.#begun.push(() => api.close());
    const { ID: lease } = await api.call('Lease/LeaseGrant', { TTL: ttl });
    const address = addressOf(server);
    const key = bytes(registrationKey(DEFAULT_PREFIX, 'goods', `mortal-${address.split(':')[1]}`));
    await api.call('KV/Put', { key, value: bytes(address), lease });
    return {
      address,
      lapse: () => api.call('Lease/LeaseRevoke', { ID: lease }),
      kill: () => close(server),
    };
  }

  /** Writes any value below the prefix of the registry. */
  async write(key: string, value: string): Promise<void> {
    const api = new EtcdApi(this.#endpoint);
    this.#begun.push(() => api.close());
    await api.call('KV/Put', { key: bytes(`${DEFAULT_PREFIX}/${key}`), value: bytes(value) });
  }

  async #serve(delayMs: () => number = () => 0): Promise<Server> {
    const server = createServer((_request, response) => {
      const delay = delayMs();
      if (delay === 0) response.end('ok');
      else setTimeout(() => response.end('ok'), delay);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    this.#begun.push(() => close(server));
    return server;
  }

  /** So many requests through the gateway, one after another; resolves to their statuses. */
  async requests(count: number): Promise<number[]> {
    const statuses: number[] = [];
    for (let turn = 0; turn < count; turn += 1) {
      const response = await fetch(`http://${this.gateway.address}/goods/list`);
      await response.arrayBuffer();
      statuses.push(response.status);
    }
    return statuses;
  }
}

async function leave(server: Server, registration: Registration): Promise<void> {
  await registration.close();
  close(server);
}

function close(server: Server): void {
  server.close();
  server.closeAllConnections();
}

function addressOf(server: Server): string {
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the service does not listen');
  return `127.0.0.1:${address.port}`;
}
