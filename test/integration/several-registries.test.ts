import assert from 'node:assert/strict';
import { rename, writeFile } from 'node:fs/promises';
import { type TestContext, test } from 'node:test';
import { a, srv, TestDnsServer } from '../support/dns-server.js';
import { freePort } from '../support/free-ports.js';
import { type GatewayProcess, startGatewayProcess, temporaryFile } from '../support/gateway-process.js';
import { rawRequest } from '../support/raw-client.js';
import { head, ok } from '../support/raw-http.js';
import { answering, rawUpstream } from '../support/raw-upstream.js';
import { registryYaml, startRegistryUnderTest } from '../support/registry-under-test.js';

/** An upstream that answers its own name; closed with the test. */
async function upstream(t: TestContext, name: string): Promise<string> {
  const server = await rawUpstream(answering(ok(name)));
  t.after(() => server.close());
  return server.address;
}

async function get(gateway: GatewayProcess, path: string): Promise<string> {
  const { status, body } = await rawRequest(
    gateway.port,
    head(`GET ${path} HTTP/1.1`, 'Host: a', 'Connection: close'),
  );
  return `${status} ${body.toString()}`;
}

/** `registries:` of these, each as its block for `registry:`, without its first line. */
function registries(blocks: Readonly<Record<string, string>>): string {
  const indented = Object.entries(blocks).map(([name, block]) => {
    const lines = block
      .replace(/^registry:\n/, '')
      .trimEnd()
      .split('\n');
    return [`  ${name}:`, ...lines.map((line) => `  ${line}`)].join('\n');
  });
  return `registries:\n${indented.join('\n')}\n`;
}

const ROUTES = `routes:
  - { prefix: /goods, service: goods }
  - { prefix: /orders, service: orders@dc2 }
  - { prefix: /legacy, service: goods@list }
  - { prefix: /named, service: goods@names }
`;

const listOf = (address: string): string => `services: { goods: ['${address}'] }`;

test('services of several registries are told apart by what stands after the @, each of the type that its configuration says', async (t) => {
  const [main, dc2] = [await startRegistryUnderTest(t), await startRegistryUnderTest(t)];
  await main.register('goods', await upstream(t, 'goods of main'));
  await dc2.register('orders', await upstream(t, 'orders of dc2'));
  await dc2.register('goods', await upstream(t, 'goods of dc2'));
  const first = await upstream(t, 'goods of the list');
  const file = await temporaryFile(t, 'endpoints.yaml', listOf(first));
  const named = new URL(`http://${await upstream(t, 'goods of DNS')}`);
  const dns = await TestDnsServer.start(t, [
    srv('_goods._tcp.test', 'one.test', Number(named.port)),
    a('one.test', named.hostname),
  ]);
  const gateway = await startGatewayProcess(
    t,
    registries({
      main: main.yaml,
      dc2: dc2.yaml,
      list: `  type: file\n  path: ${file}\n`,
      names: `  type: dns\n  servers: 127.0.0.1:${dns.port}\n  names: { goods: _goods._tcp.test }\n`,
      own: '  type: embedded\n  listen: 127.0.0.1:0\n',
    }) + ROUTES,
  );
  await gateway.adminUntil('/readyz', (status) => status === 200);
  assert.equal(await get(gateway, '/goods'), '200 goods of main');
  assert.equal(await get(gateway, '/orders'), '200 orders of dc2');
  assert.equal(await get(gateway, '/legacy'), '200 goods of the list');
  assert.equal(await get(gateway, '/named'), '200 goods of DNS');

  const views: readonly { source: string; type: string; connected: boolean }[] = JSON.parse(
    (await gateway.admin('/api/registry')).body,
  );
  assert.deepEqual(
    views.map(({ source, type, connected }) => [source, type, connected]),
    [
      ['main', 'etcd', true],
      ['dc2', 'etcd', true],
      ['list', 'file', true],
      ['names', 'dns', true],
      ['own', 'embedded', true],
    ],
  );
  const metrics = (await gateway.admin('/metrics')).body;
  for (const source of ['main', 'dc2', 'list', 'names']) {
    assert.match(metrics, new RegExp(`^watchgate_registry_connected\\{source="${source}"\\} 1$`, 'm'));
    assert.match(
      metrics,
      new RegExp(`^watchgate_registry_view_age_seconds\\{source="${source}"\\} \\S+$`, 'm'),
    );
  }
  assert.match(metrics, /^watchgate_registry_revision\{source="dc2"\} \d+$/m);
  assert.doesNotMatch(metrics, /^watchgate_registry_revision\{source="(list|names)"\}/m);
  assert.match(metrics, /^watchgate_endpoints\{service="orders@dc2",state="up"\} 1$/m);

  await writeFile(`${file}.new`, listOf(await upstream(t, 'another one of the list')));
  await rename(`${file}.new`, file);
  await gateway.adminUntil('/api/services/goods@list', (_, body) => !body.includes(first));
  await until(async () => (await get(gateway, '/legacy')) === '200 another one of the list');
  assert.equal(await get(gateway, '/goods'), '200 goods of main');
});

