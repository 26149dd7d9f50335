import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import type { EtcdMember } from '../../src/etcd/member.js';
import { register } from '../../src/registrar/registrar.js';
import { type EtcdServer, etcdctl, etcdVersions, startEtcd } from '../support/etcd-server.js';
import { openMembers } from '../support/followed-source.js';
import {
  eventually,
  GatewayOnRegistry,
  type LiveService,
  Load,
  liveService,
} from '../support/gateway-on-registry.js';
import { startTcpProxy } from '../support/tcp-proxy.js';

const PREFIX = '/services';

interface Stage {
  readonly etcd: EtcdServer;
  readonly member: () => EtcdMember;
  readonly services: readonly LiveService[];
  /** Of each service, in order. Never renewed, and long. */
  readonly leases: readonly string[];
  readonly gateway: GatewayOnRegistry;
}

/** Live services, registered in an etcd of their own under a lease each, behind a gateway; `way` is its way to that etcd. */
async function stage(
  t: TestContext,
  count: number,
  settings = '',
  etcd?: EtcdServer,
  way = etcd?.endpoint,
): Promise<Stage> {
  const server = etcd ?? (await startEtcd(version));
  t.after(() => server.stop());
  const members = openMembers(t, { endpoints: [server.endpoint] });
  const services = await Promise.all(Array.from({ length: count }, () => liveService(t)));
  const leases = await Promise.all(services.map(({ address }) => enroll(members.current(), address)));
  const gateway = await GatewayOnRegistry.start(
    t,
    `registry: { type: etcd, endpoints: [${way ?? server.endpoint}], prefix: ${PREFIX} }
routes: [{ prefix: /, service: goods }]
${settings}`,
  );
  await gateway.states('goods', statesOf(services, 'up'));
  return { etcd: server, member: () => members.current(), services, leases, gateway };
}

const [version = '3.5'] = [...etcdVersions].reverse();

async function enroll(member: EtcdMember, address: string): Promise<string> {
  const { id } = await member.leaseGrant(600);
  await member.put(`${PREFIX}/goods/${address}`, address, id);
  return id;
}

function statesOf(services: readonly LiveService[], state: string): Record<string, string> {
  return Object.fromEntries(services.map(({ address }) => [address, state]));
}

function causes({ membership }: GatewayOnRegistry): string[] {
  return membership.map(({ change, cause }) => `${change} ${cause}`);
}

