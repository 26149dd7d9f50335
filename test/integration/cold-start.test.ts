import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { type EtcdServer, etcdVersions, startEtcd } from '../support/etcd-server.js';
import { openMembers } from '../support/followed-source.js';
import {
  eventually,
  GatewayOnRegistry,
  type LiveService,
  Load,
  liveService,
} from '../support/gateway-on-registry.js';

const [version = '3.5'] = [...etcdVersions].reverse();

interface Stage {
  readonly etcd: EtcdServer;
  readonly routes: string;
  /** The snapshot. */
  readonly file: string;
  readonly services: readonly LiveService[];
}

/** Two live services whose gateway has seen them and has gone; their etcd has been killed. */
async function stage(t: TestContext): Promise<Stage> {
  const stateDir = await mkdtemp(join(tmpdir(), 'watchgate-state-'));
  t.after(() => rm(stateDir, { recursive: true, force: true }));
  const etcd = await startEtcd(version);
  t.after(() => etcd.stop());
  const member = openMembers(t, { endpoints: [etcd.endpoint] }).current();
  const services = [await liveService(t), await liveService(t)];
  for (const { address } of services) {
    await member.put(`/service_registry_discovery/goods/${address}`, address);
  }
  const routes = `registry: { type: etcd, endpoints: [${etcd.endpoint}] }
routes: [{ prefix: /, service: goods }]
stateDir: ${stateDir}
`;
  const before = await GatewayOnRegistry.start(t, routes);
  await before.states('goods', statesOf(services, 'up'));
  await before.close();
  etcd.kill('SIGKILL');
  return { etcd, routes, file: join(stateDir, 'registry-main.json'), services };
}

function statesOf(services: readonly LiveService[], state: string): Record<string, string> {
  return Object.fromEntries(services.map(({ address }) => [address, state]));
}

describe('a start without a registry', { concurrency: true, skip: etcdVersions.length === 0 }, () => {
  test('serves from the snapshot, says so, and goes over to the registry when that is back', async (t) => {
    const { etcd, routes, services } = await stage(t);
    const started = performance.now();
    const gateway = await GatewayOnRegistry.start(t, routes);
    assert.equal((await gateway.admin('/readyz')).status, 503);
    await eventually('ready', async () => (await gateway.admin('/readyz')).status === 200);
    assert.ok(performance.now() - started < 5_000);
    const load = new Load(t, gateway.url);
    await load.more(50);
    for (const { state, held } of await gateway.endpoints('goods')) {
      assert.deepEqual([state, held?.reason], ['stale', 'cold start']);
    }
    const { degraded, ready } = await gateway.registry();
    assert.deepEqual([degraded, ready], [true, false]);
    assert.ok(gateway.sourceEvents.some(({ kind }) => kind === 'cold-start'));
    await etcd.restart();
    await gateway.states('goods', statesOf(services, 'up'));
    await load.more(50);
    await load.stop();
    assert.deepEqual(load.failures, []);
    assert.equal((await gateway.registry()).degraded, false);
  });

  test('uses only what answers', async (t) => {
    const { routes, services } = await stage(t);
    const [dead, ...alive] = services;
    await dead?.die();
    const gateway = await GatewayOnRegistry.start(t, routes);
    await eventually('ready', async () => (await gateway.admin('/readyz')).status === 200);
    await gateway.states('goods', statesOf(alive, 'stale'));
    assert.equal(await gateway.status(), 200);
  });

  test('a broken snapshot is told and left alone: the gateway waits for its registry', async (t) => {
    const { etcd, routes, file, services } = await stage(t);
    await writeFile(file, (await readFile(file, 'utf8')).slice(0, 100));
    const gateway = await GatewayOnRegistry.start(t, routes);
    await eventually('told', () => gateway.sourceEvents.some(({ kind }) => kind === 'snapshot'));
    assert.equal((await gateway.admin('/readyz')).status, 503);
    await etcd.restart();
    await gateway.states('goods', statesOf(services, 'up'));
    assert.equal(await gateway.status(), 200);
  });
});
