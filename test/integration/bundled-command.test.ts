import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { runCommand } from '../support/command.js';
import { bytes, EtcdApi } from '../support/etcd-api.js';
import { startGatewayProcess, temporaryFile, WatchgateProcess } from '../support/gateway-process.js';
import { withListeners } from '../support/gateway-under-test.js';
import { otlpOverGrpc, otlpOverHttp } from '../support/otlp-receiver.js';
import { rawRequest } from '../support/raw-client.js';
import { head } from '../support/raw-http.js';

const COLLECTORS = [
  { protocol: 'http/protobuf', open: otlpOverHttp },
  { protocol: 'http/json', open: otlpOverHttp },
  { protocol: 'grpc', open: otlpOverGrpc },
];

for (const { protocol, open } of COLLECTORS) {
  test(`the command as built exports spans over ${protocol}`, async (t) => {
    const collector = await open(t);
    const routes = 'registry: { type: file, path: examples/file/endpoints.yaml }\n';
    const { port } = await startGatewayProcess(t, routes, {
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_BSP_SCHEDULE_DELAY: '1',
    });
    await rawRequest(port, head('GET /nowhere HTTP/1.1', 'Host: a', 'Connection: close'));
    assert.match((await collector.span(0)).name, /^GET/);
  });
}

const PATIENCE = { timeout: 30_000 };
const KEY = '/service_registry_discovery/goods/pod-1';

/** A registry run by the command, and etcd's API of it. */
async function builtRegistry(t: TestContext) {
  const registry = new WatchgateProcess(t, ['registry', '--listen', '127.0.0.1:0']);
  const [, endpoint = ''] = await registry.line(/^registry ready (\S+)$/m);
  const api = new EtcdApi(endpoint);
  t.after(() => api.close());
  return { registry, endpoint, url: endpoint.replace('http:', 'etcd:'), api };
}

test('the command as built registers, renews, says that it leaves, and leaves', PATIENCE, async (t) => {
  const { registry, url, api } = await builtRegistry(t);
  const flags = ['--service', 'goods', '--port', '80', '--address', '10.0.0.5', '--host-key', 'pod-1'];
  const more = ['--ttl', '1', '--health', 'none', '--drain-wait', '0s'];
  const where = ['--registry', `${url}/service_registry_discovery`];
  const watch = api.watch();
  t.after(() => watch.cancel());
  await watch.create({ key: bytes(KEY) });
  const registrar = new WatchgateProcess(t, ['register', ...flags, ...more, ...where]);
  const kv = (await watch.events(1))[0]?.kv;
  assert.ok(kv !== undefined);
  assert.equal(kv.value.toString(), '10.0.0.5:80');

  const { grantedTTL } = await api.call('Lease/LeaseTimeToLive', { ID: kv.lease, keys: false });
  await pause(2_500 * Number(grantedTTL));
  const { kvs } = await api.call('KV/Range', { key: bytes(KEY) });
  assert.deepEqual([kvs[0]?.version, kvs[0]?.lease], ['1', kv.lease], 'renewed, and not put again');

  registrar.signal('SIGTERM');
  const [draining, gone] = await watch.events(2);
  assert.equal(draining?.kv.value.toString(), '{"address":"10.0.0.5:80","draining":true}');
  assert.equal(gone?.type, 'Delete');
  const { code, stderr } = await registrar.exit;
  assert.deepEqual([code, /error|failed/i.test(stderr)], [0, false], stderr);
  const { TTL } = await api.call('Lease/LeaseTimeToLive', { ID: kv.lease, keys: false });
  assert.equal(TTL, '-1', 'revoked');
  registry.signal('SIGTERM');
  assert.equal((await registry.exit).code, 0);
});

test('the command as built starts from a key, follows it, and writes it to a file', PATIENCE, async (t) => {
  const { endpoint, url, api } = await builtRegistry(t);
  const service = createServer((_, response) => response.end('goods')).listen(0, '127.0.0.1');
  t.after(() => service.close());
  const port = await new Promise<number>((resolve) =>
    service.once('listening', () => {
      const address = service.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    }),
  );
  await api.call('KV/Put', { key: bytes(KEY), value: bytes(`127.0.0.1:${port}`) });
  const routesFor = (path: string): string =>
    withListeners(
      `registry: { type: etcd, endpoints: [${endpoint}] }\nroutes: [{ prefix: ${path}, service: goods }]\n`,
    );
  const put = (text: string) => api.call('KV/Put', { key: bytes('/watchgate/routes'), value: bytes(text) });
  await put(routesFor('/one'));

  const gateway = new WatchgateProcess(t, ['start', '-c', `${url}/watchgate/routes`]);
  const [, front] = await gateway.line(/listening on \S+:(\d+), admin on \S+:(\d+)/);
  const served = async (path: string): Promise<string> => {
    const request = head(`GET ${path} HTTP/1.1`, 'Host: a', 'Connection: close');
    for (;;) {
      const { status, body } = await rawRequest(Number(front), request);
      if (status === 200) return body.toString();
      await pause(20);
    }
  };
  assert.equal(await served('/one'), 'goods');
  await put(routesFor('/two'));
  assert.equal(await served('/two'), 'goods');

  const file = await temporaryFile(t, 'routes.yaml', '');
  const { code, err } = await runCommand('config', `${url}/watchgate/routes`, '--file', file, '--once');
  assert.deepEqual([code, readFileSync(file, 'utf8')], [0, routesFor('/two')], err);
});

test('a gateway that only watches does not load the definition of etcd’s API', () => {
  const folder = new URL('../../dist/command/', import.meta.url);
  const loaded = new Map<string, string>();
  const load = (file: string): void => {
    if (loaded.has(file)) return;
    const code = readFileSync(new URL(file, folder), 'utf8');
    loaded.set(file, code);
    // Not those of `import(…)`, which are loaded when they are needed.
    for (const [, name = ''] of code.matchAll(/(?:\bfrom|\bimport)\s*"\.\/([^"]+)"/g)) load(name);
  };
  for (const file of readdirSync(folder)) if (/^(main|start-\w+|worker)\.js$/.test(file)) load(file);
  assert.ok(loaded.size > 10, [...loaded.keys()].join());
  const loaders = [...loaded].filter(([, code]) => code.includes('etcd3/proto/rpc.proto'));
  assert.deepEqual(
    loaders.map(([file]) => file),
    [],
  );
});

test('what is bundled hands on the licences of its packages', () => {
  const licences = readFileSync(new URL('../../dist/command/LICENSES.txt', import.meta.url), 'utf8');
  const { dependencies } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  // Of etcd3 only the definition of the API is used, which is read where it is installed.
  const bundled = Object.keys(dependencies).filter((name) => !/^@opentelemetry\/|^etcd3$/.test(name));
  for (const name of [...bundled, 'find-my-way', 'protobufjs']) {
    assert.match(licences, new RegExp(`^${name} \\d`, 'm'), name);
  }
});