test('a registry that is down from the start keeps the gateway from being ready, not from serving the others', async (t) => {
  const [main, port] = [await startRegistryUnderTest(t), await freePort()];
  await main.register('goods', await upstream(t, 'goods of main'));
  const gateway = await startGatewayProcess(
    t,
    registries({
      main: main.yaml,
      dc2: registryYaml(port),
      list: '  type: file\n  path: /nowhere/endpoints.yaml\n',
      names: '  type: dns\n  servers: 127.0.0.1:1\n  names: { goods: goods.test:80 }\n',
    }) + ROUTES,
  );
  await until(async () => (await get(gateway, '/goods')) === '200 goods of main');
  const { status, body } = await gateway.admin('/readyz');
  assert.equal(status, 503);
  assert.deepEqual(JSON.parse(body), {
    ready: false,
    reasons: ['dc2', 'list', 'names'].map((name) => `registry ${name} has not been listed yet`),
  });
  assert.match(await get(gateway, '/orders'), /^503 .*NO_ENDPOINT/s);
  const metrics = (await gateway.admin('/metrics')).body;
  assert.match(metrics, /^watchgate_registry_connected\{source="main"\} 1$/m);
  assert.match(metrics, /^watchgate_registry_connected\{source="dc2"\} 0$/m);
  assert.match(metrics, /^watchgate_registry_view_age_seconds\{source="dc2"\} \+Inf$/m);

  const back = await startRegistryUnderTest(t, port);
  await back.register('orders', await upstream(t, 'orders of dc2'));
  await until(async () => (await get(gateway, '/orders')) === '200 orders of dc2');
});

test('a registry that goes down while the gateway runs is served from its last list, and it stays ready', async (t) => {
  const [main, dc2] = [await startRegistryUnderTest(t), await startRegistryUnderTest(t)];
  await main.register('goods', await upstream(t, 'goods of main'));
  await dc2.register('orders', await upstream(t, 'orders of dc2'));
  const gateway = await startGatewayProcess(
    t,
    `${registries({ main: main.yaml, dc2: dc2.yaml })}routes:
  - { prefix: /goods, service: goods }
  - { prefix: /orders, service: orders@dc2 }
`,
  );
  await gateway.adminUntil('/readyz', (status) => status === 200);
  await dc2.close();
  await gateway.adminUntil('/metrics', (_, body) =>
    body.includes('watchgate_registry_connected{source="dc2"} 0'),
  );
  assert.equal(await get(gateway, '/orders'), '200 orders of dc2');
  assert.equal((await gateway.admin('/readyz')).status, 200);
  const later = await upstream(t, 'a later one of main');
  await main.register('goods', later);
  await gateway.adminUntil('/api/services/goods', (_, body) => body.includes(later));
});

/** Asks again until it is so. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  const patience = AbortSignal.timeout(15_000);
  while (!(await holds())) patience.throwIfAborted();
}