describe('the guard', { concurrency: true, skip: etcdVersions.length === 0 }, () => {
  test('an emptied prefix: live services go on being used, no request fails, and it is said why', async (t) => {
    const { etcd, services, gateway } = await stage(t, 3);
    const load = new Load(t, gateway.url);
    await load.more(20);
    const { stdout } = await etcdctl(version, etcd.endpoint, ['del', '--prefix', PREFIX]);
    assert.equal(stdout.trim(), '3');
    await gateway.states('goods', statesOf(services, 'stale'));
    await load.more(200);
    await load.stop();
    assert.deepEqual(load.failures, []);
    for (const { held, notEligible } of await gateway.endpoints('goods')) {
      assert.equal(held?.reason, 'lost the last of the service');
      assert.equal(notEligible, null);
    }
    const journal = await gateway.admin('/api/events');
    assert.match(journal.text, /"cause":"held","reason":"lost the last of the service"/);
    const metrics = await gateway.admin('/metrics');
    assert.match(metrics.text, /^watchgate_endpoints\{service="goods",state="stale"\} 3$/m);
  });

  test('every lease gone at once: the same', async (t) => {
    const { member, services, leases, gateway } = await stage(t, 4);
    const load = new Load(t, gateway.url);
    await load.more(20);
    for (const lease of leases) await member().leaseRevoke(lease);
    await eventually('the registry is empty', async () => (await gateway.registry()).endpoints === 0);
    await load.more(200);
    await load.stop();
    assert.deepEqual(load.failures, []);
    await gateway.states('goods', statesOf(services, 'stale'));
  });

  test('a registry that comes back without its data: no request fails, and who registers again is listed', async (t) => {
    const data = await mkdtemp(join(tmpdir(), 'watchgate-lost-'));
    t.after(() => rm(data, { recursive: true, force: true }));
    const { etcd, member, services, gateway } = await stage(
      t,
      3,
      '',
      await startEtcd(version, { args: [`--data-dir=${data}`] }),
    );
    const load = new Load(t, gateway.url);
    await load.more(20);
    etcd.kill();
    await eventually('the gateway notices', async () => !(await gateway.registry()).connected);
    await rm(data, { recursive: true });
    await etcd.restart();
    await gateway.states('goods', statesOf(services, 'stale'));
    await load.more(100);
    const counted = await gateway.endpoints('goods');
    for (const { address } of services) await enroll(member(), address);
    await gateway.states('goods', statesOf(services, 'up'));
    await load.more(100);
    await load.stop();
    assert.deepEqual(load.failures, []);
    const now = new Map((await gateway.endpoints('goods')).map((view) => [view.address, view.requests]));
    for (const { address, requests } of counted) {
      assert.ok((now.get(address) ?? 0) > requests, 'the same endpoint, with its connections and its counts');
    }
  });

  test('services that died with their entries: released within a probe, and then NO_ENDPOINT', async (t) => {
    const { member, services, leases, gateway } = await stage(t, 3);
    await Promise.all(services.map((service) => service.die()));
    const started = performance.now();
    for (const lease of leases) await member().leaseRevoke(lease);
    await gateway.states('goods', {});
    assert.ok(performance.now() - started < 3_000);
    // The first probe decided: none was held until another.
    assert.ok(!causes(gateway).some((line) => line.includes('held')), causes(gateway).join());
    const response = await fetch(gateway.url);
    assert.equal(response.status, 503);
    assert.match(await response.text(), /"code":"NO_ENDPOINT"/);
  });

  test('of services that are held, one that dies is released within a probe, and costs no request', async (t) => {
    const { member, services, leases, gateway } = await stage(t, 3);
    for (const lease of leases) await member().leaseRevoke(lease);
    await gateway.states('goods', statesOf(services, 'stale'));
    const load = new Load(t, gateway.url);
    await load.more(20);
    const [first, ...others] = services;
    const started = performance.now();
    await first?.die();
    await gateway.states('goods', statesOf(others, 'stale'));
    assert.ok(performance.now() - started < 3_000);
    await load.more(50);
    await load.stop();
    assert.deepEqual(load.failures, []);
    assert.equal(gateway.membership.at(-1)?.cause, 'released');
  });

  test('a held endpoint is asked by the health check of its service', async (t) => {
    const { member, services, leases, gateway } = await stage(
      t,
      2,
      'services: { goods: { healthCheck: { type: http, expect: 204, interval: 1h } } }',
    );
    for (const lease of leases) await member().leaseRevoke(lease);
    await gateway.states('goods', {});
    assert.equal(
      gateway.membership.filter(({ reason }) => reason === 'a probe failed').length,
      services.length,
    );
  });

  test('the last pod that leaves as it should is gone at once, without an alarm', async (t) => {
    const server = await startEtcd(version);
    const { gateway } = await stage(t, 0, '', server);
    const { port } = new URL(server.endpoint);
    const service = await liveService(t);
    const registration = register({
      registry: `etcd://127.0.0.1:${port}${PREFIX}`,
      service: 'goods',
      address: service.address,
    });
    await gateway.states('goods', { [service.address]: 'up' });
    await registration.close();
    await gateway.states('goods', {});
    assert.ok(!causes(gateway).some((line) => /held|released/.test(line)), causes(gateway).join());
  });

  test('a key that its owner deletes is gone at once, though the service still answers', async (t) => {
    const { etcd, services, gateway } = await stage(t, 1);
    await etcdctl(version, etcd.endpoint, ['del', `${PREFIX}/goods/${services[0]?.address}`]);
    const started = performance.now();
    await gateway.states('goods', {});
    assert.ok(performance.now() - started < 3_000);
    assert.deepEqual(causes(gateway), ['joined relisted', 'left removed']);
  });

  test('staleTtl: 0 believes an emptied registry at once', async (t) => {
    const { member, leases, gateway } = await stage(t, 3, 'staleTtl: 0');
    for (const lease of leases) await member().leaseRevoke(lease);
    await gateway.states('goods', {});
    assert.equal(await gateway.status(), 503);
    assert.ok(causes(gateway).every((line) => !line.includes('held')));
  });

  test('a registry that says nothing for 10 s: degraded, told, served, and ready', async (t) => {
    const { etcd, services, gateway } = await stage(t, 2);
    process.kill(etcd.pid, 'SIGSTOP');
    await eventually('degraded', () => gateway.sourceEvents.some(({ kind }) => kind === 'degraded'));
    assert.equal((await gateway.registry()).degraded, true);
    assert.equal((await gateway.admin('/readyz')).status, 200);
    assert.equal(await gateway.status(), 200);
    await gateway.states('goods', statesOf(services, 'up'));
    process.kill(etcd.pid, 'SIGCONT');
    await eventually('confirmed', () => gateway.sourceEvents.some(({ kind }) => kind === 'confirmed'));
    assert.equal((await gateway.registry()).degraded, false);
  });
});

// Apart, so that no more servers than before run at once.
describe('the guard after an outage', { skip: etcdVersions.length === 0 }, () => {
  test('a key put under another lease and deleted while the gateway was cut off is gone when it is back', async (t) => {
    const server = await startEtcd(version);
    const way = await startTcpProxy(new URL(server.endpoint).host);
    t.after(() => way.close());
    const endpoint = `http://${way.address}`;
    const { member, services, leases, gateway } = await stage(t, 1, '', server, endpoint);
    const address = services[0]?.address ?? '';
    way.cut();
    await eventually('the gateway notices', async () => !(await gateway.registry()).connected);
    await enroll(member(), address);
    // The first lease is gone: to ask about it would say that nobody had deleted the key.
    await member().leaseRevoke(leases[0] ?? '');
    await member().deleteRange(`${PREFIX}/goods/${address}`);
    way.mend();
    await gateway.states('goods', {});
    assert.deepEqual(causes(gateway), ['joined relisted', 'left removed']);
    const relists = gateway.sourceEvents.filter(({ kind }) => kind === 'relisted');
    assert.deepEqual(
      relists.map(({ detail }) => detail),
      ['start'],
      'the watch went on from where it was',
    );
  });
});
