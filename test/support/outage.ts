import { writeFile } from 'node:fs/promises';
import type { TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Agent } from 'undici';
import { parseConfig } from '../../src/config/load.js';
import { type ConfigOrigin, fileOrigin } from '../../src/config/origin.js';
import { systemClock } from '../../src/core/clock.js';
import type { Source } from '../../src/discovery/source.js';
import { createStaticSource } from '../../src/discovery/static-source.js';
import { type Gateway, startGateway } from '../../src/gateway.js';
import type { LogStream } from '../../src/observability/log-stream.js';
import { selfSigned } from './certificates.js';
import { startEmbedded } from './embedded-registry.js';
import { bytes, EtcdApi, prefixEnd } from './etcd-api.js';
import { liveService } from './gateway-on-registry.js';
import { temporaryFile } from './gateway-process.js';
import { withListeners } from './gateway-under-test.js';
import { rawUpstream } from './raw-upstream.js';

const PREFIX = '/services';
const BETWEEN_REQUESTS_MS = 100;
const silence: LogStream = { dropped: 0, write: () => undefined, close: async () => undefined };

/** A gateway to which everything happens at once that an operator wants to be told of. */
export interface Outage {
  /** `host:port` of each admin port. */
  readonly targets: readonly string[];
  /** What `/metrics` of the gateways say, one after the other. */
  metrics(): Promise<string>;
  /** The registry is emptied of live services, the configuration is made wrong; `worse` follows. */
  begin(): Promise<void>;
  /** The registry itself goes away. */
  worse(): Promise<void>;
  /** Every gateway ends. */
  end(): Promise<void>;
}

/**
 * Of `goods` half the endpoints refuse connections, those of `flaky` reset each request, `orders` has none, and `cart`
 * is well; one key holds rubbish. Requests go to all of them until the test ends. A second gateway
 * has lost a change, and a certificate that expires in two days.
 */
export async function outage(t: TestContext): Promise<Outage> {
  const registry = await startEmbedded();
  t.after(() => registry.close());
  const api = new EtcdApi(registry.endpoint);
  t.after(() => api.close());
  await registerAll(t, api);
  const file = await temporaryFile(t, 'routes.yaml', withListeners(routesFor(registry.endpoint)));
  const gateway = await openGateway(t, routesFor(registry.endpoint), { origin: fileOrigin(file) });
  const dc2 = driftingSource();
  const { certFile, keyFile } = await selfSigned(t);
  const tls = `tls: { listen: 127.0.0.1:0, cert: ${certFile}, key: ${keyFile} }\n`;
  const drifting = await openGateway(t, ROUTE_TO_GOODS + tls, { sources: [dc2.source] });
  await gateway.ready();
  const stopTraffic = traffic(t, `http://${gateway.address}`);
  return {
    targets: [gateway, drifting].map(({ adminAddress }) => adminAddress.replace('http://', '')),
    async metrics() {
      const pages = [gateway, drifting].map(async ({ adminAddress }) =>
        (await fetch(`${adminAddress}/metrics`)).text(),
      );
      return (await Promise.all(pages)).join('\n');
    },
    async begin() {
      await api.call('KV/DeleteRange', {
        key: bytes(`${PREFIX}/cart/`),
        range_end: prefixEnd(`${PREFIX}/cart/`),
      });
      dc2.drift();
      await breakConfiguration(file, gateway);
    },
    async worse() {
      await registry.close();
    },
    async end() {
      await stopTraffic();
      await gateway.close();
      await drifting.close();
    },
  };
}

async function registerAll(t: TestContext, api: EtcdApi): Promise<void> {
  const well = await Promise.all(Array.from({ length: 4 }, () => liveService(t)));
  const addresses = well.map(({ address }) => address);
  const dead = ['127.0.0.1:1', '127.0.0.1:2'];
  const resetting = await Promise.all(Array.from({ length: 3 }, () => resettingService(t)));
  const registered: Record<string, readonly string[]> = {
    goods: [...addresses.slice(0, 2), ...dead],
    cart: addresses.slice(2),
    flaky: resetting,
    rubbish: ['nonsense'],
  };
  for (const [service, values] of Object.entries(registered)) {
    for (const value of values) {
      await api.call('KV/Put', { key: bytes(`${PREFIX}/${service}/${value}`), value: bytes(value) });
    }
  }
}

/** Takes each request and answers it with a reset, late enough for more retries to be under way than are free. */
async function resettingService(t: TestContext): Promise<string> {
  const upstream = await rawUpstream(async (connection) => {
    await connection.requestHead();
    await pause(BETWEEN_REQUESTS_MS);
    connection.reset();
  });
  t.after(() => upstream.close());
  return upstream.address;
}

const ROUTE_TO_GOODS = 'routes: [{ prefix: /goods, service: goods }]\n';

function routesFor(endpoint: string): string {
  return `registry: { type: etcd, endpoints: [${endpoint}], prefix: ${PREFIX}, schema: plain }
routes:
  - { prefix: /goods, service: goods }
  - { prefix: /cart, service: cart }
  - { prefix: /flaky, service: flaky }
  - { prefix: /orders, service: orders }
services:
  # Were they taken out, there would be none left to try again at.
  flaky: { ejection: { enabled: false } }
`;
}

async function openGateway(
  t: TestContext,
  routes: string,
  over: { readonly origin?: ConfigOrigin; readonly sources?: readonly Source[] },
): Promise<Gateway> {
  const config = parseConfig(withListeners(routes), 'routes.yaml', {});
  if ('errors' in config) throw new Error(JSON.stringify(config.errors));
  const gateway = await startGateway({ settings: config.settings, logStream: silence, ...over });
  t.after(() => gateway.close());
  return gateway;
}

interface DriftingSource {
  readonly source: Source;
  /** Its watch loses a change, and a list finds out. */
  drift(): void;
}

/** No real registry loses a change on demand. */
function driftingSource(): DriftingSource {
  const source = createStaticSource({ name: 'dc2', clock: systemClock });
  let drift = 0;
  return {
    source: { ...source, view: () => ({ ...source.view(), drift }) },
    drift: () => {
      drift += 1;
    },
  };
}

/** Leaves routes.yaml with an option that there is not. */
async function breakConfiguration(file: string, gateway: Gateway): Promise<void> {
  await writeFile(file, 'rutes: []\n');
  const errors = await gateway.reload();
  if (!errors.some((error) => error.includes('rutes')))
    throw new Error(`was to be refused: ${errors.join()}`);
}

/** A few requests at a time to every service, and one to none. Returns what stops it. */
function traffic(t: TestContext, origin: string): () => Promise<void> {
  const agent = new Agent({ connections: 16 });
  let stopped = false;
  const ask = async (path: string): Promise<void> => {
    while (!stopped) {
      await agent
        .request({ origin, path, method: 'GET' })
        .then(({ body }) => body.dump())
        .catch(() => {});
      await pause(BETWEEN_REQUESTS_MS);
    }
  };
  const paths = ['/goods', '/cart', '/orders', '/nothing', ...Array.from({ length: 8 }, () => '/flaky')];
  const workers = paths.map(ask);
  const stop = async (): Promise<void> => {
    stopped = true;
    await agent.destroy();
    await Promise.all(workers);
  };
  t.after(stop);
  return stop;
}
