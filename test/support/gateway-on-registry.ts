import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Agent } from 'undici';
import { parseConfig } from '../../src/config/load.js';
import { EventHub, type MembershipChange, type SourceEvent } from '../../src/core/events.js';
import type { EndpointView, RegistryView } from '../../src/core/views.js';
import { type Gateway, startGateway } from '../../src/gateway.js';
import type { LogStream } from '../../src/observability/log-stream.js';
import { withListeners } from './gateway-under-test.js';

const PATIENCE_MS = 20_000;
const silence: LogStream = { dropped: 0, write: () => undefined, close: async () => undefined };

/** A whole gateway in this process that watches a real registry. */
export class GatewayOnRegistry {
  readonly membership: MembershipChange[] = [];
  readonly sourceEvents: SourceEvent[] = [];
  readonly #gateway: Gateway;

  private constructor(gateway: Gateway, hub: EventHub) {
    this.#gateway = gateway;
    hub.on('membership', (event) => this.membership.push(event));
    hub.on('source', (event) => this.sourceEvents.push(event));
  }

  /** `routes` is a routes.yaml without `listen` and `admin`. Closed with the test. */
  static async start(t: TestContext, routes: string): Promise<GatewayOnRegistry> {
    const config = parseConfig(withListeners(routes), 'routes.yaml', {});
    if ('errors' in config) throw new Error(JSON.stringify(config.errors));
    const hub = new EventHub();
    const gateway = await startGateway({ settings: config.settings, hub, logStream: silence });
    t.after(() => gateway.close());
    return new GatewayOnRegistry(gateway, hub);
  }

  get url(): string {
    return `http://${this.#gateway.address}`;
  }

  close(): Promise<void> {
    return this.#gateway.close();
  }

  async admin(path: string, method = 'GET'): Promise<{ readonly status: number; readonly text: string }> {
    const response = await fetch(`${this.#gateway.adminAddress}${path}`, { method });
    return { status: response.status, text: await response.text() };
  }

  /** As the admin port shows them. */
  async endpoints(service: string): Promise<readonly EndpointView[]> {
    const { status, text } = await this.admin(`/api/services/${service}`);
    return status === 404 ? [] : JSON.parse(text).endpoints;
  }

  async registry(): Promise<RegistryView> {
    const { text } = await this.admin('/api/registry');
    return JSON.parse(text)[0];
  }

  /** Resolves when the endpoints of the service are in these states, by address; none is left out. */
  states(service: string, expected: Readonly<Record<string, string>>): Promise<void> {
    const wanted = JSON.stringify(Object.entries(expected).sort());
    return eventually(`${service} is ${wanted}`, async () => {
      const views = await this.endpoints(service);
      return JSON.stringify(views.map(({ address, state }) => [address, state]).sort()) === wanted;
    });
  }

  async status(path = '/'): Promise<number> {
    const response = await fetch(`${this.url}${path}`);
    await response.arrayBuffer();
    return response.status;
  }
}

/** Asks again until the answer is yes. */
export async function eventually(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  const until = performance.now() + PATIENCE_MS;
  while (!(await holds())) {
    if (performance.now() > until) throw new Error(`${what}: not within ${PATIENCE_MS} ms`);
    await pause(10);
  }
}

/** An HTTP service that says 200 to everything. Ends with the test. */
export interface LiveService {
  /** `127.0.0.1:port` */
  readonly address: string;
  /** At once, as a process dies. */
  die(): Promise<void>;
}

export async function liveService(t: TestContext): Promise<LiveService> {
  const server: Server = createServer((_, response) => response.end('ok')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('not listening');
  const die = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  };
  t.after(die);
  return { address: `127.0.0.1:${address.port}`, die };
}

/** Requests one after another, several at once, until it is stopped. */
export class Load {
  readonly failures: string[] = [];
  served = 0;
  readonly #agent = new Agent({ connections: 8 });
  readonly #workers: Promise<void>[];
  #stopped: Promise<void> | undefined;

  constructor(t: TestContext, url: string) {
    this.#workers = Array.from({ length: 4 }, () => this.#work(url));
    t.after(() => this.stop());
  }

  /** Idempotent. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    await Promise.all(this.#workers);
    await this.#agent.close();
  }

  /** Resolves after that many more requests. */
  async more(count: number): Promise<void> {
    const goal = this.served + count;
    await eventually(`${count} more requests`, () => this.served + this.failures.length >= goal);
  }

  async #work(origin: string): Promise<void> {
    while (this.#stopped === undefined) {
      try {
        const { statusCode, body } = await this.#agent.request({ origin, path: '/', method: 'GET' });
        const text = await body.text();
        if (statusCode === 200) this.served += 1;
        else this.failures.push(`${statusCode} ${text}`);
      } catch (error) {
        this.failures.push(String(error));
      }
      await pause(2);
    }
  }
}
