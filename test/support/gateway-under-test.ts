import { writeFile } from 'node:fs/promises';
import type { TestContext } from 'node:test';
import { parseConfig } from '../../src/config/load.js';
import { fileOrigin } from '../../src/config/origin.js';
import { systemClock } from '../../src/core/clock.js';
import {
  type CertificateEvent,
  type ConfigEvent,
  EventHub,
  type HealthChange,
  type RequestRecord,
} from '../../src/core/events.js';
import { createStaticSource } from '../../src/discovery/static-source.js';
import { startGateway } from '../../src/gateway.js';
import type { LogStream } from '../../src/observability/log-stream.js';
import { type RawUpstream, rawUpstream, type Script } from './raw-upstream.js';
import { Sequence } from './sequence.js';

export interface GatewayOptions {
  /** A routes.yaml without `listen`, `admin` and `registry`. */
  readonly routes: string;
  /** Endpoint addresses by service name. */
  readonly services?: Readonly<Record<string, readonly string[]>>;
  /** A path to write the routes.yaml to, which the gateway then follows. */
  readonly file?: string;
}

/** A whole gateway in this process, on free ports, whose registry is the test itself. */
export interface GatewayUnderTest {
  readonly port: number;
  /** NaN without TLS. */
  readonly tlsPort: number;
  readonly adminPort: number;
  readonly url: string;
  /** Finished requests, in order. */
  readonly requests: readonly RequestRecord[];
  setEndpoints(service: string, addresses: readonly string[]): void;
  /** The record with this index, once that request has finished. */
  record(index?: number): Promise<RequestRecord>;
  /** The change of an endpoint's health with this index, once it has come. */
  healthChange(index?: number): Promise<HealthChange>;
  /** The reading of the certificate with this index, once it has been done. */
  certificate(index: number): Promise<CertificateEvent>;
  /** Those that have come. */
  readonly healthChanges: readonly HealthChange[];
  /** What the admin port answers, JSON. */
  api(path: string): Promise<unknown>;
  /** The values of a metric's series by their labels, as `/metrics` writes them. */
  metric(name: string): Promise<Readonly<Record<string, number>>>;
  /** Writes another routes.yaml to the file; resolves once the gateway has taken or refused it. */
  rewrite(routes: string): Promise<ConfigEvent>;
  /** The next change of configuration, or one after that. */
  nextConfig(later?: number): Promise<ConfigEvent>;
  /** Loads the file again; resolves to its errors. */
  reload(): Promise<readonly string[]>;
  /** Leaves as on SIGTERM. */
  drain(): Promise<void>;
  close(): Promise<void>;
}

/** A routes.yaml that sends everything to the service `goods`; `policy` lines go onto the route. */
export function routeAll(...policy: readonly string[]): string {
  return ['routes:', '  - prefix: /', '    service: goods', ...policy.map((line) => `    ${line}`), ''].join(
    '\n',
  );
}

const silence: LogStream = { dropped: 0, write: () => undefined, close: async () => undefined };

export async function startGatewayUnderTest(options: GatewayOptions): Promise<GatewayUnderTest> {
  const { file } = options;
  const text = withListeners(options.routes);
  if (file !== undefined) await writeFile(file, text);
  const config = parseConfig(text, 'routes.yaml', {});
  if ('errors' in config)
    throw new Error(`the test's routes.yaml is wrong: ${JSON.stringify(config.errors)}`);
  const hub = new EventHub();
  const records = new Sequence<RequestRecord>('the record of request');
  hub.on('request', (record) => records.push(record));
  const configs = new Sequence<ConfigEvent>('change of configuration');
  hub.on('config', (event) => configs.push(event));
  const certificates = new Sequence<CertificateEvent>('reading of the certificate');
  hub.on('certificate', (event) => certificates.push(event));
  const healthChanges = new Sequence<HealthChange>('change of health');
  hub.on('health', (event) => healthChanges.push(event));
  const source = createStaticSource({ name: 'main', clock: systemClock });
  for (const [service, addresses] of Object.entries(options.services ?? {})) {
    source.setEndpoints(service, addresses);
  }
  const gateway = await startGateway({
    settings: config.settings,
    origin: file === undefined ? undefined : fileOrigin(file),
    sources: [source],
    hub,
    logStream: silence,
  });
  return {
    port: portOf(gateway.address),
    tlsPort: portOf(gateway.tlsAddress ?? ''),
    adminPort: portOf(gateway.adminAddress),
    url: `http://${gateway.address}`,
    requests: records.items,
    record: (index) => records.nth(index),
    certificate: (index) => certificates.nth(index),
    healthChange: (index) => healthChanges.nth(index),
    healthChanges: healthChanges.items,
    api: async (path) => (await fetch(`${gateway.adminAddress}${path}`)).json(),
    metric: async (name) => seriesOf(await (await fetch(`${gateway.adminAddress}/metrics`)).text(), name),
    setEndpoints: (service, addresses) => source.setEndpoints(service, addresses),
    async rewrite(routes) {
      if (file === undefined) throw new Error('there is no file to rewrite');
      const change = configs.nth(configs.items.length);
      await writeFile(file, withListeners(routes));
      return change;
    },
    nextConfig: (later = 0) => configs.nth(configs.items.length + later),
    reload: () => gateway.reload(),
    drain: () => gateway.drain(),
    close: () => gateway.close(),
  };
}

/** Names the client that gateways speak to endpoints with; the default one when unset. */
export const UPSTREAM_CLIENT = 'WATCHGATE_TEST_CLIENT';

/** A whole routes.yaml: these routes, on free ports. */
export function withListeners(routes: string): string {
  const client = process.env[UPSTREAM_CLIENT];
  const defaults = client === undefined ? '' : `defaults: { client: ${client} }\n`;
  return `listen: 127.0.0.1:0\nadmin: 127.0.0.1:0\n${defaults}${routes}`;
}

export interface Behind {
  readonly gateway: GatewayUnderTest;
  readonly upstream: RawUpstream;
  /** The gateway's port. */
  readonly port: number;
}

/** One raw upstream, registered as `goods`, behind a gateway. Both end with the test. */
export async function behindGateway(t: TestContext, script?: Script, routes = routeAll()): Promise<Behind> {
  const upstream = await rawUpstream(script);
  t.after(() => upstream.close());
  const gateway = await startGatewayUnderTest({ routes, services: { goods: [upstream.address] } });
  t.after(() => gateway.close());
  return { gateway, upstream, port: gateway.port };
}

function seriesOf(text: string, name: string): Record<string, number> {
  const lines = text.matchAll(new RegExp(`^${name}(?:\\{(.*)\\})? (\\S+)$`, 'gm'));
  return Object.fromEntries([...lines].map(([, labels = '', value]) => [labels, Number(value)]));
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1) || Number.NaN);
}
