import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { type TestContext, test } from 'node:test';
import { freePort } from '../support/free-ports.js';
import { startGatewayProcess, temporaryFile, WatchgateProcess } from '../support/gateway-process.js';
import { routeAll } from '../support/gateway-under-test.js';
import { rawRequest } from '../support/raw-client.js';
import { head } from '../support/raw-http.js';
import { rawUpstream } from '../support/raw-upstream.js';
import { registryYaml, startRegistryUnderTest } from '../support/registry-under-test.js';
import { listenOnLoopback } from '../support/wire.js';

const GET = head('GET / HTTP/1.1', 'Host: a');

async function takenPort(t: TestContext): Promise<number> {
  const server = createServer();
  t.after(() => server.close());
  return listenOnLoopback(server);
}

/** Asserts that `watchgate start` says one line and gives up. */
async function assertRefuses(t: TestContext, file: string, saying: RegExp): Promise<void> {
  const { code, stderr } = await new WatchgateProcess(t, ['start', '-c', file]).exit;
  assert.equal(code, 1);
  assert.match(stderr, saying);
  assert.equal(stderr.trimEnd().split('\n').length, 1, stderr);
}

test('a port that is taken is one clear line and exit 1', async (t) => {
  const port = await takenPort(t);
  const registry = registryYaml(1);
  const listen = `listen: 127.0.0.1:${port}\nadmin: 127.0.0.1:0\n${registry}`;
  const admin = `listen: 127.0.0.1:0\nadmin: 127.0.0.1:${port}\n${registry}`;
  const embedded = `listen: 127.0.0.1:0\nadmin: 127.0.0.1:0\nregistry: { type: embedded, listen: 127.0.0.1:${port} }\n`;
  const saying = new RegExp(`127\\.0\\.0\\.1:${port}.* in use`);
  await Promise.all(
    [listen, admin, embedded].map(async (text) =>
      assertRefuses(t, await temporaryFile(t, 'routes.yaml', text), saying),
    ),
  );
});

test('a file that cannot be read, or is not valid, is one clear line and exit 1', async (t) => {
  const misspelt = await temporaryFile(t, 'routes.yaml', 'routes:\n  - prefix: /goods\n    servise: goods\n');
  await Promise.all([
    assertRefuses(t, '/nowhere/routes.yaml', /\/nowhere\/routes\.yaml/),
    assertRefuses(t, tmpdir(), new RegExp(tmpdir())),
    assertRefuses(t, await temporaryFile(t, 'routes.yaml', 'routes: [\n'), /routes\.yaml:\d+:\d+: /),
    new WatchgateProcess(t, ['start', '-c', misspelt]).exit.then(({ code, stderr }) => {
      assert.equal(code, 1);
      assert.match(stderr, /routes\.yaml:3:5: .*service/);
    }),
  ]);
});

test('a gateway started before its registry is not ready, and becomes ready when that appears', async (t) => {
  const upstream = await rawUpstream();
  t.after(() => upstream.close());
  const port = await freePort();
  const gateway = await startGatewayProcess(t, `${registryYaml(port)}${routeAll()}`);
  const { status, body } = await gateway.admin('/readyz');
  assert.equal(status, 503);
  assert.match(body, /main/);
  assert.equal((await gateway.admin('/healthz')).status, 200);
  assert.equal((await rawRequest(gateway.port, GET)).status, 503);

  const registry = await startRegistryUnderTest(t, port);
  await gateway.adminUntil('/readyz', (readiness) => readiness === 200);
  await registry.register('goods', upstream.address);
  await gateway.adminUntil('/api/services', (_status, services) => services.includes(upstream.address));
  assert.equal((await rawRequest(gateway.port, GET)).status, 200);

  await registry.close();
  await gateway.adminUntil('/api/registry', (_status, view) => view.includes('"connected":false'));
  assert.equal((await rawRequest(gateway.port, GET)).status, 200, 'losing the registry loses no endpoint');
});

test('registrations are followed while running', async (t) => {
  const upstream = await rawUpstream();
  t.after(() => upstream.close());
  const registry = await startRegistryUnderTest(t);
  const gateway = await startGatewayProcess(t, `${registry.yaml}${routeAll()}`);
  await gateway.adminUntil('/readyz', (status) => status === 200);
  assert.equal((await rawRequest(gateway.port, GET)).status, 503);
  await registry.register('goods', upstream.address);
  await gateway.adminUntil('/api/services', (_status, body) => body.includes(upstream.address));
  assert.equal((await rawRequest(gateway.port, GET)).status, 200);
  await registry.unregister('goods', upstream.address);
  await gateway.adminUntil('/api/services', (_status, body) => !body.includes(upstream.address));
  assert.equal((await rawRequest(gateway.port, GET)).status, 503);
});
